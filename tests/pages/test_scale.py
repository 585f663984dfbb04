"""The page on GPT-2 and GPT-3: the table against the papers, memory and time against arithmetic written out here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import counting
from app.chapters.scale import checks, sections, training, views
from app.charts.dots import log_dots
from app.model_card import card
from app.writing.numbers import in_bytes, in_words
from app.writing.worked import in_tex
from gptcore.checkpoints import read_config, save_model
from gptcore.config import GPT3_175B
from gptcore.model import GPTModel
from tests.pages.printed_formula import relations
from tests.pages.visit_page import JUNK, figure, figures, numbers, open_page, printed

# Parameters, layers, width, heads, context: counted from the published configurations; GPT-3 from Brown et al. 2020, table 2.1.
KNOWN = {
    "GPT-2 small": (124_439_808, 12, 768, 12, 1024),
    "GPT-2 medium": (354_823_168, 24, 1024, 16, 1024),
    "GPT-2 large": (774_030_080, 36, 1280, 20, 1024),
    "GPT-2 XL": (1_557_611_200, 48, 1600, 25, 1024),
    "GPT-3": (174_604_259_328, 96, 12288, 96, 2048),
}


Opened = Callable[..., AppTest]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> Opened:
    """opened(part, **query): that part of the page."""

    def open_part(part: str = "sizes", **query: str) -> AppTest:
        return open_page(monkeypatch, tiny_folder, "scale", open="maths.checks", scale=part, **query)

    return open_part


@pytest.fixture
def untied(tmp_path: Path, tiny_folder: Path) -> tuple[Path, int]:
    """A folder with a model whose output head is a matrix of its own, and how many numbers its tensors have."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "untied"))
    model = GPTModel(read_config(folder)[0], tied=False)
    save_model(model, folder)
    return folder, sum(tensor.numel() for tensor in model.parameters())


