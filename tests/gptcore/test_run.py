"""Run and interventions: values that can be keys, that say what is wrong with them, and that fit into an address."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import numpy as np
import pytest

from gptcore.errors import GPTCoreError, InterventionError, OutOfRangeError, SequenceLengthError, TokenError
from gptcore.run import Ablation, Intervention, Patch, Run, read_intervention, write_intervention
from tests.gptcore.random_models import TINY

# Runs each of which differs from the first in one field, or in one field of its intervention.
ABLATION = Ablation(heads=frozenset({(1, 2)}), attention=frozenset({0}), feed_forward=frozenset({1}))
PATCH = Patch((5, 6, 7), frozenset({(1, 2, 0)}))
VARIANTS = [
    Run("m@1", (1, 2, 3)),
    Run("m@2", (1, 2, 3)),
    Run("m@1", (1, 2)),
    Run("m@1", (1, 2, 4)),
    Run("m@1", (1, 2, 3), ABLATION),
    *(
        Run("m@1", (1, 2, 3), dataclasses.replace(ABLATION, **{name: value}))
        for name, value in {
            "heads": frozenset({(2, 1)}),
            "attention": frozenset({1}),
            "feed_forward": frozenset({0}),
            "position_embedding": True,
            "replacement": "zero",
        }.items()
    ),
    Run("m@1", (1, 2, 3), PATCH),
    Run("m@1", (1, 2, 3), Patch((5, 6, 8), PATCH.cells)),
    Run("m@1", (1, 2, 3), Patch(PATCH.source, frozenset({(1, 2, 1)}))),
    Run("m@1", (1, 2, 3), Patch(PATCH.source, PATCH.cells, "attn_out")),
]


@pytest.fixture
def _as_outside_the_tests() -> Iterator[None]:
    """Without the check of annotations that all of gptcore has in the tests: a script may hand over a set, or nonsense."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_runs_that_differ_anywhere_are_different_keys_and_equal_ones_are_one() -> None:
    for one, other in itertools.combinations(VARIANTS, 2):
        assert one != other
    assert (
        len(set(VARIANTS)) == len(VARIANTS) == len({write_intervention(r.intervention) + str((r.model, r.ids)) for r in VARIANTS})
    )
    for run in VARIANTS:
        again = pickle.loads(pickle.dumps(run))
        assert again == run == copy.deepcopy(run) and hash(again) == hash(run)


def test_every_field_of_the_key_is_varied() -> None:
    """A field that is added later must be added to VARIANTS, or nobody shows that it keeps rows apart."""
    for kind, given in (
        (Run, VARIANTS),
        (Ablation, [r.intervention for r in VARIANTS]),
        (Patch, [r.intervention for r in VARIANTS]),
    ):
        values = [value for value in given if isinstance(value, kind)]
        for field in dataclasses.fields(kind):
            assert len({getattr(value, field.name) for value in values}) > 1, field.name


def test_the_beginning_of_a_run_keeps_what_reaches_into_it() -> None:
    cells = frozenset({(0, 1, 1), (1, 0, 4)})
    run = Run("m", (1, 2, 3, 4, 5), Patch((7, 8), cells))
    assert run.beginning(5) == run
    assert run.beginning(4) == Run("m", (1, 2, 3, 4), Patch((7, 8), frozenset({(0, 1, 1)})))
    assert run.beginning(1) == Run("m", (1,))
    assert Run("m", (1, 2), ABLATION).beginning(1) == Run("m", (1,), ABLATION)


@pytest.mark.usefixtures("_as_outside_the_tests")
def test_ids_that_are_no_whole_numbers_are_refused() -> None:
    floats: Any = (1.5, 2.5)
    with pytest.raises(TokenError, match=r"1\.5 is no whole number"):
        Run("m", floats)


