"""The longest run that two texts share, against the plainest way to find it, and what it is compared with."""

import numpy as np
import pytest

from gptcore.resemblance import CommonRun, longest_common_run, new_words, usual_run


def by_looking_at_all(text: str, source: str) -> int:
    return max((j - i for i in range(len(text)) for j in range(i + 1, len(text) + 1) if text[i:j] in source), default=0)


@pytest.mark.parametrize("seed", range(20))
def test_no_longer_run_exists_and_this_one_stands_in_both(seed):
    draw = np.random.default_rng(seed)
    text, source = ("".join(draw.choice(list("ab c"), size)) for size in (30, 200))
    found = longest_common_run(text, source)
    assert found.length == by_looking_at_all(text, source) > 0
    assert text[found.start : found.start + found.length] == source[found.at : found.at + found.length]


def test_of_several_the_first_is_taken():
    assert longest_common_run("xxabyyab", "..ab..ab") == CommonRun(2, 2, 2)


@pytest.mark.parametrize(("text", "source"), [("", "abc"), ("abc", ""), ("xyz", "abc")])
def test_texts_with_nothing_in_common_share_no_run(text, source):
    assert longest_common_run(text, source) == CommonRun(0, 0, 0)


def test_the_usual_run_is_the_median_over_pieces_of_the_other_text():
    assert usual_run("abcdxxxx", "abcd", 4, count=3) == np.median([4, 2, 0])
    assert usual_run("short", "abcd", 40) == 0


def test_new_words_are_those_that_the_source_has_nowhere_without_the_two_that_may_be_cut_off():
    assert list(new_words("ale the sea Sea plonk plonk wha", "The whale and the sea")) == ["plonk"]
