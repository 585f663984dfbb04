"""The component that draws figures, in a real browser: what stands where, what it says, and that it is drawn in place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from app.charts import theme
from tests.browser.figure_app import HOSTILE, KINDS, SHARES, WORDS
from tests.browser.figure_visitor import Visitor
from tests.browser.map_visitor import rgb
from tests.browser.visit import assert_silent, no_horizontal_scroll

Open = Callable[..., Visitor]


# ---- what stands where -------------------------------------------------------------------------------------------------


def test_bars_reach_to_their_values_first_label_at_the_top(open_figure: Open) -> None:
    visitor = open_figure("bars")
    scale = visitor.scale("x", "%", 0.01)
    first, second = visitor.bars()
    assert np.allclose([scale(right) for _, _, right, _ in first], SHARES, atol=1e-3)
    assert np.allclose([scale(right) for _, _, right, _ in second], SHARES[::-1], atol=1e-3)
    assert np.allclose([scale(left) for left, *_ in first + second], 0, atol=1e-3)
    rows = [(top + bottom) / 2 for _, top, _, bottom in first]
    assert rows == sorted(rows)
    assert all(upper[3] <= lower[1] for upper, lower in zip(first, second, strict=True)), "side by side, not over each other"
    assert [text for text, _, _ in visitor.ticks("y")] == WORDS
    assert_silent(visitor.page)


@pytest.mark.parametrize("width", [390, 1000])
@pytest.mark.parametrize(("kind", "letter"), [("bars", "x"), ("tiny", "x"), ("tiny_line", "y")])
def test_ticks_of_percentages_tell_their_values_apart(open_figure: Open, kind: str, letter: str, width: int) -> None:
    visitor = open_figure(kind, width=width)
    ticks = visitor.ticks(letter)
    values = np.array([float(text.removesuffix("%")) / 100 for text, _, _ in ticks])
    places = np.array([place[0 if letter == "x" else 1] for _, *place in ticks])
    assert len(ticks) > 2 and np.ptp(np.diff(places) / np.diff(values)) < 1e-3 * np.abs(np.diff(places) / np.diff(values)).max()
    scale = visitor.scale(letter, "%", 0.01)
    if kind == "tiny":
        assert np.allclose([scale(right) for _, _, right, _ in visitor.bars()[0]], SHARES * 5e-5, rtol=0.01, atol=1e-8)
    if kind == "tiny_line":
        marks = [float(y) for y in re.findall(r"[ML][\d.]+,([\d.]+)", visitor.paths("path.line")[0])]
        assert np.allclose([scale(y) for y in marks], SHARES * 5e-5, rtol=0.01)
    if kind == "bars":
        assert all(text.isdigit() for text in (text.removesuffix("%") for text, _, _ in ticks)), (
            "no decimals where none are needed"
        )


def test_bars_of_negative_values_go_the_other_way_from_0(open_figure: Open) -> None:
    visitor = open_figure("signed")
    scale = visitor.scale("x")
    (bars,) = visitor.bars()
    ends = [(scale(left), scale(right)) for left, _, right, _ in bars]
    assert np.allclose(ends, [(0, 1), (-2, 0), (0, 0.5), (0, 0), (0, 2), (-1, 0)], atol=0.02)
    assert visitor.texts(".marks text") == ["1", "−2", "0.5", "0", "2", "−1"]


def test_a_histogram_has_bars_of_the_counted_height_over_their_bins(open_figure: Open) -> None:
    visitor = open_figure("histogram")
    across, up = visitor.scale("x"), visitor.scale("y")
    before, after = visitor.bars()
    assert np.allclose(
        [[across(left), across(right)] for left, _, right, _ in before], [[-2, -1], [-1, 0], [0, 1], [1, 2]], atol=0.02
    )
    assert np.allclose([up(top) for _, top, _, _ in before], [0, 10, 40, 10], atol=0.2)
    assert np.allclose([up(top) for _, top, _, _ in after], [5, 25, 25, 5], atol=0.2)


def test_a_logarithmic_axis_has_its_powers_at_equal_distances_and_a_gap_where_there_is_no_value(open_figure: Open) -> None:
    visitor = open_figure("log")
    ticks = visitor.ticks("y")
    assert [text for text, _, _ in ticks] == ["1", "10", "10²", "10³", "10⁴"]
    heights = np.array([y for _, _, y in ticks])
    assert np.ptp(np.diff(heights)) < 0.1
    small, large = visitor.paths("path.line")
    assert [len(re.findall("[ML]", part)) for part in re.findall("M[^M]*", small)] == [2, 1]
    drawn = np.array(re.findall(r"[\d.]+,([\d.]+)", large), dtype=float)
    assert np.allclose(np.interp(drawn, heights[::-1], [4, 3, 2, 1, 0]), [1, 2, 3, 4], atol=0.02)


def test_dots_stand_at_the_power_of_their_value_and_the_limit_beside_its_name(open_figure: Open) -> None:
    visitor = open_figure("log_dots")
    ticks = visitor.ticks("x")
    megabytes = [float(text.removesuffix(" MB").replace(",", "")) for text, _, _ in ticks]
    line = visitor.figure.locator("line.shape")
    at = np.interp(float(line.get_attribute("x1") or 0), [x for _, x, _ in ticks], np.log10(megabytes))
    assert at == pytest.approx(3, abs=0.02)
    assert line.get_attribute("stroke-dasharray")
    assert visitor.texts(".note") == ["a card"]
    assert "700,000 MB" in visitor.texts(".marks text")


@pytest.mark.parametrize("dark", [False, True])
def test_cells_have_the_colour_of_their_value_row_0_at_the_top(open_figure: Open, dark: bool) -> None:
    visitor = open_figure("heatmap", dark=dark)
    mode: theme.Mode = "dark" if dark else "light"
    stops = theme.colour_scale("probability", mode)
    shown = visitor.canvas()
    for row, column in [(0, 0), (3, 1), (5, 5)]:
        share = 1 / (row + 1)
        expected = [
            np.interp(share, [place for place, _ in stops], channel) for channel in zip(*(rgb(c) for _, c in stops), strict=True)
        ]
        pixel = shown.getpixel((int((column + 0.5) * shown.width / 6), int((row + 0.5) * shown.height / 6)))
        assert np.abs(np.array(pixel) - expected).max() <= 3
    left_out = shown.getpixel((int(shown.width * 0.9), int(shown.height * 0.1)))
    assert left_out == rgb(theme.SURFACES[mode]["card"])
    assert visitor.texts(".ticks.y text") == WORDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_cut_off_and_no_labels_overlap(open_figure: Open, kind: str, width: int) -> None:
    visitor = open_figure(kind, width=width, dark=width > 1000)
    no_horizontal_scroll(visitor.page)
    frame = visitor.box("")
    for box in visitor.boxes("svg text"):
        assert frame[0] - 1 <= box[0] and box[2] <= frame[2] + 1 and frame[1] - 1 <= box[1] and box[3] <= frame[3] + 1
    for group in (".ticks.x text", ".ticks.y text", ".item", ".marks text"):
        boxes = visitor.boxes(group)
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                assert a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 4 or b[3] <= a[1] + 4, (group, a, b)


@pytest.mark.parametrize("width", [390, 1400])
def test_the_ringed_point_is_labelled_in_any_crowd_and_every_label_stands_inside_the_plot(open_figure: Open, width: int) -> None:
    visitor = open_figure("crowd", width=width)
    written = visitor.texts(".marks text")
    assert written.count(WORDS[1]) == 1 and len(written) < 60
    ring = visitor.boxes("path.markers")[-1]
    label = visitor.boxes(".marks text")[written.index(WORDS[1])]
    apart = [
        max(a - d, b - c, 0) for a, b, c, d in ((ring[0], label[0], ring[2], label[2]), (ring[1], label[1], ring[3], label[3]))
    ]
    assert max(apart) < 8, "beside its ring"
    left, top, _, bottom = visitor.plot()
    frame = visitor.box("")
    for box in visitor.boxes(".marks text"):
        assert frame[0] + left - 1 <= box[0] and box[2] <= frame[2] + 1
        assert frame[1] + top - 4 <= box[1] and box[3] <= frame[1] + bottom + 4  # a line of text is higher than its letters


@pytest.mark.parametrize("width", [390, 1400])
def test_a_figure_says_how_many_of_its_points_are_labelled(open_figure: Open, width: int, tmp_path: Path) -> None:
    visitor = open_figure("crowd", width=width)
    said = f"{len(visitor.texts('.marks text'))} of 60 points are labelled"
    assert visitor.texts(".small") == [f"{said}; point at the others."]
    expect(visitor.page.get_by_role("figure")).to_have_accessible_name(re.compile(f"60 points.*{said}"))
    file = visitor.saved("SVG", tmp_path).read_text("utf-8")
    assert said in file and "point at" not in file
    visitor.figure.get_by_role("button", name="show b").press("Enter")  # the open menu lies over it
    assert re.match(r"(All|\d of) 5 points are labelled", visitor.texts(".small")[0]), "the ring went with its group"
    assert open_figure("points", width=width).texts(".small") == ["All 6 points are labelled."]


# ---- what it says ------------------------------------------------------------------------------------------------------


def test_the_mouse_finds_what_is_nearest_and_leaves_nothing_behind(open_figure: Open) -> None:
    visitor = open_figure("bars")
    left, top, _, bottom = visitor.bars()[0][1]
    visitor.figure.hover(position={"x": left + 2, "y": (top + bottom) / 2})
    assert visitor.said() == ["token ␣cat", "first 20.0 %"]
    visitor.page.mouse.move(1, 1)
    expect(visitor.tip).to_be_hidden()


@pytest.mark.parametrize(
    ("kind", "share", "said"),
    [
        ("histogram", (0.7, 0.2), ["before", "value 0 to 1 mV", "values: 40"]),
        ("strip", (0.999, 0.9), ["the", "dimension 299", "value −0.995 mV"]),
        ("heatmap", (0.2, 0.3), ["query token ␣cat (1)", "key token ␣cat (1)", "attention weight 50.0 %"]),
        ("points", (0.94, 0.06), ["␣sat", "first 3", "second 3"]),
        ("log", (0.94, 0.06), ["large", "layer 3", "length 10,000"]),
    ],
)
def test_every_kind_says_what_its_hover_template_says(
    open_figure: Open, kind: str, share: tuple[float, float], said: list[str]
) -> None:
    visitor = open_figure(kind)
    left, top, right, bottom = visitor.plot()
    visitor.figure.hover(position={"x": left + share[0] * (right - left), "y": top + share[1] * (bottom - top)})
    assert visitor.said() == said


def test_a_tap_says_it_too_and_offers_the_pictures(open_figure: Open) -> None:
    visitor = open_figure("bars", width=390, touch=True)
    left, top, _, bottom = visitor.bars()[1][5]
    visitor.figure.tap(position={"x": left + 2, "y": (top + bottom) / 2})
    assert visitor.said() == ["token ␣a", "second 40.0 %"]
    assert visitor.figure.locator(".toolbar").evaluate("bar => getComputedStyle(bar).opacity") == "1"


def test_the_arrow_keys_walk_along_a_series_and_from_series_to_series(open_figure: Open) -> None:
    visitor = open_figure("log")
    visitor.figure.focus()
    visitor.press("ArrowRight")
    assert visitor.said() == ["the", "layer 0", "length 1"]
    visitor.press("ArrowRight", "ArrowRight")
    assert visitor.said() == ["the", "layer 3", "length 1,000"], "there is nothing at 2"
    visitor.press("ArrowDown", "ArrowLeft")
    assert visitor.said() == ["large", "layer 2", "length 1,000"]
    visitor.press("Home")
    assert visitor.said()[1] == "layer 0"
    visitor.press("Escape")
    expect(visitor.tip).to_be_hidden()


def test_the_arrow_keys_walk_down_bars_and_over_the_cells_of_a_map(open_figure: Open) -> None:
    visitor = open_figure("bars")
    visitor.figure.focus()
    visitor.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert visitor.said() == ["token ␣cat", "second 8.0 %"]
    visitor = open_figure("heatmap")
    visitor.figure.focus()
    visitor.press("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight")
    assert visitor.said() == ["query token ␣cat (1)", "key token ␣cat (1)", "attention weight 50.0 %"], (
        "it stops before the future"
    )


def test_a_screen_reader_hears_what_the_figure_shows(open_figure: Open) -> None:
    figure = open_figure("bars").page.get_by_role("figure")
    expect(figure).to_have_accessible_name(re.compile("Bar chart: Six tokens.*the largest of first is the with 40.0 %"))


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_that_look_like_markup_stay_text(open_figure: Open, kind: str) -> None:
    visitor = open_figure(kind, hostile=1)
    visitor.figure.focus()
    visitor.press("ArrowRight", "ArrowRight")
    assert visitor.figure.locator("img, script, foreignObject").count() == 0
    assert set(visitor.figure.locator(".tip *").evaluate_all("all => all.map((e) => e.tagName)")) <= {"DIV", "B"}
    written = " ".join([*visitor.texts("svg text"), *visitor.said()])
    assert HOSTILE[0][:9] in written
    assert "&lt;" not in written and "&#" not in written
    assert_silent(visitor.page)
