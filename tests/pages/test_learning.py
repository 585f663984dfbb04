"""The page on learning: what it says of the recorded run, of one prediction and of one weight is what the run and the model say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from app.chapters.learning import lesson, live, story, views
from app.components.training_run import WHOLE, packed_maps
from gptcore.recorded_run import load_recorded_run
from gptcore.resemblance import longest_common_run
from tests.pages.component_data import component_data
from tests.pages.visit_page import figures, open_page


@pytest.fixture(scope="module")
def run():
    return load_recorded_run()


def test_all_checkpoints_are_sent_once_and_are_those_of_the_run(monkeypatch, tiny_folder, run):
    at = open_page(monkeypatch, tiny_folder, "learning", prompt="the cat")
    header, arrays = component_data(at, "recorded_run:run", "name")
    value = header["value"]
    assert value["steps"] == [c.step for c in run.checkpoints]
    assert value["held_out"] == [c.held_out_loss for c in run.checkpoints]
    assert value["training"] == [c.training_loss for c in run.checkpoints]
    assert value["samples"] == [c.sample for c in run.checkpoints]
    assert [loss for _, loss in value["baselines"]] == [run.baselines.uniform, run.baselines.frequency, run.baselines.pairs]
    size = len(value["text"])
    trace = run.model(9).trace(run.tokenizer.encode(views.passage()))
    sent = arrays["maps"][9, run.config.n_heads + 2] / WHOLE  # layer 1, head 2
    rows = trace.attention(1).pattern[2]
    assert np.abs(sent - rows[np.tril_indices(size)]).max() <= 0.5 / WHOLE + 1e-9
    assert np.allclose(arrays["plane"], run.embedding_planes(), atol=1e-4)


def test_the_first_view_sends_less_than_a_megabyte(monkeypatch, tiny_folder):
    at = open_page(monkeypatch, tiny_folder, "learning", prompt="the cat")
    assert sum(len(element.proto.bytes) for element in at.get("bidi_component")) < 600_000


def test_packed_rows_follow_each_other_and_leave_the_future_out():
    weights = np.array([[[1.0, 0.0], [0.25, 0.75]]])
    assert packed_maps(weights).tolist() == [[WHOLE, round(0.25 * WHOLE), round(0.75 * WHOLE)]]


def test_the_summary_names_the_first_steps_that_beat_the_guessers(run):
    said = story.summary(run)
    for baseline in (run.baselines.frequency, run.baselines.pairs):
        first = next(c.step for c in run.checkpoints if c.held_out_loss < baseline)
        assert f"by step {first:,} it knows" in said.lower()


def test_the_loss_of_a_prediction_is_that_of_the_model_in_view(monkeypatch, tiny_folder):
    import gptcore

    at = open_page(monkeypatch, tiny_folder, "learning", learning="loss", prompt="the cat had a hat", position="3")
    model = gptcore.load(str(tiny_folder))
    ids = model.tokenizer.encode("the cat had a hat")
    logits = torch.from_numpy(model.trace(ids[:3]).logits).double()
    loss = -float(logits.log_softmax(-1)[ids[3]])
    drawn = next(f for f in figures(at) if "given to the token" in f["layout"]["meta"]["alt"])
    assert drawn["layout"]["shapes"][0]["x0"] == pytest.approx(100 * math.exp(-loss), rel=1e-4)
    assert any(f"**{loss:.2f} " in each.value for each in at.markdown)


def test_the_first_token_has_no_loss_and_the_page_says_what_to_do(monkeypatch, tiny_folder):
    at = open_page(monkeypatch, tiny_folder, "learning", learning="loss", prompt="the cat", position="0")
    assert any("predicted by nothing" in each.value for each in at.markdown)
    assert "shapes" not in figures(at)[0]["layout"]


def test_the_curve_passes_through_the_weight_and_the_step_ends_on_it(monkeypatch, tiny_folder):
    at = open_page(
        monkeypatch, tiny_folder, "learning", learning="step", prompt="the cat", step_at="15", letter="9", step_size="0.2"
    )
    drawn = next(f for f in figures(at) if "by this one weight" in f["layout"]["meta"]["alt"])
    curve = drawn["data"][0]
    step = views.prediction(15, 9)
    before, after = (shape["x0"] for shape in drawn["layout"]["shapes"])
    assert np.interp(before, curve["x"], curve["y"]) == pytest.approx(step.loss, abs=1e-4)
    assert after == pytest.approx(step.weight - 0.2 * step.gradient, rel=1e-5)
    assert np.interp(after, curve["x"], curve["y"]) == pytest.approx(views.loss_after(15, 9, after), abs=0.02)


@pytest.mark.parametrize(("after", "word"), [(1.0, "**lowers**"), (2.0, "leaves"), (3.0, "**raises**")])
def test_a_step_is_said_to_do_what_it_does(after, word):
    assert f" {word} the loss" in story.finding(2.0, after, 0.5)


@pytest.mark.parametrize(("length", "words"), [(9, "no sign of copying"), (20, "a phrase"), (90, "by heart")])
def test_what_a_sample_has_in_common_with_its_text_is_judged_by_what_others_have(length, words):
    assert words in story.verdict(length, 15.0, 120, [])


def test_a_sample_stands_beside_the_passage_that_it_shares_most_with(monkeypatch, tiny_folder, run):
    at = open_page(monkeypatch, tiny_folder, "learning", learning="copies", prompt="the cat", checkpoint="20")
    found = longest_common_run(run.checkpoints[20].sample, run.training_text)
    lit = run.training_text[found.at : found.at + found.length]
    passages = [html.proto.body for html in at.get("html") if '"glass-passage"' in html.proto.body]
    assert len(passages) == 2 and all(f"<mark>{lit}</mark>" in body for body in passages)


@pytest.mark.parametrize("held_out", [False, True])
def test_the_surprise_of_a_text_is_minus_the_logarithm_of_its_probabilities(run, held_out):
    judged = views.judged(20, held_out, 41)
    whole = run.held_out_text if held_out else run.training_text
    assert run.tokenizer.decode(judged.ids) in whole
    text = whole[whole.find(run.tokenizer.decode(judged.ids)) - 1 :][:41]
    ids = run.tokenizer.encode(text)
    with torch.inference_mode():
        probs = run.model(20).model(torch.tensor([ids[:-1]]))[0].double().softmax(-1)
    own = probs[torch.arange(40), torch.tensor(ids[1:])]
    assert judged.bits == pytest.approx(-np.log2(own.numpy()), abs=1e-4)


def test_the_links_choice_of_a_checkpoint_is_where_the_run_opens(monkeypatch, tiny_folder):
    at = open_page(monkeypatch, tiny_folder, "learning", prompt="the cat", checkpoint="7", toy_head="2")
    header, _ = component_data(at, "recorded_run:run", "shelf")
    assert (header["at"], header["head"]) == (7, 2)


def test_the_lesson_says_where_the_loss_turned_and_that_it_did_not_where_it_did_not():
    runs = lesson.measured_runs()
    plain = runs[0]
    lowest = plain["held_out"].index(min(plain["held_out"]))
    assert f"for {plain['steps'][lowest]:,} steps" in lesson.finding(runs)
    falling = {**plain, "held_out": sorted(plain["held_out"], reverse=True)}
    assert "did not turn" in lesson.finding([falling])


def test_what_dropout_and_learning_rate_did_is_said_with_their_own_numbers():
    runs = lesson.measured_runs()
    said = lesson.controls_finding(runs)
    for run in runs[1:]:
        assert (
            f"at step {lesson.lowest_at(run):,} instead of {lesson.lowest_at(runs[0]):,}, and {run['held_out'][-1]:.2f} at the end"
            in said
        )
    worse = {**runs[1], "held_out": [loss + 1 for loss in runs[1]["held_out"]]}
    assert "higher" in lesson.controls_finding([runs[0], worse])


def test_the_measured_curves_are_drawn_and_listed(monkeypatch, tiny_folder):
    at = open_page(monkeypatch, tiny_folder, "learning", learning="overfit", prompt="the cat")
    drawn = next(f for f in figures(at) if "learned by heart" in f["layout"]["meta"]["alt"])
    for trace, run in zip(drawn["data"], lesson.measured_runs(), strict=True):
        assert trace["y"] == pytest.approx(run["held_out"], abs=1e-4)


class Heard:
    """What the page asked of the server's one training."""

    def __init__(self, monkeypatch):
        self.asked = []
        monkeypatch.setattr(live.SLOT, "ask", lambda me, title, wanted: self.asked.append((title, wanted)) or True)


