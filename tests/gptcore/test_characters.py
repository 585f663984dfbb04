"""A vocabulary of single characters."""

import pytest

from gptcore.characters import character_tokenizer, characters_of, plain_text
from gptcore.errors import TokenError

CHARACTERS = "\n !'-]^abehlt"


def test_every_character_is_one_token_and_comes_back():
    tokenizer, text = character_tokenizer(CHARACTERS), "the bat,\n\n  'ha!'".replace(",", "-") + "[]^"[1:]
    ids = tokenizer.encode(text)
    assert len(ids) == len(text) and tokenizer.decode(ids) == text
    assert [tokenizer.decode([i]) for i in range(tokenizer.vocab_size)] == list(CHARACTERS)


def test_it_ends_no_text_and_merges_nothing():
    tokenizer = character_tokenizer(CHARACTERS)
    assert tokenizer.end_of_text_id is None and tokenizer.merges("the") == ()


@pytest.mark.parametrize("text, named", [("the zeal", "z"), ("thé", "é"), ("[", "["), ("\t", "⇥"), ("🙂", "🙂")])
def test_another_character_is_named(text, named):
    with pytest.raises(TokenError) as error:
        character_tokenizer(CHARACTERS).encode(text)
    assert named in str(error.value)


@pytest.mark.parametrize("characters", ["", "aa", "aé"])
def test_what_cannot_be_a_vocabulary_is_refused(characters):
    with pytest.raises(TokenError, match="ASCII characters, each once"):
        character_tokenizer(characters)


def test_the_characters_of_a_text_come_once_and_in_order():
    assert characters_of("banana\nbread") == "\nabdenr"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Don’t—stop…”\r\nshe said", '"Don\'t--stop..." she said'),
        ("café, naïve, straße, cœur", "cafe, naive, strasse, coeur"),
        ("one\n two\n\n\n  three\t\tfour \n", "one two\n\nthree four"),
        ("日本 🙂 ok\x00\x07", "ok"),
        ("", ""),
    ],
)
def test_a_text_in_plain_ascii_keeps_its_words_and_paragraphs(text, plain):
    assert plain_text(text) == plain and plain_text(plain) == plain