def table_rows(at: AppTest) -> dict[str, list[str]]:
    """First cell -> the others, of every printed table."""
    cells = [
        [re.sub(r"</?div[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", printed(at))
    ]
    return {found[0]: found[1:] for found in cells if found}


@pytest.mark.parametrize(("part", "n_figures"), {"sizes": 1, "memory": 1, "time": 1}.items())
def test_every_part_has_its_figures(opened: Opened, part: str, n_figures: int) -> None:
    assert len(figures(opened(part))) == n_figures


@pytest.mark.parametrize("part", ["sizes", "memory", "time", "gpt4"])
def test_every_part_opens_on_a_junk_link(opened: Opened, part: str) -> None:
    junk = {"quantity": "beauty", "number": "int4", "batch": "3", "apart": "gpt5", "teraflops": "0", "cards": "none"}
    at = opened(part, **JUNK, **junk)
    assert not at.query_params.keys() & junk.keys()


def test_the_table_holds_the_published_sizes(opened: Opened) -> None:
    rows = table_rows(opened())
    for model, known in KNOWN.items():
        assert rows[model][:5] == [f"{number:,}" for number in known]
    assert rows["GPT-3"][5:] == ["300 billion", "not public"] and rows["GPT-2 XL"][5:] == ["not published", "public"]


def test_the_training_tokens_of_the_loaded_model_are_never_an_empty_cell(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    for model, name, said in (
        ("storyteller", "Storyteller", in_words(1e6 * card().tokens)),
        (str(tiny_folder), tiny_folder.name, "not known here"),
    ):
        at = open_page(monkeypatch, tiny_folder, "scale", open="maths.checks", model=model)
        assert table_rows(at)[name][5] == said and "stand on its card" in printed(at)


def test_an_output_head_of_its_own_counts_on_every_part(monkeypatch: pytest.MonkeyPatch, untied: tuple[Path, int]) -> None:
    folder, count = untied
    at = {
        part: open_page(monkeypatch, folder, "scale", open="maths.checks", scale=part, number="float32", apart="loaded")
        for part in ("sizes", "memory", "time")
    }
    assert table_rows(at["sizes"])["untied"][0] == f"{count:,}"
    running, training = figure(at["memory"], "Bytes in memory at once")["data"]
    b, s, h, a, v, layers = 1, 64, 32, 4, 290, 2  # the tiny model's, and one sequence
    expected = 4 * count + 2 * layers * h * s * 4 + 9 * h * s * 4 + 4 * v
    assert numbers(running["x"])[0] == pytest.approx(expected, rel=1e-6)
    expected = 16 * count + layers * (34 * s * b * h + 5 * a * s * s * b) + 5 * s * b * h + 4 * s * b * v
    assert numbers(training["x"])[0] == pytest.approx(expected, rel=1e-6)
    assert rf"16 \cdot {in_tex(count)} " in printed(at["memory"])
    mantissa, exponent = f"{6 * count * 300e9:.2e}".split("e+")
    assert table_rows(at["time"])["untied"][0].startswith(f"{mantissa} · 10") and exponent == "16"


def test_it_says_where_the_architectures_differ_and_where_the_facts_come_from(opened: Opened) -> None:
    text = {part: printed(opened(part)) for part in ("sizes", "memory", "time")}
    assert "alternate dense" in text["sizes"] and "banded sparse attention" in text["sizes"]
    assert "1,403 times" in text["sizes"]
    for part, sources in {"sizes": "Radford Brown", "memory": "Rajbhandari Korthikanti", "time": "Kaplan Brown Lambda"}.items():
        assert all(source in text[part] for source in sources.split())


@pytest.mark.parametrize("name", sections.QUANTITIES)
def test_every_quantity_can_be_compared_by_widget_and_by_link(opened: Opened, name: str) -> None:
    page = opened()
    page.pills(key="widget_choice_quantity").set_value(name).run()
    frame = views.scale(counting.PUBLISHED)
    for at in (page, opened(quantity=name)):
        (drawn,) = figures(at)
        values = numbers(drawn["data"][0]["x"])[1:]  # the loaded model stands before them
        assert np.allclose(values, frame[sections.QUANTITIES[name].column], rtol=1e-3)
        assert drawn["layout"]["xaxis"]["type"] == "log"


def test_gpt2s_formula_gives_gpt3_the_count_of_its_paper() -> None:
    check = sections.gpt3_counted()
    assert check.ok and check.deviation == pytest.approx(4_259_328 / 174_600_000_000)
    operations = training.gpt3_operations()
    assert operations.ok and operations.deviation == pytest.approx(6 * 174_604_259_328 * 300e9 / 3.14e23 - 1)


def test_another_count_fails_both_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sections, training):
        monkeypatch.setattr(module, "GPT3_175B", replace(GPT3_175B, n_layers=97))
    assert not sections.gpt3_counted().ok and not training.gpt3_operations().ok


def test_memory_for_running_and_training_is_the_sum_of_its_parts_by_widget_and_by_link(opened: Opened) -> None:
    page = opened("memory")
    page.segmented_control(key="widget_choice_number").set_value("float32").run()
    page.select_slider(key="widget_choice_batch").set_value("8").run()
    n, b, s, h, a, v = 124_439_808, 8, 1024, 768, 12, 50257
    for at in (page, opened("memory", number="float32", batch="8")):
        running, training = figure(at, "Bytes in memory at once")["data"]
        cache, working = b * 2 * 12 * h * s * 4, b * (9 * h * s * 4 + 4 * v)
        expected = 4 * n + cache + working
        assert numbers(running["x"])[1] == pytest.approx(expected, rel=1e-3)
        for number in (4 * n, cache, working, expected):
            assert f"= {in_tex(number)}" in printed(at)
        expected = 16 * n + 12 * (34 * s * b * h + 5 * a * s * s * b) + 5 * s * b * h + 4 * s * b * v
        assert numbers(training["x"])[1] == pytest.approx(expected, rel=1e-3)
        assert rf"= {in_tex(expected)} \text{{ bytes}}" in printed(at)


@pytest.mark.parametrize("number", sections.NUMBERS)
@pytest.mark.parametrize("part", ["weights", "kv_cache", "working", "gradients", "optimizer", "activations", "total"])
def test_a_part_that_is_drawn_wrong_fails_the_second_count(number: str, part: str) -> None:
    models = (*counting.PUBLISHED, replace(counting.PUBLISHED[0], tied=False))
    frame = views.hardware(models, number, 4)
    assert checks.memory_recounted(models, number, 4, frame).ok
    last = frame[frame.part == part].index[-1]
    wrong = frame.assign(bytes=frame.bytes.where(frame.index != last, frame.bytes + 3))
    assert checks.memory_recounted(models, number, 4, wrong).deviation == 3


def test_the_memory_drawn_is_counted_twice(opened: Opened) -> None:
    assert "Parts and totals counted twice: exactly equal" in printed(opened("memory", batch="64", number="int8")).replace(
        "\\", ""
    )


def test_gpt3_needs_five_large_cards_to_run_and_many_to_train() -> None:
    frame = views.hardware(counting.PUBLISHED, "float16", 1)
    totals = frame[(frame.model == "GPT-3") & (frame.part == "total")].set_index("purpose").bytes
    assert 349e9 < totals["Running"] < 5 * 80e9
    assert totals["Training"] > 16 * 174_604_259_328
    for _, group in frame.groupby(["model", "purpose"]):
        parts = group.set_index("part").bytes
        assert parts["total"] == parts.drop("total").sum()


def test_a_model_is_taken_apart_and_the_cards_needed_are_rounded_up(opened: Opened) -> None:
    page = opened("memory")
    page.selectbox(key="widget_choice_apart").set_value("gpt3").run()
    for at in (page, opened("memory", apart="gpt3")):
        rows = table_rows(at)
        assert rows["Weights"] == ["349 GB", "349 GB"] and rows["Optimiser states"] == ["–", "2.10 TB"]
        assert rows["Keys and values"][1] == rows["Working memory"][1] == rows["Activations"][0] == "–"
        assert rows["All"] == ["359 GB", "3.07 TB"]
        assert [rows[f"Cards of {size} GB"] for size in (8, 24, 80)] == [["45", "384"], ["15", "128"], ["5", "39"]]


@pytest.mark.parametrize(("apart", "model"), [("gpt2", counting.PUBLISHED[0]), ("gpt3", counting.PUBLISHED[-1])])
def test_each_number_of_the_memory_follows_from_the_printed_ones(opened: Opened, apart: str, model: counting.ModelFacts) -> None:
    c, b = model.config, 16
    at = opened("memory", apart=apart, batch=str(b))
    found = [relation for element in at.get("latex") for relation in relations(element.proto.body)]
    assert len(found) == 5 and all(relation.holds for relation in found)
    (activations,) = [relation for relation in found if "(34 " in relation.expression]
    n = c.context_length
    expected = (
        c.n_layers * (34 * n * b * c.emb_dim + 5 * c.n_heads * n * n * b) + 5 * n * b * c.emb_dim + 4 * n * b * c.vocab_size
    )
    assert activations.value == expected


def test_it_says_why_running_counts_no_attention_maps_while_training_does(opened: Opened) -> None:
    text = printed(opened("memory"))
    assert "Running counts no attention maps" in text and "training keeps all of them" in text


def test_memory_is_written_with_three_significant_digits(opened: Opened) -> None:
    at = opened("memory", apart="gpt2-large")
    labels = [text for line in figure(at, "Bytes in memory at once")["data"] for text in line["text"]]
    written = [cell for cells in table_rows(at).values() for cell in cells if cell.endswith("B")] + labels
    assert len(written) > 15 and "18.0 GB" in written
    for text in written:
        assert len(re.sub(r"\D", "", text).lstrip("0")) == 3, text


def test_355_years_is_a_division_and_follows_its_controls(opened: Opened) -> None:
    page = opened("time")
    text = printed(page)
    assert r"355.7 \text{ years}" in text and "355.4 years of 365.25 days" in text and r"3.143 \cdot 10^{23}" in text
    page.number_input(key="widget_choice_cards").set_value(1024).run()
    assert r"126.9 \text{ days}" in printed(page)
    page.number_input(key="widget_choice_teraflops").set_value(56.0).run()
    assert r"63.4 \text{ days}" in printed(page) and "63.4 days" in printed(page)
    assert (page.query_params["cards"], page.query_params["teraflops"]) == ("1024", "56")
    assert r"63.4 \text{ days}" in printed(opened("time", cards="1024", teraflops="56"))


def test_every_model_has_its_time_for_the_same_tokens(opened: Opened) -> None:
    rows = re.findall(
        r"<tr[^>]*><td>(.*?)</td><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>", printed(opened("time", cards="1000000"))
    )
    times = {model: (operations, time) for model, operations, time in rows}
    assert times["GPT-3"] == ("3.14 · 10²³", "3.1 hours")  # 3.143e23 / 2.8e19 a second
    assert times["GPT-2 XL"] == ("2.80 · 10²¹", "1.7 minutes")


def test_dots_refuse_what_has_no_place_on_a_logarithmic_axis() -> None:
    with pytest.raises(ValueError, match="has no place on a logarithmic axis"):
        log_dots({"bytes": [1, 0]}, labels=["a", "b"], title="t", value_title="v", written=in_bytes)
    with pytest.raises(ValueError, match="one number for each of the 2 labels"):
        log_dots({"bytes": [1]}, labels=["a", "b"], title="t", value_title="v", written=in_bytes)


def test_dots_carry_their_values_limits_and_alt_text() -> None:
    drawn = log_dots(
        {"run": [2e9, 3e11], "train": [5e9, 4e12]},
        labels=["<b>small</b>", "large"],
        title="Memory",
        value_title="memory",
        written=in_bytes,
        limits={"24 GB": 24e9},
    ).plotly()
    assert [trace.y[0] < trace.y[1] for trace in drawn.data] == [True, True]
    assert drawn.data[0].customdata[0][0] == "&lt;b&gt;small&lt;/b&gt;"
    assert [note.text for note in drawn.layout.annotations] == ["24 GB"] and drawn.layout.shapes[0].x0 == 24e9
    assert drawn.layout.annotations[0].x == pytest.approx(10.3802, abs=1e-4)
    assert "large 4 TB" in drawn.layout.meta["alt"] and "24 GB" in drawn.layout.meta["alt"]
    assert drawn.layout.xaxis.range[0] <= 9 and drawn.layout.xaxis.range[1] > 12.6