@pytest.mark.parametrize(("part", "size"), [("live", None), ("overfit", 4000)])
def test_the_button_asks_for_a_training_with_the_settings_that_are_shown(monkeypatch, tiny_folder, run, part, size):
    heard = Heard(monkeypatch)
    at = open_page(monkeypatch, tiny_folder, "learning", learning=part, prompt="the cat", live_dropout="0.3", live_rate="0.5")
    next(button for button in at.button if button.label.startswith("Train for")).click().run()
    ((_, wanted),) = heard.asked
    assert (wanted["drop_rate"], wanted["learning_rate"]) == (0.3, 0.5)
    assert len(wanted["text"]) == size or (size is None and wanted["text"] == run.training_text)
    assert wanted["held_out"] and wanted["held_out"] not in wanted["text"]
    assert wanted["text"] + wanted["held_out"] in run.text or size is None


def test_a_text_of_ones_own_is_made_plain_and_parted(monkeypatch, tiny_folder):
    heard = Heard(monkeypatch)
    text = "“The café”—it was late. " * 60
    at = open_page(monkeypatch, tiny_folder, "learning", learning="live", live_source="own", live_text=text, prompt="the cat")
    assert any("outside ASCII" in html.proto.body for html in at.get("html"))
    next(button for button in at.button if button.label.startswith("Train for")).click().run()
    ((_, wanted),) = heard.asked
    assert (wanted["text"] + wanted["held_out"]).startswith('"The cafe"--it was late.')
    assert len(wanted["held_out"]) == pytest.approx(len(wanted["text"]) / 9, abs=1)


