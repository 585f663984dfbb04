"""The lens page: the grid against transformers' residual streams, filling in parts, and the page itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.chapters.lens import drawing, views
from app.charts.lens_grid import lens_grid
from app.recent import Recent, size_of
from app.runtime import Here
from app.writing.worked import latex_percent
from gptcore.checkpoints import LanguageModel
from gptcore.config import GPTConfig
from tests.pages.component_data import component_data
from tests.pages.place import place
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, PROMPTS, badges, figure, figures, numbers, open_page, printed

GRID = "The likeliest next token"
IDS = (40, 7, 7, 99, 150, 3)
DEPTH = 3


def kept(at: AppTest) -> dict[str, np.ndarray]:
    """The cells of the grid, as they would travel to the browser."""
    return component_data(at, "lens_grid:cells", entry="name")[1]


@pytest.fixture
def here(tiny_model: LanguageModel) -> Here:
    views.KEPT.clear()
    return place(tiny_model, IDS)


@pytest.fixture(scope="module")
def expected(tiny_folder: Path) -> np.ndarray:
    """Probabilities [depth, position, vocabulary] from the streams that transformers keeps, in float64."""
    run = TransformersRun(tiny_folder, IDS)
    stream = [run.layers[0]["resid_pre"], *(layer["resid_post"] for layer in run.layers)]
    # The last block's output and what the final LayerNorm takes in are the same place.
    assert np.allclose(stream[-1], run.final["before"], atol=1e-6)
    body = run.model.double()
    with torch.inference_mode():
        logits = body.lm_head(body.transformer.ln_f(torch.tensor(np.stack(stream)).double()))
    return logits.softmax(-1).numpy()


def test_every_cell_is_the_final_norm_and_head_of_its_own_layer(here: Here, expected: np.ndarray) -> None:
    found = views.columns(here, range(len(IDS)))
    for position, column in found.items():
        probs = expected[:, position]
        assert (column.token_ids[:, 0] == probs.argmax(-1)).all()
        assert np.allclose(column.probs, np.sort(probs, -1)[:, ::-1][:, : views.TOP], atol=1e-5)
        assert np.allclose(column.entropy, -(probs * np.log2(probs)).sum(-1), atol=1e-4)
        final = probs[-1]
        assert column.target == final.argmax()
        assert np.allclose(column.divergence, (final * np.log2(final / probs)).sum(-1), atol=1e-4)
        assert (column.rank == (probs > probs[:, [column.target]]).sum(-1)).all()


def test_settled_is_the_first_depth_from_which_the_winner_stays_first(here: Here, expected: np.ndarray) -> None:
    for position, column in views.columns(here, range(len(IDS))).items():
        best = expected[:, position].argmax(-1)
        wanted = next(d for d in range(DEPTH) if (best[d:] == best[-1]).all())
        assert column.settled == wanted
    column = views.columns(here, [0])[0]
    for firsts, depth in (([5, 5, 5], 0), ([5, 1, 5], 2), ([1, 5, 5], 1), ([1, 2, 5], 2)):
        ids = column.token_ids.copy()
        ids[:, 0] = firsts
        assert replace(column, token_ids=ids, target=5).settled == depth


def test_the_newest_position_comes_first_and_the_rest_follows(here: Here) -> None:
    assert sorted(views.columns(here, range(6), most=2)) == [4, 5]
    assert views.missing(here, range(6)) == 4
    assert sorted(views.columns(here, range(6), most=2)) == [2, 3, 4, 5]
    assert sorted(views.columns(here, range(6), most=2)) == [0, 1, 2, 3, 4, 5]
    assert views.missing(here, range(6)) == 0


def test_a_longer_sequence_keeps_the_columns_of_its_beginning_and_another_one_does_not(
    tiny_model: LanguageModel, here: Here
) -> None:
    views.columns(here, range(6))
    longer, other = (place(tiny_model, ids) for ids in ((*IDS, 9), (40, 8, 7, 99)))
    assert views.missing(longer, range(7)) == 1
    assert views.missing(other, range(4)) == 3  # only the first token is the same
    assert views.missing(place(replace(tiny_model, name="another"), longer.ids), range(7)) == 7


def test_columns_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch, here: Here) -> None:
    (column,) = views.columns(here, [0]).values()
    key = next(iter(views._keys(here.run, [5]).values()))
    monkeypatch.setattr(views, "KEPT", Recent(int(3.7 * (size_of((key, column)) + 200))))
    views.columns(here, range(6))
    assert views.missing(here, range(6)) == 3


@pytest.mark.parametrize(
    ("n_tokens", "focus", "expected"),
    [
        (1, 0, (0, 1)),
        (16, 0, (0, 16)),
        (1024, 1023, (1008, 1024)),
        (1024, 1008, (1008, 1024)),
        (1024, 500, (492, 508)),
        (1024, 3, (0, 16)),
    ],
)
def test_the_window_holds_the_focus_and_no_more_than_a_cell_has_room_for(
    n_tokens: int, focus: int, expected: tuple[int, int]
) -> None:
    found = views.window(n_tokens, focus)
    assert (found.start, found.stop) == expected
    assert focus in found


def test_one_turn_of_the_queue_is_a_few_positions_of_gpt2_and_all_of_a_small_model() -> None:
    assert views.columns_at_once(GPTConfig(50257, 1024, 768, 12, 12, 0.0, True)) in range(2, 9)
    assert views.columns_at_once(GPTConfig(50257, 1024, 1600, 25, 48, 0.0, True)) == 1
    assert views.columns_at_once(GPTConfig(4096, 256, 192, 12, 12, 0.0, True)) >= views.WINDOW


def test_the_checks_pass_and_another_layers_numbers_fail_them(here: Here) -> None:
    column = views.columns(here, [4])[4]
    worked = views.by_hand(here.trace, 4, 1, int(column.token_ids[1, 0]))
    assert views.last_row_check(here.trace, 4, column).ok and views.formula_check(column, 1, worked).ok
    assert worked.prob == pytest.approx(float(column.probs[1, 0]), rel=1e-4)
    wrong = replace(column, probs=column.probs[::-1], token_ids=column.token_ids[::-1])
    assert not views.last_row_check(here.trace, 4, wrong).ok and not views.formula_check(wrong, 2, worked).ok


@pytest.mark.parametrize(("measure", "field"), [("entropy", "entropy"), ("rank", "rank"), ("divergence", "divergence")])
@pytest.mark.parametrize("depth", range(DEPTH))
def test_each_measure_is_counted_again_and_a_wrong_one_is_noticed(here: Here, measure: str, field: str, depth: int) -> None:
    for position, column in views.columns(here, range(len(IDS))).items():
        _, check = views.checks_of_cell(here.trace, position, depth, column, measure)
        assert check.ok
        wrong = getattr(column, field).copy()
        wrong[depth] += 1
        _, check = views.checks_of_cell(here.trace, position, depth, replace(column, **{field: wrong}), measure)
        assert not check.ok and check.deviation == pytest.approx(1, abs=1e-3)


def test_a_column_that_is_not_there_yet_is_left_out_of_the_grid(here: Here) -> None:
    found = views.columns(here, range(6), most=2)
    cells = drawing.cells(here, found, range(6))
    assert list(cells.target[:4]) == [-1] * 4 and (cells.target[4:] >= 0).all()
    assert set(cells.texts) >= set(cells.token_ids[:, 4:].ravel().tolist()) | set(cells.target[4:].tolist())
    values = drawing.colour_values(found, range(6), DEPTH, "probability")
    assert np.isnan(values[:, :4]).all() and not np.isnan(values[:, 4:]).any()
    drawn = lens_grid(
        values,
        texts=drawing.texts(here, found, range(6)),
        facts=drawing.facts(here, found, range(6)),
        settled=[found[p].settled if p in found else None for p in range(6)],
        row_names=drawing.depth_names(2),
        col_tokens=here.tokens,
        title="Grid",
        value_title="probability",
        unit="%",
        top=1.0,
    ).plotly()
    words, settled = drawn.data[1:]
    assert set(words.x) == {4, 5} and len(words.text) == 2 * DEPTH
    assert len(settled.x) == 3 * 2
    first = drawn.data[0].customdata[-1][-1]
    assert first.count("<br>") == views.TOP + 2  # where, the ten likeliest, two lines of measures


def test_the_cells_hold_the_lens_of_every_position(here: Here, expected: np.ndarray) -> None:
    cells = drawing.cells(here, views.columns(here, range(6)), range(6))
    probs = np.sort(expected, -1)[:, :, ::-1][:, :, : views.TOP]
    assert np.allclose(cells.probs, probs, atol=1e-5)
    final = expected[-1].argmax(-1)
    assert (cells.target == final).all() and (cells.rank[-1] == 1).all()
    of_final = np.take_along_axis(expected, final[None, :, None], 2)
    assert (cells.rank == 1 + (expected > of_final).sum(-1)).all()
    assert all(cells.texts[i] == here.model.tokenizer.text_of(i) for i in cells.texts)


def test_a_cells_reading_puts_its_numbers_into_the_formula(here: Here, expected: np.ndarray) -> None:
    column, p, q = views.columns(here, [3])[3], expected[1, 3], expected[-1, 3]
    final = q.argmax()
    entropy = -(p * np.log2(p)).sum()
    assert rf"= {latex_percent(p.max())}" in drawing.reading(column, 1, "probability")
    terms = rf"-({p.max():.3g} \log_2 {p.max():.3g} \\[0.4em]"
    read = drawing.reading(column, 1, "entropy")
    assert terms in read and f"= {entropy:.4g}"[:6] in read and rf"= {2**entropy:.3g}\text{{ choices}}" in read
    assert f"= 1 + {(p > p[final]).sum()} " in drawing.reading(column, 1, "rank")
    assert rf"= {(q * np.log2(q / p)).sum():.3g}\text{{ bits}}" in drawing.reading(column, 1, "divergence")
    assert rf"{q.max():.3g} \log_2 \tfrac{{{q.max():.3g}}}{{{p[final]:.3g}}}" in drawing.reading(column, 1, "divergence")


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(("part", "n_figures"), {"grid": 1, "position": 2, "stages": 1}.items())
def test_every_part_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str, part: str, n_figures: int
) -> None:
    at = open_page(monkeypatch, tiny_folder, "lens", prompt=prompt, lens=part, open="maths.checks")
    assert len(figures(at)) == n_figures
    assert badges(at)  # the self-check
    if part == "grid":
        header, arrays = component_data(at, GRID)
        assert header["rows"] == drawing.depth_names(2) and len(header["tokens"]) == kept(at)["target"].size > 0
        assert not arrays  # the cells travel by themselves


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "lens", lens_colour="red", lens_input="2", **JUNK)
    header, _ = component_data(at, GRID)
    assert header["measure"] == "probability" and header["focus"][0] == 1  # layer 99 is none: layer 0


def test_the_grid_is_that_of_the_text_and_its_colours_change_by_widget_and_by_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    lens = tiny_model.trace(tiny_model.tokenizer.encode(prompt)).lens()
    at = open_page(monkeypatch, tiny_folder, "lens", prompt=prompt)
    cells = kept(at)
    assert np.allclose(cells["probs"], lens.probs.swapaxes(0, 1), atol=1e-5)
    assert np.allclose(cells["entropy"], lens.entropy.T, atol=1e-5)
    assert np.allclose(cells["divergence"], lens.divergence.T, atol=1e-5)
    assert (cells["rank"] == lens.target_rank.T + 1).all()
    top = np.log2(tiny_model.config.vocab_size)
    for colouring, limit in (("entropy", top), ("rank", np.log10(tiny_model.config.vocab_size)), ("divergence", top)):
        at.segmented_control(key="widget_choice_lens_colour").set_value(colouring).run()
        assert at.query_params["lens_colour"] == colouring
        by_link = open_page(monkeypatch, tiny_folder, "lens", prompt=prompt, lens_colour=colouring)
        for page in (at, by_link):
            header, _ = component_data(page, GRID)
            assert header["measure"] == colouring and header["top"] == pytest.approx(limit)


def test_a_link_shows_its_position_and_layer_or_the_embeddings(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    lens = tiny_model.trace(tiny_model.tokenizer.encode(prompt)).lens([1])
    link = {"prompt": prompt, "position": "1", "layer": "0"}
    at = open_page(monkeypatch, tiny_folder, "lens", **link, lens="position")
    assert np.allclose(numbers(figure(at, "Probability")["data"][0]["y"]), lens.target_prob[0], atol=1e-5)
    assert np.allclose(numbers(figure(at, "Likeliest after block 0")["data"][0]["x"]), lens.probs[0, 1], atol=1e-5)
    at.toggle(key="widget_choice_lens_input").set_value(True).run()
    assert at.query_params["lens_input"] == "1"
    assert np.allclose(numbers(figure(at, "Likeliest before block 0")["data"][0]["x"]), lens.probs[0, 0], atol=1e-5)
    grid = open_page(monkeypatch, tiny_folder, "lens", **link, lens_input="1")
    assert component_data(grid, GRID)[0]["focus"] == [0, 1]


def test_a_grid_that_takes_long_fills_in_parts(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    monkeypatch.setattr(views, "columns_at_once", lambda _: 1)
    views.KEPT.clear()
    at = open_page(monkeypatch, tiny_folder, "lens", prompt="Once upon a time there was nothing")
    n_tokens = len(component_data(at, GRID)[0]["tokens"])
    filled = []
    for _ in range(n_tokens):
        filled.append(int((kept(at)["target"] >= 0).sum()))
        if filled[-1] == n_tokens:
            break
        assert f"{filled[-1]} of {n_tokens} columns are computed" in printed(at)
        at.run()
    assert filled == sorted(set(filled)) and filled[-1] == n_tokens  # a little more at each run, and then all


def test_a_long_text_shows_a_window_and_says_so(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "lens", prompt=PROMPTS["longest"])
    assert "Positions 48 to 63 of 64" in printed(at)
    assert component_data(at, GRID)[0]["positions"] == list(range(48, 64))


def test_the_stages_are_counted_over_the_tokens(here: Here, expected: np.ndarray) -> None:
    found = views.stages(views.columns(here, range(len(IDS))), IDS)
    best = expected.argmax(-1)  # [depth, position]
    assert np.allclose(found["itself"], (best == np.array(IDS)).mean(1))
    assert np.allclose(found["final"], (best == best[-1]).mean(1)) and found["final"].iloc[-1] == 1
    commonest = [np.bincount(row).max() / len(IDS) for row in best]
    assert np.allclose(found["shared"], commonest)
    assert [(best[d] == guess).mean() for d, guess in enumerate(found["guess_id"])] == pytest.approx(commonest)
