"""The recorded run that comes with the project: small, real, and as its card says."""

from dataclasses import replace

import numpy as np
import pytest

from gptcore.errors import CheckpointError
from gptcore.generation import generate
from gptcore.recorded_run import RECORDED, load_recorded_run
from gptcore.training.baselines import baselines
from gptcore.training.loop import held_out_loss


@pytest.fixture(scope="module")
def run():
    return load_recorded_run()


def test_it_is_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in RECORDED.iterdir()) < 6e6


def test_it_goes_from_noise_below_the_baselines(run):
    losses = [checkpoint.held_out_loss for checkpoint in run.checkpoints]
    assert 20 <= len(losses) <= 26 and [c.step for c in run.checkpoints] == sorted({c.step for c in run.checkpoints})
    assert abs(losses[0] - run.baselines.uniform) < 0.1
    assert losses[-1] < 1.5 < run.baselines.pairs < run.baselines.frequency < run.baselines.uniform


@pytest.fixture
def text_is_there(run):
    if not run.has_text:
        pytest.skip("The text of the recorded run is not in the project: record it anew, as its CARD.md says.")


def test_a_text_that_is_not_there_is_named(run, tmp_path):
    with pytest.raises(CheckpointError, match=r"CARD\.md"):
        _ = replace(run, folder=tmp_path).training_text


@pytest.mark.usefixtures("text_is_there")
def test_its_baselines_are_counted_from_its_text(run):
    ids, held_out = (np.array(run.tokenizer.encode(part), np.uint16) for part in (run.training_text, run.held_out_text))
    assert vars(run.baselines) == pytest.approx(baselines(ids, held_out, run.config.vocab_size))


def test_its_last_checkpoint_writes_the_sample_that_it_says(run):
    last, model = run.checkpoints[-1], run.model(len(run.checkpoints) - 1)
    written = generate(model, run.prompt, max_new_tokens=20, **run.sampling)
    assert run.tokenizer.decode([step.token_id for step in written]) == last.sample[:20]


@pytest.mark.usefixtures("text_is_there")
def test_its_last_checkpoint_has_the_loss_that_it_says(run):
    last, model = run.checkpoints[-1], run.model(len(run.checkpoints) - 1)
    ids = np.array(run.tokenizer.encode(run.held_out_text), np.uint16)
    assert held_out_loss(model.model, ids, run.windows) == pytest.approx(last.held_out_loss, abs=1e-4)


def test_its_card_says_the_source_of_its_text_and_its_figures(run):
    card = (RECORDED / "CARD.md").read_text("utf-8")
    assert "Project Gutenberg" in card and "public domain" in card
    for checkpoint in run.checkpoints:
        assert f"| {checkpoint.step:,} | {checkpoint.training_loss:.2f} | {checkpoint.held_out_loss:.2f} |" in card
