"""What is switched off, or patched, holds on every page, in the text that is written on, and in the link."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import runtime, state
from gptcore.checkpoints import LanguageModel
from gptcore.generation import generate
from gptcore.run import Ablation, Patch, read_intervention, write_intervention
from tests.pages.test_all_pages import PARTS, checks
from tests.pages.visit_page import open_page, printed

OFF = "off_h0.1-1.0_a1_f0.1_p"
PROMPT = "the cat had a hat and the hat"
CHIP = "intervention_chip"


def chip(at: AppTest) -> str:
    """What stands on the chip of the sentence bar; "" where there is none."""
    return next((button.label for button in at.button if button.key == CHIP), "")


def assert_checked(at: AppTest) -> None:
    """No badge of a check says that it fails."""
    checks(at)
    assert ":material/error:" not in printed(at)


@pytest.mark.parametrize(("page", "part"), PARTS)
def test_every_page_shows_the_model_with_parts_off_and_its_checks_hold(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, part: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, intervention=OFF, layer="1", **({page: part} if part else {}))
    assert chip(at).startswith("6 parts off")
    assert at.query_params["intervention"] == OFF
    assert_checked(at)
    assert_checked(
        open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, intervention=OFF + "_zero", **({page: part} if part else {}))
    )


@pytest.mark.parametrize("page", ["write", "attention", "block", "layer_norm", "feed_forward", "lens", "kv_cache", "tokens"])
def test_a_patched_run_is_shown_like_any_other(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str) -> None:
    at = open_page(monkeypatch, tiny_folder, page, prompt="a b c", intervention="patch_resid-pre_1.1.2_5.6.7", position="1")
    assert chip(at).startswith("1 cell patched")
    assert_checked(at)


def test_the_next_token_is_chosen_from_what_is_left(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    off = Ablation(feed_forward=frozenset({0}), replacement="zero")
    at = open_page(monkeypatch, tiny_folder, "write", prompt=PROMPT, intervention=write_intervention(off), temperature="1")
    for _ in range(3):
        at.button(key="next_token_button").click().run()
    chosen = [int(each, 36) for each in at.query_params["chosen"].split(".")]
    asked = {"temperature": 1.0, "top_k": 40, "seed": 1, "max_new_tokens": 3}
    with_part, without = (
        [step.token_id for step in generate(tiny_model, PROMPT, intervention=each, **asked)] for each in (None, off)
    )
    assert chosen == without != with_part


def test_one_click_switches_everything_on_again_and_the_text_stays(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "lens", prompt=PROMPT, chosen="5", intervention="off_h0.0-0.1")
    assert chip(at).startswith("2 heads off")
    at.button(key=CHIP).click().run()
    assert not chip(at) and "intervention" not in at.query_params
    assert at.query_params["chosen"] == "5"


@pytest.mark.parametrize(
    ("junk", "said"),
    [
        ("off_h9", "junk"),
        ("nonsense", "junk"),
        ("off_h77.0", "layer is 77; there are 2 layers"),
        ("patch_resid-pre_0.0.50_5", "target position is 50; there are 10 tokens"),
        ("patch_resid-pre_0.0.1_9999999", "9999999"),
    ],
)
def test_junk_in_a_link_leaves_the_model_as_it_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, junk: str, said: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt=PROMPT, intervention=junk)
    assert not chip(at) and "intervention" not in at.query_params
    assert any(said in toast.value.replace("\\", "") for toast in at.toast), [toast.value for toast in at.toast]


def test_parts_stay_off_in_another_text_and_a_patch_ends_with_its_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    for given, stays in ((OFF, True), ("patch_z_0.1.0.1_5.6", False)):
        at = open_page(monkeypatch, tiny_folder, "tokens", prompt=PROMPT, intervention=given)
        at.text_area(key="widget_prompt").set_value("a hat").run()
        assert bool(chip(at)) is stays and not at.error
        assert any("on again" in toast.value for toast in at.toast) is not stays


def test_a_place_carries_the_intervention_into_its_run_and_its_beginnings(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    monkeypatch.setenv("GLASS_MODELS", str(tiny_folder))
    patch = Patch((5, 6, 7), frozenset({(0, 0, 1), (1, 2, 2)}))
    view = state.View(model=str(tiny_folder), prompt=PROMPT, intervention=patch, position=1)
    monkeypatch.setattr(state, "current", lambda: view)
    here = runtime.here()
    assert here.run.intervention == patch and here.clean.intervention is None
    assert here.up_to_cursor().run.intervention == Patch((5, 6, 7), frozenset({(0, 0, 1)}))
    assert not np.allclose(here.trace.logits, here.model.trace(here.clean).logits)


def test_the_mark_of_the_vocabulary_goes_with_the_ids_of_a_patch() -> None:
    view = state.View(intervention=read_intervention("patch_z_0.1.0.1_5.6"), vocabulary="abc")
    assert state.from_query(state.to_query(view)) == view
    assert "vocabulary" not in state.to_query(state.View(intervention=read_intervention(OFF), vocabulary="abc"))
