"""What the beats of the attention page say of a text, against its own numbers; and that each thing to try changes what is said."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gptcore
from app import choices, focus, tellings
from app.tellings import SAID_TWICE, SINK, TELLINGS
from app.writing.numbers import fixed, percent, significant
from gptcore.checkpoints import LanguageModel
from tests.pages.place import place
from tests.pages.visit_page import everything, finding, open_page, printed

EVERY = choices.ATTENTION_PART.options


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, part: str, **query: str) -> AppTest:
    return open_page(monkeypatch, folder, "attention", attention=part, **query)


def weights_of(model: LanguageModel, prompt: str, layer: int, head: int) -> np.ndarray:
    """[query, key] from q and k alone."""
    some = model.trace(model.tokenizer.encode(prompt)).attention(layer)
    fit = some.q[head].astype(np.float64) @ some.k[head].astype(np.float64).T / np.sqrt(some.q.shape[-1])
    fit[np.triu_indices(len(fit), 1)] = -np.inf
    powers = np.exp(fit - fit.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_the_text_that_the_chapter_brings_has_a_head_that_looks_back(storyteller: LanguageModel) -> None:
    ids = storyteller.tokenizer.encode(SAID_TWICE)
    keys = focus.keys_of("induction", ids)
    best = max(
        float(np.mean([weights_of(storyteller, SAID_TWICE, layer, head)[query, list(at)].sum() for query, at in keys.items()]))
        for layer in range(storyteller.config.n_layers)
        for head in range(storyteller.config.n_heads)
    )
    assert len(keys) >= 5 and best > 0.5


def test_the_text_of_the_sink_has_a_head_that_rests_on_its_first_token_and_takes_little(storyteller: LanguageModel) -> None:
    here = place(storyteller, storyteller.tokenizer.encode(SINK))
    where = tellings.TELLINGS["attention", "sink"].focus(here)
    layer, head = where["layer"], where["head"]
    shares = {
        (i, j): weights_of(storyteller, SINK, i, j)[1:, 0].mean()
        for i in range(storyteller.config.n_layers)
        for j in range(storyteller.config.n_heads)
    }
    assert max(shares, key=shares.__getitem__) == (layer, head) and shares[layer, head] > 0.9
    lengths = np.linalg.norm(storyteller.trace(storyteller.tokenizer.encode(SINK)).attention(layer).v[head], axis=-1)
    assert lengths[0] < 0.6 * lengths[1:].mean()


def test_a_token_that_stood_there_several_times_is_looked_up_at_all_of_its_places() -> None:
    assert focus.keys_of("induction", (5, 1, 7, 5, 2, 5)) == {3: (1,), 5: (1, 4)}
    assert focus.keys_of("induction", (5, 5, 5, 5)) == {2: (1,), 3: (1, 2)}  # never itself


def test_the_share_of_a_look_back_counts_every_earlier_place(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    prompt = "the king saw the fox, the king fed the fox, and the king"
    ids = storyteller.tokenizer.encode(prompt)
    query = len(ids) - 1
    keys = list(focus.keys_of("induction", ids)[query])
    assert len(keys) == 2
    rows = {
        (layer, head): weights_of(storyteller, prompt, layer, head)[query]
        for layer in range(storyteller.config.n_layers)
        for head in range(storyteller.config.n_heads)
    }
    for looks_back in (True, False):
        layer, head = next(place for place, row in rows.items() if (int(row.argmax()) in keys) == looks_back)
        at = opened(monkeypatch, tiny_folder, "lookup", model="storyteller", prompt=prompt, layer=str(layer), head=str(head))
        assert percent(float(rows[layer, head][keys].sum())) in finding(at)
        assert ("**induction head**" in finding(at)) == looks_back


@pytest.mark.parametrize(
    ("prompt", "said"),
    [("", "nothing stands before it"), ("a", "nothing stands before it"), ("ab", "stands in it twice")],
)
def test_where_nothing_repeats_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str, said: str
) -> None:
    assert said in finding(opened(monkeypatch, tiny_folder, "lookup", prompt=prompt))


def test_a_weight_is_told_by_its_scores_and_what_is_masked(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    place = {"model": "storyteller", "prompt": SAID_TWICE, "layer": "9", "head": "11", "position": "15"}
    said = finding(opened(monkeypatch, tiny_folder, "closer", **place))
    some = storyteller.trace(storyteller.tokenizer.encode(SAID_TWICE)).attention(9)
    fit = some.q[11, 15] @ some.k[11].T / math.sqrt(storyteller.config.head_dim)
    assert significant(float(np.sort(fit[:16])[-1])) in said and significant(float(np.sort(fit[:16])[-2])) in said
    assert percent(weights_of(storyteller, SAID_TWICE, 9, 11)[15].max()) in said
    assert ("is masked" in said) == (fit[16:].max() > fit[:16].max())


def test_nearly_even_weights_are_called_that(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "the cat and the hat"
    for layer, head in ((0, 0), (0, 1), (1, 2)):
        row = weights_of(tiny_model, prompt, layer, head)[-1]
        said = finding(opened(monkeypatch, tiny_folder, "closer", prompt=prompt, layer=str(layer), head=str(head)))
        assert (f"no token gets more than **{percent(row.max())}**" in said) == (row.max() * len(row) < 2)
    first = finding(opened(monkeypatch, tiny_folder, "closer", prompt=prompt, position="0"))
    assert "can attend only to itself" in first


def test_entropies_are_told_as_equal_tokens(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    place = {"model": "storyteller", "prompt": SAID_TWICE, "layer": "9", "position": "15", "look": "entropy"}
    said = finding(opened(monkeypatch, tiny_folder, "closer", **place))
    rows = np.stack([weights_of(storyteller, SAID_TWICE, 9, head)[15, :16] for head in range(storyteller.config.n_heads)])
    many = np.exp(-(rows * np.log(rows)).sum(-1))
    assert f"**{fixed(many.min(), 1)}** equal tokens" in said and f"**{fixed(many.max(), 1)}**" in said


def test_the_first_token_gets_more_or_less_than_its_share(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, storyteller: LanguageModel
) -> None:
    said = finding(opened(monkeypatch, tiny_folder, "sink", model="storyteller", prompt=SINK, layer="8", head="8"))
    shape = (storyteller.config.n_layers, storyteller.config.n_heads)
    shares = [weights_of(storyteller, SINK, *place)[1:, 0].mean() for place in np.ndindex(*shape)]
    assert f"**{percent(float(np.mean(shares)))}**" in said and percent(shares[8 * shape[1] + 8]) in said
    assert "takes little" in said
    prompt = "the cat and the hat"
    random = [weights_of(tiny_model, prompt, *place)[1:, 0].mean() for place in np.ndindex(2, 4)]
    n = len(tiny_model.tokenizer.encode(prompt))
    favoured = np.mean(random) > np.mean([1 / (query + 1) for query in range(1, n)])
    assert ("do not favour" in finding(opened(monkeypatch, tiny_folder, "sink", prompt=prompt))) != favoured
    assert "nothing to choose" in finding(opened(monkeypatch, tiny_folder, "sink", prompt="a"))


@pytest.mark.parametrize("part", EVERY)
def test_everything_to_try_changes_what_is_said_or_shown(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    telling = TELLINGS["attention", part]
    place = {"model": "storyteller", "prompt": telling.prompt, "layer": "3", "head": "2"}
    keys = [
        each.key for each in opened(monkeypatch, tiny_folder, part, **place).button if str(each.key).startswith(f"try_{part}_")
    ]
    assert len(keys) >= 2
    for key in keys:
        at = opened(monkeypatch, tiny_folder, part, **place)
        before = (everything(at), dict(at.query_params))
        next(each for each in at.button if each.key == key).click().run()
        assert not at.exception and not at.error
        assert everything(at) != before[0] and dict(at.query_params) != before[1], key


def test_the_changed_text_of_a_beat_differs_from_it_in_its_first_token_alone(storyteller: LanguageModel) -> None:
    changed = TELLINGS["attention", "sink"].changed
    ids, others = (storyteller.tokenizer.encode(text) for text in (SINK, changed))
    assert ids[0] != others[0] and storyteller.tokenizer.text_of(others[0]).strip("\u2423") in changed.split()[0]
    assert tellings.TELLINGS["attention", "sink"].prompt == SINK


def test_questions_are_answered_with_this_texts_numbers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    said = printed(opened(monkeypatch, tiny_folder, "newest", model="storyteller", prompt=SAID_TWICE))
    n = len(storyteller.tokenizer.encode(SAID_TWICE))
    assert f"{n * (n - 1) // 2} would attend to a later token" in said
    shape = (storyteller.config.n_layers, storyteller.config.n_heads)
    assert percent(max(weights_of(storyteller, SAID_TWICE, *place)[-1].max() for place in np.ndindex(*shape))) in said
