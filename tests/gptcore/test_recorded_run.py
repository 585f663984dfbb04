"""The recorded run that comes with the project: small, real, and as its card says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gptcore.errors import CheckpointError
from gptcore.generation import generate
from gptcore.parameters import count_parameters
from gptcore.recorded_run import RECORDED, load_recorded_run
from gptcore.resemblance import usual_run
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
    assert losses[-1] < 1.7 < run.baselines.pairs < run.baselines.frequency < run.baselines.uniform


def test_a_text_that_is_not_there_is_named(run, tmp_path):
    with pytest.raises(CheckpointError, match=r"CARD\.md"):
        _ = replace(run, folder=tmp_path).training_text


def test_its_baselines_are_counted_from_its_text(run):
    ids, held_out = (np.array(run.tokenizer.encode(part), np.uint16) for part in (run.training_text, run.held_out_text))
    assert vars(run.baselines) == pytest.approx(baselines(ids, held_out, run.config.vocab_size))


def test_its_last_checkpoint_writes_the_sample_that_it_says(run):
    last, model = run.checkpoints[-1], run.model(len(run.checkpoints) - 1)
    written = generate(model, run.prompt, max_new_tokens=20, **run.sampling)
    assert run.tokenizer.decode([step.token_id for step in written]) == last.sample[:20]


def test_its_last_checkpoint_has_the_loss_that_it_says(run):
    last, model = run.checkpoints[-1], run.model(len(run.checkpoints) - 1)
    ids = np.array(run.tokenizer.encode(run.held_out_text), np.uint16)
    assert held_out_loss(model.model, ids, run.windows) == pytest.approx(last.held_out_loss, abs=1e-4)


def test_its_card_says_the_source_of_its_text_and_its_figures(run):
    card = (RECORDED / "CARD.md").read_text("utf-8")
    assert "Moby-Dick" in card and "public domain" in card and "CC0" in card
    for checkpoint in run.checkpoints:
        assert (
            f"| {checkpoint.step:,} | {checkpoint.training_loss:.2f} | {checkpoint.held_out_loss:.2f} | {checkpoint.copied.length} |"
            in card
        )
    assert f"{run.split:,}" in card and f"{len(run.text):,}" in card and f"{count_parameters(run.config, True):,}" in card


def test_each_checkpoint_says_the_longest_run_that_its_sample_shares_with_the_training_text(run):
    for checkpoint in run.checkpoints[::6]:
        start, at, length = checkpoint.copied
        assert checkpoint.sample[start : start + length] == run.training_text[at : at + length]
        starts = range(len(checkpoint.sample) - length)
        assert not any(checkpoint.sample[i : i + length + 1] in run.training_text for i in starts)


def test_what_nobody_copied_shares_runs_as_long_as_it_says(run):
    size = len(run.checkpoints[-1].sample)
    assert run.usual_run == usual_run(run.held_out_text, run.training_text, size)


def test_attention_at_every_checkpoint_is_that_of_the_models_forward_pass(run):
    ids = run.tokenizer.encode("Call me Ishmael.")
    found = run.attention(ids)
    assert found.shape == (len(run.checkpoints), run.config.n_layers, run.config.n_heads, len(ids), len(ids))
    assert np.abs(found.sum(-1) - 1).max() < 1e-5 and not np.triu(found, 1).any()
    block = run.model(7).model.blocks[0]
    with torch.inference_mode():
        network = run.model(7).model
        x = network.token_embedding.weight[list(ids)] + network.position_embedding.weight[: len(ids)]
        q, k, _ = block.attention.queries_keys_values(block.ln_1(x)[None])
        scores = (q @ k.transpose(-1, -2)) / run.config.head_dim**0.5
        hidden = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
        assert np.abs(scores.masked_fill(hidden, -torch.inf).softmax(-1)[0].numpy() - found[7, 0]).max() < 1e-5


def test_the_plane_is_that_in_which_the_last_embeddings_spread_most(run):
    table = run.weights["token_embedding.weight"][-1].astype(float)
    planes = run.embedding_planes()
    spread = np.linalg.eigvalsh(np.cov(table.T, bias=True))[::-1][:2]
    assert planes[-1].var(axis=0) == pytest.approx(spread)
    assert planes[0].var(axis=0).sum() < planes[-1].var(axis=0).sum() / 10  # before training they lie close together