def test_an_intervention_that_changes_nothing_is_none() -> None:
    assert Run("m", (1,), Ablation()) == Run("m", (1,), Ablation(replacement="zero")) == Run("m", (1,), Patch((1,), frozenset()))
    assert Run("m", (1,), Ablation()).intervention is None
    assert hash(Run("m", (1,), Ablation())) == hash(Run("m", (1,)))


@pytest.mark.usefixtures("_as_outside_the_tests")
def test_any_collection_of_any_whole_numbers_makes_the_same_value() -> None:
    given: Any = [[np.int64(1), 2]], np.array([0]), [1]
    assert Ablation(*given) == ABLATION and hash(Ablation(*given)) == hash(ABLATION)
    cells: Any = [(np.int32(1), 2, 0)]
    assert Patch(np.array([5, 6, 7]), cells) == PATCH  # type: ignore[arg-type]
    ids: Any = np.array([1, 2, 3])
    assert Run("m@1", ids) == VARIANTS[0] and all(type(i) is int for i in Run("m@1", ids).ids)


@pytest.mark.usefixtures("_as_outside_the_tests")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Ablation(heads={(0, -1)}), "heads: head is -1; .*from 0 on"),
        (lambda: Ablation(heads={(0.5, 1)}), "heads: layer is 0.5"),
        (lambda: Ablation(heads={(True, 1)}), "heads: layer is True"),
        (lambda: Ablation(heads={3}), "heads is 3"),
        (lambda: Ablation(heads={(1, 2, 3)}), r"heads has \(1, 2, 3\); each is \(layer, head\), which are 2 numbers"),
        (lambda: Ablation(attention=3), "attention is 3; give several"),
        (lambda: Ablation(feed_forward={"2"}), "feed_forward: layer is '2'"),
        (lambda: Ablation(position_embedding=1), "position_embedding is 1"),
        (lambda: Ablation(replacement="resample"), "replacement is 'resample'; choose \"mean\""),
        (lambda: Patch((1, 2), {(0, 2, 0)}), "source position is 2; the source has 2 tokens, so give one from 0 to 1"),
        (lambda: Patch((1, 2), {(0, 1)}), r"cells has \(0, 1\); each is \(layer, source position, target position\), which are 3"),
        (lambda: Patch((1, 2), {(0, 1, 1)}, "z"), r"each is \(layer, head, source position, target position\), which are 4"),
        (lambda: Patch((1, 2), {(0, 0, 1), (0, 1, 1)}), "same target from different source positions"),
        (lambda: Patch((1, -2), {(0, 0, 1)}), "source: token id is -2"),
        (lambda: Patch((1, 2), {(0, 0, 1)}, "resid_post"), "site is 'resid_post'; choose one of: resid_pre"),
        (lambda: Run("m", (1,), "off"), "intervention is 'off'"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused_with_what_is_wrong(make: Any, words: str) -> None:
    with pytest.raises(InterventionError, match=words) as caught:
        make()
    assert isinstance(caught.value, ValueError)


@pytest.mark.usefixtures("_as_outside_the_tests")
@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Ablation(heads={(2, 0)}), OutOfRangeError, "layer is 2; there are 2 layers, so give a number from 0 to 1"),
        (lambda: Ablation(heads={(0, 3)}), OutOfRangeError, "head is 3; there are 3 heads per layer"),
        (lambda: Ablation(attention={7}), OutOfRangeError, "layer is 7"),
        (lambda: Ablation(feed_forward={2}), OutOfRangeError, "layer is 2"),
        (lambda: Patch((1, 2), {(3, 0, 0)}), OutOfRangeError, "layer is 3; there are 3 places"),
        (lambda: Patch((1, 2), {(2, 0, 0)}, "mlp_out"), OutOfRangeError, "layer is 2; there are 2 places"),
        (lambda: Patch((1, 2), {(0, 3, 0, 0)}, "z"), OutOfRangeError, "head is 3"),
        (lambda: Patch((1, 2), {(0, 0, 5)}), OutOfRangeError, "target position is 5; there are 5 tokens"),
        (lambda: Patch((1, 61), {(0, 0, 0)}), TokenError, "token id 61 is not in this model's vocabulary of 61"),
        (lambda: Patch((1,) * 21, {(0, 0, 0)}), SequenceLengthError, "21 tokens are more than this model's context length of 20"),
    ],
)  # fmt: skip
def test_what_this_model_or_text_does_not_have_is_refused_with_value_and_limit(
    make: Callable[[], Intervention], error: type[GPTCoreError], words: str
) -> None:
    with pytest.raises(error, match=words):
        make().check_fits(TINY, n_tokens=5)


