"""A training that is watched: what it says on the way is true, words hold and free its steps, and it is no other training than any."""

import base64
import json
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
import torch

from gptcore.errors import CorpusError
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.resemblance import longest_common_run
from gptcore.training import live
from gptcore.training.live import SAMPLE, Turns, Wanted, Watched
from gptcore.training.loop import held_out_loss
from gptcore.training.tiny import tiny_training

_DRAW = np.random.default_rng(0)
TEXT = " ".join("the cat and a dog saw that it was late again".split()[i] for i in _DRAW.integers(0, 11, 700))
WANTED = Wanted(TEXT[:2000], TEXT[2000:2600], "the ", seconds=60.0)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(live, "MOST_STEPS", 6)
    said = []
    run = Watched(WANTED, said.append, Turns())
    run.run()
    return run, said


def test_it_says_the_beginning_checkpoints_and_the_end_with_its_reason(watched):
    _, said = watched
    kinds = [message["kind"] for message in said if message["kind"] != "progress"]
    assert kinds[0] == "begun" and kinds[-1] == "ended" and set(kinds[1:-1]) == {"checkpoint"}
    assert [message["step"] for message in said if message["kind"] == "checkpoint"] == [0, 1, 2, 3, 4, 5, 6]
    assert said[-1]["why"] == "steps" and said[-1]["step"] == 6
    assert json.loads(json.dumps(said))


def test_a_checkpoint_says_the_losses_the_sample_and_the_maps_of_the_model_as_it_is(watched):
    run, said = watched
    last = next(message for message in reversed(said) if message["kind"] == "checkpoint")
    tiny = run.tiny
    assert last["held_out"] == pytest.approx(held_out_loss(tiny.run.model, tiny.held_out_ids, live.WINDOWS), abs=1e-6)
    assert last["training"] == pytest.approx(held_out_loss(tiny.run.model, tiny.ids, live.WINDOWS), abs=1e-6)
    model = LanguageModel("", tiny.run.model, tiny.tokenizer)
    written = generate(model, "the ", max_new_tokens=100, **SAMPLE)
    assert last["sample"] == tiny.tokenizer.decode([step.token_id for step in written])
    start, at, length = longest_common_run(last["sample"], WANTED.text)
    assert tuple(last["copied"]) == (start, at, length)
    before, after = last["around"]
    assert f"{before}{last['sample'][start : start + length]}{after}" in WANTED.text
    weights = np.frombuffer(base64.b64decode(last["maps"]), "<u2").reshape(8, -1) / 65535
    size = live.MAP_CHARACTERS
    trace = model.trace(tiny.tokenizer.encode(WANTED.text[:size]))
    assert np.abs(weights[5] - trace.attention(1).pattern[1][np.tril_indices(size)]).max() < 1e-5


def test_the_plane_is_that_of_most_spread_and_lies_as_the_one_before(watched):
    run, said = watched
    begun = said[0]
    planes = [np.frombuffer(base64.b64decode(m["plane"]), "<f4").reshape(-1, 2) for m in said if m["kind"] == "checkpoint"]
    assert {len(plane) for plane in planes} == {run.tiny.tokenizer.vocab_size} == {len(begun["names"])} == {len(begun["kinds"])}
    table = run.tiny.run.model.token_embedding.weight.detach().double().numpy()
    spread = np.linalg.svd(table - table.mean(0), compute_uv=False)
    assert np.linalg.norm(planes[-1]) ** 2 == pytest.approx(float((spread[:2] ** 2).sum()), rel=1e-5)
    for before, after in pairwise(planes):  # no turn or flip of the plane brings the points nearer
        turns = [turn @ np.array([[c, s], [-s, c]]) for turn in (np.eye(2), np.diag([1, -1])) for c, s in _around()]
        nearest = min(float(np.linalg.norm(after @ turn - before)) for turn in turns)
        assert float(np.linalg.norm(after - before)) <= nearest + 1e-6
    assert begun["kinds"][begun["names"].index("a")] == "vowel"


