"""What is taken out of a book before training: leftovers of printing, scholars' notes, copies of other books."""

import pytest

from gptcore.training.cleaning import cleaned, without_copies, without_notes

TALE = "Once upon a time a fox met a hen on the road.\n\n" * 30
NOTE = "Source.--Campbell, Popular Tales, vol. ii. pp. 12-20; a variant was collected in 1860 by the same hand.\n\n"


@pytest.mark.parametrize("before, after", [(NOTE * 8, ""), ("", NOTE * 8), (NOTE * 8, NOTE * 6), ("", "")])
def test_a_scholars_notes_around_the_tales_are_left_out_of_training(before, after):
    assert without_notes(before + TALE + after) == TALE.strip()


def test_a_tale_that_names_a_year_is_kept_whole():
    text = "It was in 1872 that the fox left.\n\n" + TALE + "He was never seen after 1873.\n\n" + TALE.strip()
    assert without_notes(text) == text


@pytest.mark.parametrize(
    "paragraph, left",
    [
        ('|DO you know," said Anne', 'DO you know," said Anne'),
        ("With a supper at the --- {311} to follow", "With a supper at the --- to follow"),
        ("'~There's an ear-trumpet~,' said the voice", "'There's an ear-trumpet,' said the voice"),
        ("`Come here,' said he", "'Come here,' said he"),
        ('Illustration: "What\'s that?" Sammy asked sharply.', ""),
        ("[Illustration: The fox.]", ""),
        ("* * * * *", ""),
        ("She said 5 * 3 is 15.", "She said 5 3 is 15."),
        ("The illustration: he looked at it.", "The illustration: he looked at it."),
    ],
)
def test_marks_and_captions_of_the_printed_book_are_taken_out(paragraph, left):
    assert cleaned(f"{TALE}{paragraph}\n\n{TALE}").replace(TALE.strip(), "").strip() == left


SENTENCE = "The old woman put on her red cloak and went slowly down the long road to the sea with her three grey cats."


def test_a_paragraph_that_shares_a_run_of_words_with_a_held_out_book_is_not_trained_on():
    books = {"a": f'Kept.\n\n"{SENTENCE.upper()}" said he.\n\nKept too.'}
    assert without_copies(books, [f"Before. {SENTENCE} After."]) == {"a": "Kept.\n\nKept too."}


def test_a_run_of_twelve_shared_words_is_no_copy():
    shared = " ".join(SENTENCE.split()[:12])
    books = {"a": f"{shared} into the wood."}
    assert without_copies(books, [f"{shared} to the town."]) == books


def test_a_long_paragraph_is_kept_once_and_a_short_one_as_often_as_it_is_said():
    books = {"a": f"{SENTENCE}\n\nYes, sir.", "b": f"Yes, sir.\n\n{SENTENCE}\n\nThe end."}
    assert without_copies(books, []) == {"a": books["a"], "b": "Yes, sir.\n\nThe end."}
