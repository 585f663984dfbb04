"""The training loop: it learns, repeats to the last bit, resumes, ends when it should, and tells whoever wants to know."""

import numpy as np
import pytest
import torch

from gptcore.config import GPTConfig
from gptcore.errors import CheckpointError, ConfigError, DeviceError
from gptcore.training.loop import TrainingRun, TrainingSettings, held_out_loss, learning_rate_factor, new_model

# A language of 30 tokens that is easy to learn: each is followed by one of two.
_DRAW = np.random.default_rng(0).integers(0, 2, 4000)
IDS = np.concatenate([[0], np.cumsum(1 + _DRAW) % 30]).astype(np.uint16)


def _run(folder=None, drop_rate=0.0, width=16, more_ids=None, **settings):
    settings = TrainingSettings(**{"batch_size": 4, "warmup_steps": 5, "device": "cpu", **settings})
    model = new_model(GPTConfig(30, 16, width, 2, 2, drop_rate, True), seed=1)
    return TrainingRun(model, IDS[:3000], IDS[3000:], settings, folder, more_ids)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _weights(run):
    return torch.cat([p.detach().flatten() for p in run.model.parameters()])


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_training_learns_what_can_be_learnt(optimizer):
    run = _run(steps=80, optimizer=optimizer)
    before = run.held_out_loss()
    run.run()
    assert run.held_out_loss() < before - 1.0
    assert run.progress.step == 80 and run.progress.tokens == 80 * 4 * 16


@pytest.mark.parametrize("drop_rate", [0.0, 0.1])
def test_a_run_of_steps_depends_on_its_seed_alone(drop_rate):
    torch.manual_seed(11)
    first, second, other = (_run(steps=12, drop_rate=drop_rate, seed=seed) for seed in (1, 1, 2))
    first.run()
    torch.manual_seed(12)
    second.run()
    other.run()
    assert torch.equal(_weights(first), _weights(second)) and not torch.equal(_weights(first), _weights(other))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_weight_decay_shrinks_the_matrices_inside_the_blocks_and_nothing_else(optimizer):
    without, with_decay = (_run(steps=10, optimizer=optimizer, weight_decay=decay) for decay in (0.0, 0.5))
    began = {name: p.detach().clone() for name, p in without.model.named_parameters()}
    rate = without.settings.matrix_learning_rate if optimizer == "muon" else without.settings.other_learning_rate
    rate *= learning_rate_factor(0, 0.0, without.settings)
    for run in (without, with_decay):
        run.step()
    after = dict(with_decay.model.named_parameters())
    for name, p in without.model.named_parameters():
        shrunk = 0.5 * rate * began[name] if name.startswith("blocks.") and p.ndim == 2 else torch.zeros_like(p)
        assert torch.allclose(p - after[name], shrunk, atol=1e-7), name


def test_batches_go_to_whatever_device_the_run_is_on():
    run = _run(steps=1)
    run.device = torch.device("meta")  # no kernels, but every device is told from every other
    assert run._on_device(torch.arange(3)).device.type == "meta"


def test_training_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    _run(steps=2, drop_rate=0.1).run()
    assert torch.equal(torch.rand(1), expected)


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path):
    whole = _run(steps=12, drop_rate=0.1)
    whole.run()
    first = _run(tmp_path, steps=12, drop_rate=0.1)
    first.run(stop=lambda: first.progress.step == 5)
    assert first.progress.step == 5
    second = _run(tmp_path, steps=12, drop_rate=0.1)
    assert second.resume()
    second.run()
    assert second.progress.step == 12 and torch.equal(_weights(second), _weights(whole))
    assert [step for step, *_ in second.progress.held_out] == [5, 12]


def test_a_run_that_is_looked_at_between_steps_is_the_same_run():
    whole, looked_at = _run(steps=6), _run(steps=6)
    whole.run()
    losses = []
    while looked_at.share < 1:
        losses.append(float(looked_at.step()))
        looked_at.held_out_loss()
    assert torch.equal(_weights(whole), _weights(looked_at)) and len(losses) == 6 and losses[0] > 3.0


