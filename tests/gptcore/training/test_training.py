"""From books to token ids, and the training commands, small but whole."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gptcore
from gptcore.errors import CorpusError
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from gptcore.training.corpus import NOT_ASKED, Windows, read_books, split_held_out

WORDS = "the cat sat on a mat and the dog sat by the king once upon a time there was who had three sons daughters".split()
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    for number, name in enumerate("abc"):
        draw = np.random.default_rng(number)  # no book has a paragraph of another
        paragraphs = [" ".join(draw.choice(WORDS, 20)) + "." for _ in range(70)]
        (folder / f"{name}.txt").write_text("\n\n".join(paragraphs), "utf-8")
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


NOTE = "Source.--Campbell, Popular Tales, vol. ii. pp. 12-20; a variant was collected in 1860 by the same hand.\n\n"
TALE = "Once upon a time a fox met a hen on the road.\n\n" * 30


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


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("g++"), reason="compiling needs a C++ compiler")
def test_a_prepared_corpus_is_trained_on_with_a_compiled_step_and_judged_beside_the_model_before(corpus, tmp_path, monkeypatch):
    """What a lent GPU is asked to do, in small: prepare, train compiled with dropout and patience, evaluate against another model."""
    prepared, first, second = (tmp_path / name for name in ("prepared", "first", "second"))
    # One layer: a second would be compiled to the same code again, which takes longer than all that is trained.
    shape = "--context-length 64 --emb-dim 16 --n-heads 2 --n-layers 1 --batch-size 4 --device cpu".split()
    for command in (
        ["prepare", "--corpus", corpus, "--out", prepared, "--vocab-size", "300", "--held-out", "1"],
        ["", "--prepared", prepared, "--out", first, "--steps", "0", *shape],
        ["", "--prepared", prepared, "--out", second, "--steps", "80", "--compile", "--drop-rate", "0.1", "--patience", "3", *shape],
        ["evaluate", "--model", second, "--prepared", prepared, "--against", first, prepared, "--windows", "8", "--out", tmp_path / "report.md"],
    ):  # fmt: skip
        name, *arguments = map(str, command)
        if "--compile" in arguments:  # in a process of its own: a compiler does not know of checked annotations
            program = [sys.executable, "-m", "gptcore.training", *arguments]
            done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        else:
            monkeypatch.setattr(sys, "argv", [name, *arguments])
            runpy.run_module(f"gptcore.training.{name}".rstrip("."), run_name="__main__")
    row = next(line for line in (tmp_path / "report.md").read_text().splitlines() if "bits per byte" in line)
    trained, untrained, _ = (float(cell) for cell in row.split("|")[2:5])
    assert trained < untrained - 0.5