def test_a_text_that_is_too_short_is_refused_with_its_length_and_the_limit(monkeypatch, tiny_folder):
    heard = Heard(monkeypatch)
    at = open_page(monkeypatch, tiny_folder, "learning", learning="live", live_source="own", live_text="short", prompt="the cat")
    next(button for button in at.button if button.label.startswith("Train for")).click().run()
    assert not heard.asked and any("5 characters" in toast.value and "400" in toast.value for toast in at.toast)


def test_the_head_that_looks_back_furthest_is_the_one_whose_weights_lie_furthest_back(run):
    heads = run.attention(run.tokenizer.encode(views.passage()))[-1]  # [layer, head, query, key]
    back = [
        sum(float(weight) * (query - key) for query, row in enumerate(head) for key, weight in enumerate(row))
        for layer in heads
        for head in layer
    ]
    assert views.farthest_looking() == back.index(max(back))


def test_the_code_of_the_recorded_run_gives_the_sample_and_the_maps_that_are_shown(monkeypatch, tiny_folder, run):
    at = open_page(monkeypatch, tiny_folder, "learning", prompt="the cat", learning="recorded", checkpoint="9", open="checks")
    (code,) = [block.value for block in at.code if block.value.startswith("import gptcore")]
    names = {}
    exec(compile(code, "snippet", "exec"), names)
    assert names["sample"] == run.checkpoints[9].sample
    _, arrays = component_data(at, "recorded_run:run", "name")
    maps = np.concatenate(names["maps"])[:, *np.tril_indices(len(views.passage()))]
    assert np.abs(arrays["maps"][9] / WHOLE - maps).max() <= 0.5 / WHOLE + 1e-6
