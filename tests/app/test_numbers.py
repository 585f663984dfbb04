"""One writer of numbers: significant digits, decimals, percentages, counts, bytes and FLOPs."""

from __future__ import annotations

from app.writing.numbers import (
    counted,
    fixed,
    in_bytes,
    in_flops,
    in_powers,
    in_words,
    percent,
    quantity,
    significant,
    work_unit,
)  # fmt: skip

NAN, INF = float("nan"), float("inf")


def test_a_value_has_three_significant_digits_and_all_of_its_whole_part() -> None:
    values = {-7.3149: "−7.31", 0.0: "0", 0.012345: "0.0123", 12345.678: "12,346", -0.086261: "−0.0863", 99.94: "99.9"}
    assert {value: significant(value) for value in values} == values
    assert significant(-0.0) == "0"
    assert [significant(17.984, digits) for digits in (1, 2, 4)] == ["18", "18", "17.98"]


def test_zeros_at_the_end_say_that_something_was_rounded_away() -> None:
    assert [significant(v) for v in (0.5, 0.49996, 17.984, 18.0, 0.1 + 0.2, 0.9996)] == [
        "0.5",
        "0.500",
        "18.0",
        "18",
        "0.3",
        "1.00",
    ]


def test_a_half_is_rounded_away_from_zero() -> None:
    assert [significant(v) for v in (2.125, -2.125, 1234.5)] == ["2.13", "−2.13", "1,235"]
    assert [fixed(v, 0) for v in (0.5, 1.5, -2.5)] == ["1", "2", "−3"]


def test_what_is_very_small_or_large_has_a_power_of_ten_and_a_count_all_of_its_digits() -> None:
    assert [significant(v) for v in (1.2e-7, 1.2044e-7, -1.5e-9, 1e-4, 9.96e-5, 3.4e9 + 0.5, 999_999.6)] == [
        "1.2 · 10⁻⁷", "1.20 · 10⁻⁷", "−1.5 · 10⁻⁹", "0.0001", "9.96 · 10⁻⁵", "3.40 · 10⁹", "1.00 · 10⁶",
    ]  # fmt: skip
    assert [significant(v) for v in (12_345_678.0, -3_000_000_000, 1e21)] == ["12,345,678", "−3,000,000,000", "1 · 10²¹"]


def test_what_has_no_end_is_infinite_and_what_is_no_number_a_dash() -> None:
    assert [write(v) for v in (INF, -INF, NAN) for write in (significant, lambda v: fixed(v, 2))] == [
        "∞",
        "∞",
        "−∞",
        "−∞",
        "–",
        "–",
    ]
    assert percent(NAN) == "–"


def test_decimals_stand_under_each_other_and_zero_has_no_sign() -> None:
    assert [fixed(v, 2) for v in (1.0, -0.004, 0.125, 12345.678, -3.14159, 1e15)] == [
        "1.00", "0.00", "0.13", "12,345.68", "−3.14", "1 · 10¹⁵",
    ]  # fmt: skip


def test_a_probability_has_one_decimal_of_a_percent_down_to_a_tenth() -> None:
    assert [percent(p) for p in (0.2263, 0.0004, 0.0, 1.0, 0.001, 0.0025, -0.031)] == [
        "22.6 %", "< 0.1 %", "0.0 %", "100.0 %", "0.1 %", "0.3 %", "−3.1 %",
    ]  # fmt: skip


def test_a_quantity_has_its_unit_and_one_of_something_is_written_as_one() -> None:
    assert [quantity(0.5, unit) for unit in ("%", "bits", "")] == ["50.0 %", "0.5 bits", "0.5"]
    assert [quantity(1, unit) for unit in ("tokens", "bits", "s", "ms")] == ["1 token", "1 bit", "1 s", "1 ms"]
    assert [counted(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]


def test_large_numbers_in_words_keep_three_digits_and_reach_the_next_word_where_they_round_to_it() -> None:
    assert [in_words(n) for n in (12, 2048, 6_174_336, 124_439_808, 1_557_611_200, 999_900_000)] == [
        "12", "2,048", "6.17 million", "124 million", "1.56 billion", "1.00 billion",
    ]  # fmt: skip
    assert [in_bytes(n) for n in (0, 512, 73_728, 497_759_232, 17_984_000_000, 999_600_000, 4e12)] == [
        "0 bytes", "512 bytes", "73.7 kB", "498 MB", "18.0 GB", "1.00 GB", "4 TB",
    ]  # fmt: skip
    assert [in_flops(n) for n in (500, 248_000_000, 999_999_999)] == ["0.5 kFLOP", "248 MFLOP", "1.00 GFLOP"]
    assert work_unit(2.5e9) == ("GFLOP", 1e9) and in_powers(3.14159e23) == "3.14 · 10²³"