def test_each_step_sees_the_next_batch():
    run, asked = _run(steps=3), []
    batch = run._windows.batch
    run._windows.batch = lambda step: asked.append(step) or batch(step)
    run.run()
    assert asked == [0, 1, 2]


def test_whoever_listens_hears_of_each_step_and_checkpoint_with_the_loss_of_the_batch():
    run, steps, checkpoints = _run(steps=4), [], []
    run.run(
        on_step=lambda progress, loss: steps.append((progress.step, float(loss))),
        on_checkpoint=lambda model: checkpoints.append(run.progress.step),
    )
    assert [step for step, _ in steps] == [1, 2, 3, 4] and checkpoints == [4]
    assert all(2 < loss < 4 for _, loss in steps)


def test_a_run_by_the_clock_ends_with_its_time_and_resumes(tmp_path):
    first = _run(tmp_path, minutes=0.01)
    first.run()
    assert first.progress.seconds >= 0.6 and first.progress.step >= 1
    second = _run(tmp_path, minutes=0.01)
    assert second.resume()
    second.run()
    assert second.progress.step == first.progress.step


def test_a_run_without_progress_on_held_out_text_ends_early(tmp_path):
    run = _run(tmp_path, steps=10_000, checkpoint_minutes=0.0, patience=3, matrix_learning_rate=0.0, other_learning_rate=0.0)
    run.run()
    assert run.progress.step == 4 and run.progress.since_best == 3  # the first, and three that were no better


def test_a_checkpoint_of_another_shape_or_training_is_refused(tmp_path):
    _run(tmp_path, steps=0).run()
    for other in (_run(tmp_path, steps=1, width=32), _run(tmp_path, steps=1, optimizer="adamw")):
        with pytest.raises(CheckpointError, match="another shape or of another training"):
            other.resume()


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({}, "one of the two"),
        ({"minutes": 1.0, "steps": 1}, "one of the two"),
        ({"minutes": -1.0}, "minutes is -1"),
        ({"steps": 1, "optimizer": "sgd"}, "sgd"),
    ],
)
def test_settings_that_make_no_training_say_which(wrong, said):
    with pytest.raises(ConfigError, match=said):
        TrainingSettings(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_missed_before_training():
    with pytest.raises(DeviceError, match="cuda"):
        _run(steps=1, device="cuda")


@pytest.mark.parametrize("until", [0.5, 0.8])
def test_more_books_are_mixed_in_until_the_share_of_the_run_that_is_asked_for(until):
    run = _run(minutes=1.0, more_ids=np.full(2000, 29, np.uint16), more_until=until)
    asked = []

    def listen(windows):
        batch = windows.batch
        windows.batch = lambda step: asked.append(windows) or batch(step)

    listen(run._windows)
    listen(run._last_windows)
    for seconds in (0.0, 60 * until - 1, 60 * until + 1):
        run.progress.seconds = seconds
        run.step()
    assert asked == [run._windows, run._windows, run._last_windows]
    assert set(run._windows._ids[-2000:]) == {29} and len(run._last_windows._ids) == 3000


def test_the_learning_rate_warms_up_holds_and_falls_to_zero():
    settings = TrainingSettings(minutes=1.0, warmup_steps=10, decay_share=0.5)
    assert learning_rate_factor(0, 0.0, settings) == pytest.approx(0.1)
    assert learning_rate_factor(50, 0.3, settings) == 1.0
    assert learning_rate_factor(50, 0.75, settings) == pytest.approx(0.5)
    assert learning_rate_factor(50, 1.0, settings) == 0.0


def test_held_out_loss_of_an_untrained_model_is_about_the_logarithm_of_the_vocabulary():
    model = new_model(GPTConfig(300, 16, 16, 2, 2, 0.0, True), seed=0)
    ids = np.random.default_rng(0).integers(0, 300, 400).astype(np.uint16)
    assert held_out_loss(model, ids, 8) == pytest.approx(np.log(300), abs=0.3)