def _around(parts=72):
    angles = np.arange(parts) * 2 * np.pi / parts
    return zip(np.cos(angles), np.sin(angles), strict=True)


def test_to_be_watched_changes_nothing_of_what_is_learned(watched):
    run, _ = watched
    plain = tiny_training(WANTED.text, WANTED.held_out, context_length=live.CONTEXT_LENGTH, minutes=1.0)
    for _ in range(6):
        plain.run.step()
    for name, tensor in plain.run.model.state_dict().items():
        assert torch.equal(tensor, run.tiny.run.model.state_dict()[name]), name


def test_a_run_is_as_long_as_it_says_measuring_included():
    said = []
    Watched(Wanted(WANTED.text, WANTED.held_out, "the ", seconds=1.5), said.append, Turns()).run()
    longest = max(after["seconds"] - before["seconds"] for before, after in pairwise(said[1:]))
    assert said[-1]["why"] == "time" and 1.5 <= said[-1]["seconds"] <= 1.5 + 2 * longest + 0.5


def test_a_run_that_takes_too_much_memory_ends_and_says_so(monkeypatch):
    monkeypatch.setattr(live, "MOST_MEMORY", 1)
    said = []
    Watched(WANTED, said.append, Turns()).run()
    assert said[-1]["why"] == "memory" and said[-1]["step"] <= 1


class Steps:
    """Somebody who takes a step whenever their turn comes."""

    def __init__(self, turns):
        self.taken, self._turns = 0, turns
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            self._turns.wait()
            self.taken += 1
            time.sleep(0.001)

    def settle(self, known):
        """How many were taken when none has come for a while."""
        end = time.monotonic() + 10
        while self.taken < known and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        return self.taken


def test_a_pause_holds_every_step_a_step_frees_one_and_play_all():
    turns = Turns()
    turns.hear("pause")
    steps = Steps(turns)
    assert steps.settle(0) == 0
    turns.hear("step")
    assert steps.settle(1) == 1
    turns.hear("step")
    turns.hear("step")
    assert steps.settle(3) == 3
    turns.hear("nonsense")
    assert steps.settle(3) == 3
    turns.hear("play")
    assert steps.settle(20) >= 20


def test_a_speed_keeps_steps_apart_and_another_frees_them_at_once():
    turns = Turns()
    turns.hear("speed 0.01")
    steps = Steps(turns)
    assert steps.settle(1) == 1
    turns.hear("speed 0")
    assert steps.settle(20) >= 20


@pytest.mark.parametrize("said", [{}, {"text": "a", "held_out": "b", "prompt": "", "seconds": 1, "more": 1}])
def test_a_message_that_says_something_else_is_refused_with_what_it_has_to_say(said):
    with pytest.raises(CorpusError, match="held_out"):
        Wanted.read(said)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e6, float("nan")])
def test_a_length_that_is_none_is_refused(seconds):
    with pytest.raises(CorpusError, match="above 0"):
        Wanted.read({"text": "a", "held_out": "b", "prompt": "", "seconds": seconds})


def test_the_command_speaks_json_alone_and_ends_with_its_input():
    child = subprocess.Popen(
        [sys.executable, "-m", "gptcore.training.live"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    wanted = {"text": WANTED.text, "held_out": WANTED.held_out, "prompt": "the ", "seconds": 60}
    child.stdin.write(json.dumps(wanted) + "\n")
    child.stdin.flush()
    assert json.loads(child.stdout.readline())["kind"] == "begun"
    assert json.loads(child.stdout.readline())["step"] == 0
    child.stdin.close()
    assert child.wait(timeout=20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such limit")
def test_a_process_that_takes_too_much_processor_time_is_ended_by_the_system():
    script = "from gptcore.training import live\nlive.MOST_CPU = 1\nlive.limit_processor_time()\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGXCPU
