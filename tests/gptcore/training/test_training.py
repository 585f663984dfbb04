"""The training command, small but whole: corpus, vocabulary, loop, resume, model folder."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gptcore
from gptcore.config import GPTConfig
from gptcore.errors import CheckpointError, CorpusError
from gptcore.model import GPTModel
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from gptcore.training.corpus import NOT_ASKED, Windows, encode_books, read_books, split_held_out, without_notes
from gptcore.training.loop import TrainingRun, TrainingSettings, held_out_loss, learning_rate_factor

TEXT = "The cat sat on the mat, and the dog sat by the cat. Once upon a time there was a king who had three sons.\n\n" * 60
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"Book {name}. {TEXT}", "utf-8")
    return folder


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CorpusError, match="not a folder"):
        read_books(tmp_path / "nowhere")


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(CorpusError, match=r"no \.txt file"):
        read_books(tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_the_byte(corpus):
    (corpus / "bad.txt").write_bytes(b"abc\xff\xfe")
    with pytest.raises(CorpusError, match=r"bad\.txt.*byte 3"):
        read_books(corpus)


def test_whole_books_are_held_out_and_always_the_same(corpus):
    training, held_out = split_held_out(read_books(corpus), 1)
    again = split_held_out(dict(reversed(read_books(corpus).items())), 1)
    assert len(training) == 2 and len(held_out) == 1
    assert held_out == again[1]


def test_all_books_cannot_be_held_out(corpus):
    with pytest.raises(CorpusError, match="3 of 3"):
        split_held_out(read_books(corpus), 3)


TALE = "Once upon a time a fox met a hen on the road.\n\n" * 30
NOTE = "Source.--Campbell, Popular Tales, vol. ii. pp. 12-20; a variant was collected in 1860 by the same hand.\n\n"


@pytest.mark.parametrize("before, after", [(NOTE * 8, ""), ("", NOTE * 8), (NOTE * 8, NOTE * 6), ("", "")])
def test_a_scholars_notes_around_the_tales_are_left_out_of_training(before, after):
    assert without_notes(before + TALE + after) == TALE.strip()


def test_a_tale_that_names_a_year_is_kept_whole():
    text = "It was in 1872 that the fox left.\n\n" + TALE + "He was never seen after 1873.\n\n" + TALE.strip()
    assert without_notes(text) == text


def test_held_out_books_keep_their_notes(corpus):
    books = read_books(corpus)
    name = next(iter(split_held_out(books, 1)[1]))
    training, held_out = split_held_out(dict.fromkeys(books, NOTE * 8 + TALE), 1)
    assert held_out == {name: NOTE * 8 + TALE}
    assert set(training.values()) == {TALE.strip()}


def test_a_corpus_shorter_than_a_batch_says_so():
    with pytest.raises(CorpusError, match="50 tokens"):
        Windows(np.arange(50, dtype=np.uint16), context_length=16, batch_size=4, seed=1)


def test_a_pass_shows_every_window_once_and_targets_are_the_next_tokens():
    windows = Windows(np.arange(2000, dtype=np.uint16), context_length=16, batch_size=4, seed=1)
    starts = []
    for step in range(windows.batches_a_pass):
        inputs, targets = windows.batch(step)
        assert torch.equal(inputs + 1, targets)
        starts += inputs[:, 0].tolist()
    assert len(set(starts)) == len(starts)


def test_a_repeated_window_says_shuffled_tokens_of_its_text_again_and_asks_only_for_what_can_be_known():
    plain, windows = (Windows(np.arange(2000, dtype=np.uint16), 32, 4, 1, repeated=n) for n in (0, 2))
    periods = set()
    for step in range(windows.batches_a_pass):
        (inputs, targets), (usual, _) = windows.batch(step), plain.batch(step)
        assert torch.equal(inputs[2:], usual[2:]) and torch.equal(targets[2:], usual[2:] + 1)
        for row, asked, text in zip(inputs[:2], targets[:2], usual[:2], strict=True):
            period = int((asked == NOT_ASKED).sum()) + 1
            periods.add(period)
            assert len(set(row[:period].tolist())) == period and torch.equal(row[period:], row[:-period])
            assert torch.equal(asked[period - 1 : -1], row[period:])
            assert set(row.tolist()) <= {*text.tolist(), int(text[-1]) + 1}
    assert min(periods) >= 2 and max(periods) <= 16 and len(periods) > 5


@pytest.mark.parametrize("until", [0.5, 0.8])
def test_more_books_are_mixed_in_until_the_share_of_the_time_that_is_asked_for(corpus, tmp_path, until):
    run = _run(corpus, tmp_path, minutes=1.0, more_ids=np.full(2000, 299, np.uint16), more_until=until)
    asked = []

    def listen(windows):
        batch = windows.batch
        windows.batch = lambda step: asked.append(windows) or batch(step)

    listen(run._windows)
    listen(run._last_windows)
    for seconds in (0.0, 60 * until - 1, 60 * until + 1):
        run.progress.seconds = seconds
        run._step()
    assert asked == [run._windows, run._windows, run._last_windows]
    assert 299 in run._windows._ids[-2000:] and 299 not in run._last_windows._ids[:1000]


def test_the_vocabulary_has_the_size_asked_for_and_spells_any_text(corpus, tmp_path):
    train_vocabulary(read_books(corpus).values(), 300, tmp_path / "out")
    tokenizer = Tokenizer.from_folder(tmp_path / "out")
    assert tokenizer.vocab_size == 300
    assert tokenizer.end_of_text_id == 299
    text = "naïve 🙂 cat\n\tsat  "
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(" the cat")) < 8


def test_a_vocabulary_that_the_corpus_cannot_fill_says_so(corpus, tmp_path):
    with pytest.raises(CorpusError, match="not 60000"):
        train_vocabulary(read_books(corpus).values(), 60000, tmp_path)


def test_the_learning_rate_warms_up_holds_and_falls_to_zero():
    settings = TrainingSettings(minutes=1.0, warmup_steps=10, decay_share=0.5)
    assert learning_rate_factor(0, 0.0, settings) == pytest.approx(0.1)
    assert learning_rate_factor(50, 0.3, settings) == 1.0
    assert learning_rate_factor(50, 0.75, settings) == pytest.approx(0.5)
    assert learning_rate_factor(50, 1.0, settings) == 0.0


def _run(corpus, folder, minutes, more_ids=None, **settings):
    train_vocabulary(read_books(corpus).values(), 300, folder)
    tokenizer = Tokenizer.from_folder(folder)
    ids = encode_books(read_books(corpus), tokenizer)
    torch.manual_seed(1)
    model = GPTModel(GPTConfig(300, 16, 16, 2, 2, 0.0, True))
    return TrainingRun(
        model, ids, ids, TrainingSettings(minutes=minutes, batch_size=4, warmup_steps=5, **settings), folder, more_ids
    )


def test_training_learns_and_resumes_where_it_stopped(corpus, tmp_path):
    first = _run(corpus, tmp_path / "run", minutes=0.05)
    before = first.held_out_loss()
    first.run(on_checkpoint=lambda model: None)
    assert first.held_out_loss() < before - 1.0

    second = _run(corpus, tmp_path / "run", minutes=0.05)
    assert second.resume()
    assert second.progress.step == first.progress.step > 10
    assert second.held_out_loss() == pytest.approx(first.held_out_loss())


def test_a_checkpoint_of_another_shape_is_refused(corpus, tmp_path):
    _run(corpus, tmp_path / "run", minutes=0.001).run(on_checkpoint=lambda model: None)
    other = _run(corpus, tmp_path / "run", minutes=0.001)
    other.model = GPTModel(GPTConfig(300, 16, 32, 2, 2, 0.0, True))
    with pytest.raises(CheckpointError, match="another shape"):
        other.resume()


def test_held_out_loss_of_an_untrained_model_is_about_the_logarithm_of_the_vocabulary():
    torch.manual_seed(0)
    model = GPTModel(GPTConfig(300, 16, 16, 2, 2, 0.0, True))
    ids = np.random.default_rng(0).integers(0, 300, 400).astype(np.uint16)
    assert held_out_loss(model, ids, 8) == pytest.approx(np.log(300), abs=0.3)


def test_the_command_says_what_is_wrong_without_a_stack_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["training", "--corpus", str(tmp_path), "--out", str(tmp_path / "o"), "--minutes", "1"])
    with pytest.raises(SystemExit, match=r"no \.txt file") as ended:
        runpy.run_module("gptcore.training", run_name="__main__")
    assert isinstance(ended.value.code, str)  # which Python prints, and ends with 1


def _command(corpus, out, *more):
    return [str(part) for part in (
        "-m", "gptcore.training", "--corpus", corpus, "--out", out, "--vocab-size", "300", "--context-length", "16", "--emb-dim", "16",
        "--n-heads", "2", "--n-layers", "2", "--batch-size", "4", "--held-out", "1", *more,
    )]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)  # four programs that import torch
def test_the_command_trains_one_model_in_two_processes_and_a_second_run_starts_from_it(corpus, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, *_command(corpus, first, "--minutes", "0.03")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "held-out loss" in done.stdout + done.stderr
    state = torch.load(first / "checkpoint.pt", weights_only=True)
    assert state["progress"]["tokens"] == state["progress"]["step"] * 2 * 4 * 16  # processes, windows, tokens

    command = [sys.executable, *_command(corpus, second, "--minutes", "0", "--start-from", first)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (first / "vocab.json").read_text() == (second / "vocab.json").read_text()
    ours, theirs = (gptcore.load(folder).model.state_dict() for folder in (second, first))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert json.loads((second / "config.json").read_text())["n_embd"] == 16
    model = gptcore.load(second)
    assert model.trace(model.tokenizer.encode("The cat")).logits.shape == (300,)