@pytest.mark.usefixtures("_as_outside_the_tests")
def test_the_last_of_everything_fits() -> None:
    Ablation({(1, 2)}, {1}, {1}).check_fits(TINY, 5)
    Patch((60,) * 20, {(2, 19, 4)}).check_fits(TINY, 5)
    Patch((1,), {(1, 2, 0, 4)}, "z").check_fits(TINY, 5)


def random_intervention(chance: random.Random) -> Intervention:
    def some(most: int) -> frozenset[int]:
        return frozenset(chance.sample(range(most), chance.randrange(min(most, 6))))

    if chance.random() < 0.5:
        heads = frozenset((layer, head) for layer in some(48) for head in some(25))
        return Ablation(heads, some(48), some(48), chance.random() < 0.5, chance.choice(("mean", "zero")))
    source = tuple(chance.randrange(50257) for _ in range(chance.randrange(1, 30)))
    site: Any = chance.choice(("resid_pre", "attn_out", "mlp_out", "z"))
    cells = frozenset(
        (*((layer, chance.randrange(25)) if site == "z" else (layer,)), chance.randrange(len(source)), target)
        for layer in {0, *some(48)}
        for target in some(60)
    )
    return Patch(source, cells, site)


def test_what_is_written_into_an_address_is_read_back() -> None:
    chance = random.Random(4)
    for _ in range(500):
        intervention = random_intervention(chance)
        written = write_intervention(intervention)
        assert re.fullmatch(r"[A-Za-z0-9._-]*", written)  # nothing that an address would have to escape
        assert read_intervention(written) == (intervention or None)
        assert write_intervention(read_intervention(written)) == written
    assert read_intervention(write_intervention(None)) is None


def test_the_texts_are_short_and_can_be_read_by_people() -> None:
    heads, layers = frozenset({(6, 2), (5, 1)}), frozenset({3})
    ablation = Ablation(heads, layers, frozenset({0}), position_embedding=True, replacement="zero")
    assert write_intervention(ablation) == "off_h5.1-6.2_a3_f0_p_zero"
    assert write_intervention(Patch((17, 4, 99), frozenset({(8, 2, 1)}))) == "patch_resid-pre_8.2.1_17.4.99"


@pytest.mark.usefixtures("_as_outside_the_tests")
@pytest.mark.parametrize(
    "junk",
    [
        "off", "off_zero", "off_h", "off_h5", "off_h5.1.2", "off_h5.1-", "off_h-1.2", "off_a1.2.", "off_f1_h2.3", "OFF_p", "off_p ",
        "off_h٣.١", "off_h99999999.1", "patch", "patch_resid-pre_1.2.3", "patch_resid-pre__1.2.3", "patch_here_1.0.0_1.2",
        "patch_resid-pre_1.9.0_1.2", "patch_z_1.0.0_1.2", "patch_resid-pre_1.0.0_", "None", "<script>", "\0", "off_p" * 10_000,
    ],
)  # fmt: skip
def test_junk_in_an_address_is_a_value_error_that_quotes_it(junk: str) -> None:
    with pytest.raises(InterventionError) as caught:
        read_intervention(junk)
    assert isinstance(caught.value, ValueError) and 20 < len(str(caught.value)) < 300
