"""Token ids in a link: what is written is read back, what is junk is refused, what is too long is left out from its oldest text on."""

from __future__ import annotations

import random

import pytest

from app import choices, link_ids


def test_texts_of_a_tree_come_back_as_they_were_and_share_their_beginnings() -> None:
    dice = random.Random(1)
    root = tuple(dice.randrange(50257) for _ in range(30))
    texts = tuple(dict.fromkeys((*root[: dice.randrange(31)], *(dice.randrange(50257) for _ in range(5))) for _ in range(8)))
    said = link_ids.write_texts(texts)
    assert link_ids.read_texts(said) == texts
    assert len(link_ids.write_texts((root, (*root, 1)))) < len(link_ids.write_ids(root)) + 12
    assert link_ids.read_texts("") == () and link_ids.write_texts(()) == ""


@pytest.mark.parametrize("junk", ["x", "0!", "1!5", "0!5~9!6", "-1!5", "0!5~0!5", "0!zzzzzzzzz", "0!1~" * 30, "0!" + "1." * 1001])
def test_junk_of_texts_is_refused(junk: str) -> None:
    with pytest.raises(ValueError, match=""):
        link_ids.read_texts(junk)


def test_as_many_branches_as_a_link_can_carry_are_kept_the_latest_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from app import state

    kept: list[link_ids.Texts] = []
    monkeypatch.setattr(state, "take", lambda choice, value: kept.append(value))
    texts = tuple(tuple(1000 * n + i for i in range(200)) for n in range(1, 31))
    state.keep_branches(texts)
    assert kept[0] and kept[0] == texts[-len(kept[0]) :] and choices.fits(choices.BRANCHES.name, kept[0])
    assert not choices.fits(choices.BRANCHES.name, texts[-len(kept[0]) - 1 :])
