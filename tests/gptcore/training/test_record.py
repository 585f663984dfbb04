"""A recorded run: made anew it is the same, what it says can be computed again, and what is spoilt is refused."""

import json
import shutil

import numpy as np
import pytest
import torch

from gptcore.errors import CheckpointError, CorpusError, OutOfRangeError
from gptcore.generation import generate
from gptcore.recorded_run import load_recorded_run
from gptcore.training.loop import held_out_loss
from gptcore.training.record import checkpoint_steps, record

_DRAW = np.random.default_rng(0)
TEXT = " ".join("Alice and the cat said that it was so late again".split()[i] for i in _DRAW.integers(0, 11, 700))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("recorded")
    record(TEXT, folder / "first", steps=9, count=4, windows=8, sample_tokens=6)
    record(TEXT, folder / "again", steps=9, count=4, windows=8, sample_tokens=6)
    torch.set_num_threads(before)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return load_recorded_run(folder / "first")


def test_a_run_that_is_recorded_again_is_the_same_to_the_last_byte(folder):
    for file in ("run.json", "text.txt", "weights.safetensors"):
        assert (folder / "first" / file).read_bytes() == (folder / "again" / file).read_bytes()


def test_the_run_begins_with_what_knows_nothing_and_learns(run):
    assert [c.step for c in run.checkpoints] == [0, 1, 3, 9]
    first, last = run.checkpoints[0], run.checkpoints[-1]
    assert run.baselines.uniform == pytest.approx(np.log(run.config.vocab_size))
    assert first.held_out_loss == pytest.approx(run.baselines.uniform, abs=0.15)
    assert last.held_out_loss < first.held_out_loss - 0.3
    assert run.baselines.pairs < run.baselines.frequency < run.baselines.uniform
    assert run.training_text + run.held_out_text == TEXT and 0 < len(run.held_out_text) < len(run.training_text)


def test_each_loss_is_that_of_the_weights_that_are_kept(run):
    for index, checkpoint in enumerate(run.checkpoints):
        model = run.model(index)
        for part, said in ((run.training_text, checkpoint.training_loss), (run.held_out_text, checkpoint.held_out_loss)):
            ids = np.array(run.tokenizer.encode(part), np.uint16)
            assert held_out_loss(model.model, ids, run.windows) == pytest.approx(said, abs=1e-4)


def test_a_sample_is_what_the_checkpoint_writes_with_the_runs_settings(run):
    written = generate(run.model(3), run.prompt, max_new_tokens=len(run.checkpoints[3].sample), **run.sampling)
    assert run.tokenizer.decode([step.token_id for step in written]) == run.checkpoints[3].sample


def test_the_samples_continue_the_prompt_that_was_asked_for_as_far_as_the_text_has_its_characters(run, tmp_path):
    assert run.prompt == "he "  # of "The ", without the capital
    record(TEXT, tmp_path / "run", steps=1, count=2, windows=2, sample_tokens=2, prompt="Alice %")
    assert load_recorded_run(tmp_path / "run").prompt == "Alice "


def test_a_checkpoint_is_a_model_like_any_other_and_built_once(run):
    model = run.model(2)
    assert model is run.model(2) and model.name == "recorded run, step 3"
    assert model.trace(model.tokenizer.encode("Alice")).logits.shape == (run.config.vocab_size,)
    with pytest.raises(OutOfRangeError, match="0 to 3"):
        run.model(4)


def test_steps_are_spaced_by_ratio_from_none_to_the_last():
    steps = checkpoint_steps(4000, 25)
    assert steps[0] == 0 and steps[-1] == 4000 and len(steps) == 24
    ratios = np.array(steps[-8:][1:]) / steps[-8:][:-1]
    assert ratios.max() / ratios.min() < 1.02


def test_a_text_outside_ascii_is_refused_with_the_character(tmp_path):
    with pytest.raises(CorpusError, match="'é'"):
        record("café " * 1000, tmp_path / "run", steps=1)


@pytest.mark.parametrize("spoil", ["no weights", "no json", "other count", "not json"])
def test_a_folder_that_is_no_recorded_run_is_refused(folder, tmp_path, spoil):
    broken = shutil.copytree(folder / "first", tmp_path / "broken")
    if spoil == "no weights":
        (broken / "weights.safetensors").unlink()
    if spoil == "no json":
        (broken / "run.json").unlink()
    if spoil == "not json":
        (broken / "run.json").write_text("{")
    if spoil == "other count":
        said = json.loads((broken / "run.json").read_text())
        (broken / "run.json").write_text(json.dumps({**said, "checkpoints": said["checkpoints"][:-1]}))
    with pytest.raises(CheckpointError, match="record"):
        load_recorded_run(broken)
