"""Books to files of token ids, and a model that goes on with another vocabulary."""

import json

import numpy as np
import pytest
import torch

from gptcore.config import GPTConfig
from gptcore.errors import CorpusError
from gptcore.tokenizer import Tokenizer
from gptcore.training.loop import new_model
from gptcore.training.prepare import PreparedCorpus, prepare
from gptcore.training.warm_start import with_vocabulary

WORDS = "the cat sat on a mat and the dog sat by the king once upon a time there was who had three sons daughters".split()


def _book(number, paragraphs=40):
    draw = np.random.default_rng(number)
    return [" ".join(draw.choice(WORDS, 20)) + "." for _ in range(paragraphs)]


@pytest.fixture
def shelves(tmp_path):
    """Three folders of books: stories, also, more."""
    number = 0
    for shelf, count in (("stories", 3), ("also", 3), ("more", 1)):
        (tmp_path / shelf).mkdir()
        for _ in range(count):
            number += 1
            (tmp_path / shelf / f"{number}.txt").write_text("\n\n".join(_book(number)), "utf-8")
    return tmp_path


def _prepare(shelves, out="prepared", **changes):
    arguments = {"vocab_size": 300, "also": shelves / "also", "more": shelves / "more", "held_out": 1, "also_held_out": 1}
    return prepare(shelves / "stories", shelves / out, **{**arguments, **changes})


def test_what_is_prepared_is_read_back_and_names_its_books(shelves):
    made, read = _prepare(shelves), PreparedCorpus.from_folder(shelves / "prepared")
    assert all(np.array_equal(vars(made)[name], vars(read)[name]) for name in vars(made))
    tokenizer, named = Tokenizer.from_folder(shelves / "prepared"), json.loads((shelves / "prepared" / "books.json").read_text())
    assert [len(named[name]) for name in vars(made)] == [4, 1, 1, 1]
    (held_out,) = named["held_out_ids"]
    assert tokenizer.decode(read.held_out_ids[:-1]) == (shelves / "stories" / held_out).read_text("utf-8")
    assert sum(read.ids == tokenizer.end_of_text_id) == 4  # each book has an end


def test_a_collection_that_prints_a_held_out_chapter_loses_it(shelves):
    (held_out,) = json.loads((_prepare(shelves) and shelves / "prepared" / "books.json").read_text())["held_out_ids"]
    chapter = (shelves / "stories" / held_out).read_text("utf-8").split("\n\n")[7]
    with (shelves / "more" / "7.txt").open("a", encoding="utf-8") as book:
        book.write(f"\n\n{chapter}\n\nThe last words.")
    after = _prepare(shelves, "again")
    text = Tokenizer.from_folder(shelves / "again").decode(after.more_ids)
    assert chapter not in text and "The last words." in text


def test_the_vocabulary_of_a_model_can_be_taken(shelves):
    _prepare(shelves)
    _prepare(shelves, "other", vocab_size=999_999, vocabulary=shelves / "prepared")
    assert (shelves / "other" / "vocab.json").read_bytes() == (shelves / "prepared" / "vocab.json").read_bytes()


def test_a_folder_that_was_not_prepared_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"gptcore\.training\.prepare"):
        PreparedCorpus.from_folder(tmp_path)


def test_a_model_with_another_vocabulary_keeps_its_body_and_makes_new_rows_of_old_ones(shelves):
    _prepare(shelves, "small", vocab_size=280)
    _prepare(shelves, "large", vocab_size=310)
    old, new = (Tokenizer.from_folder(shelves / name) for name in ("small", "large"))
    model = new_model(GPTConfig(280, 16, 16, 2, 2, 0.0, True), seed=1)
    grown = with_vocabulary(model, old, new)
    assert grown.config.vocab_size == 310 and grown.output_head.weight is grown.token_embedding.weight
    before, after = model.state_dict(), grown.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith(("blocks", "final", "position")))
    rows, made = before["token_embedding.weight"], after["token_embedding.weight"]
    pieces = {old.bytes_of(i): i for i in range(280)}
    kept = [i for i in range(310) if new.bytes_of(i) in pieces]
    assert len(kept) >= 257 and all(torch.equal(made[i], rows[pieces[new.bytes_of(i)]]) for i in kept)
    fresh = next(i for i in range(309) if i not in kept)
    spelled = old.encode_text(new.bytes_of(fresh).decode())
    assert len(spelled) > 1 and torch.allclose(made[fresh], rows[list(spelled)].mean(0))


def test_the_same_vocabulary_gives_the_same_model(shelves):
    _prepare(shelves)
    tokenizer = Tokenizer.from_folder(shelves / "prepared")
    model = new_model(GPTConfig(300, 16, 16, 2, 2, 0.0, True), seed=1)
    ids = torch.tensor([tokenizer.encode("the cat")])
    assert torch.equal(with_vocabulary(model, tokenizer, tokenizer)(ids), model(ids))
