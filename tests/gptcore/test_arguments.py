"""Numbers and token ids of numpy and torch are numbers and ids wherever one is asked for; what is none is refused at the call."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from gptcore import embeddings
from gptcore.arguments import check_ids, real, token_ids, whole
from gptcore.cache_race import race
from gptcore.config import GPTConfig
from gptcore.errors import ConfigError, GPTCoreError, OutOfRangeError, SamplingError, TokenError
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.sampling import SamplingSettings, select
from gptcore.surprise import surprise

IDS = (5, 6, 7, 8)
WHOLE = [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor(3, dtype=torch.int8)]
NOT_WHOLE = [
    2.5,
    3.0,
    np.float64(3),
    float("nan"),
    float("inf"),
    "3",
    b"3",
    None,
    True,
    np.bool_(True),
    torch.tensor(True),
    [3],
    {},
]
AS_IDS: list[Callable[[tuple[int, ...]], Any]] = [
    list, np.array, torch.tensor, lambda ids: np.array([ids]), lambda ids: torch.tensor([ids]), lambda ids: [ids],
    lambda ids: [np.int64(i) for i in ids], lambda ids: [torch.tensor(i) for i in ids], lambda ids: np.array(ids, dtype=np.uint16),
    lambda ids: (i for i in ids), lambda ids: [torch.tensor(ids)],
]  # fmt: skip


@pytest.mark.parametrize("value", WHOLE)
def test_whole_numbers_of_numpy_and_torch_are_whole_numbers(value: Any) -> None:
    assert whole(value) == 3 and type(whole(value)) is int


@pytest.mark.parametrize("value", NOT_WHOLE)
def test_everything_else_is_none(value: Any) -> None:
    assert whole(value) is None


def test_real_numbers_are_floats_and_texts_are_none() -> None:
    for value in (1, 1.0, np.float32(1), np.float16(1), np.int64(1), torch.tensor(1.0), torch.tensor(1), np.array(1.0)):
        assert real(value) == 1.0 and type(real(value)) is float
    for value in ("1", None, True, np.bool_(True), torch.tensor(True), 1j, [1.0], np.array([1.0]), Decimal(1), 10**400):
        assert real(value) is None


@pytest.mark.parametrize("form", AS_IDS)
def test_ids_in_every_form_are_the_same_ids(form: Callable[[tuple[int, ...]], Any], tiny_model: LanguageModel) -> None:
    assert token_ids(form(IDS)) == IDS
    assert {type(i) for i in token_ids(form(IDS))} == {int}
    assert tiny_model.trace(form(IDS)).ids == IDS
    assert tiny_model.run(form(IDS)) == tiny_model.run(IDS)
    assert next(generate(tiny_model, form(IDS), seed=1)).ids == next(generate(tiny_model, IDS, seed=1)).ids
    assert tiny_model.tokenizer.decode(form(IDS)) == tiny_model.tokenizer.decode(IDS)
    assert surprise(tiny_model.model, form(IDS)).ids == IDS[1:]
    assert len(embeddings.nearest_tokens(tiny_model.model, form(IDS))) == 4
    assert embeddings.project(tiny_model.model, form(IDS)).points.shape == (4, 2)
    assert race(tiny_model.model, form(IDS), seconds=0.01).start == 4


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (torch.tensor([[1, 2], [3, 4]]), r"shape \(2, 2\)"),
        (np.array([1.0, 2.0]), r"Token id 1\.0"),
        (torch.tensor([1.5]), r"Token id 1\.5"),
        ([1, 2.0], r"Token id 2\.0"),
        ([1, "2"], "Token id '2'"),
        ([None], "Token id None"),
        ([True], "Token id True"),
        (3, "ids are 3"),
        (None, "ids are None"),
        ({5: 6}, "ids are {5: 6}"),
        (torch.tensor(3), "ids are tensor"),
    ],
)
def test_what_are_no_ids_is_refused_with_the_value(ids: Any, told: str, tiny_model: LanguageModel) -> None:
    for ask in (token_ids, tiny_model.trace, tiny_model.tokenizer.decode, lambda i: generate(tiny_model, i)):
        with pytest.raises(TokenError, match=told):
            ask(ids)


def test_an_id_outside_the_vocabulary_is_named(tiny_model: LanguageModel) -> None:
    with pytest.raises(TokenError, match=r"Token id 290 is not in this model's vocabulary of 290 \(0 to 289\)"):
        check_ids(np.array([3, 290]), 290)
    with pytest.raises(TokenError, match="Token id -1"):
        check_ids([-1], 290)


def test_settings_of_numpy_and_torch_give_the_same_text(tiny_model: LanguageModel) -> None:
    plain = SamplingSettings(temperature=0.5, top_k=5, top_p=0.75, min_p=0.25, seed=3)
    theirs = SamplingSettings(np.float32(0.5), np.int64(5), torch.tensor(0.75), np.float64(0.25), torch.tensor(3))
    assert theirs == plain and hash(theirs) == hash(plain) and repr(theirs) == repr(plain)
    text = [step.token_id for step in generate(tiny_model, IDS, temperature=0.5, top_k=5, seed=3, max_new_tokens=6)]
    again = generate(
        tiny_model, IDS, temperature=np.float32(0.5), top_k=np.int64(5), seed=np.uint32(3), max_new_tokens=np.int8(6)
    )
    assert [step.token_id for step in again] == text
    logits = tiny_model.trace(IDS).logits
    for position in (np.int64(7), torch.tensor(7), np.uint8(7)):
        choice = select(logits, SamplingSettings(), position)
        assert (choice.u, choice.position) == (select(logits, SamplingSettings(), 7).u, 7)
        assert type(choice.position) is int


@pytest.mark.parametrize("value", [*NOT_WHOLE, 0, -1, np.int64(0), np.inf])
def test_a_number_of_new_tokens_that_is_none_is_refused_at_the_call_with_its_value(value: Any, tiny_model: LanguageModel) -> None:
    with pytest.raises(SamplingError, match="max_new_tokens is ") as refused:
        generate(tiny_model, IDS, max_new_tokens=value)
    assert repr(value)[:70] in str(refused.value)


@pytest.mark.parametrize("value", [*NOT_WHOLE, -1])
def test_a_position_that_is_none_is_refused_with_its_value(value: Any, tiny_model: LanguageModel) -> None:
    with pytest.raises(SamplingError, match="position is "):
        select(tiny_model.trace(IDS).logits, SamplingSettings(), value)


@pytest.mark.parametrize("setting", ["temperature", "top_k", "top_p", "min_p", "seed"])
@pytest.mark.parametrize("value", ["0.5", True, np.nan, torch.tensor([1.0, 2.0]), [1], -(10**400), np.bool_(True)])
def test_a_setting_that_is_no_number_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(SamplingError, match=f"{setting} is "):
        SamplingSettings(**{setting: value})


def test_a_configuration_takes_numbers_of_numpy_and_keeps_them_as_plain_ones() -> None:
    theirs = GPTConfig(np.int64(290), np.int32(64), torch.tensor(32), np.int8(4), 2, np.float32(0.5), True)
    assert theirs == GPTConfig(290, 64, 32, 4, 2, 0.5, True)
    assert {type(getattr(theirs, key)) for key in ("vocab_size", "context_length", "emb_dim", "n_heads")} == {int}
    for value in NOT_WHOLE:
        with pytest.raises(ConfigError, match="emb_dim is "):
            GPTConfig(290, 64, value, 4, 2, 0.0, True)


@pytest.mark.parametrize("one", [np.int64(1), torch.tensor(1), np.array(1)])
def test_layers_heads_and_positions_may_be_of_any_library(one: Any, tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    assert (trace.resid(one) == trace.resid(1)).all() and (trace.k(one) == trace.k(1)).all()
    for some in (np.array([1, 2]), torch.tensor([1, 2]), (one, 2), range(1, 3)):
        assert (trace.attention(one, some, some).pattern == trace.attention(1, (1, 2), (1, 2)).pattern).all()
        assert (trace.logits_at(some) == trace.logits_at((1, 2))).all()
        assert (trace.lens(some, top=one, targets=some).target_rank == trace.lens((1, 2), 1, (1, 2)).target_rank).all()
        assert (trace.feed_forward(one, some).mlp_post == trace.feed_forward(1, (1, 2)).mlp_post).all()
        assert (trace.block(one, some).resid_post == trace.block(1, (1, 2)).resid_post).all()
        assert trace.layer_norm(one, "ln_1", some).after.shape == (2, 32)
    assert trace.attention_overview(torch.tensor(2), np.array([one])).maps.shape == trace.attention_overview(2, (1,)).maps.shape
    assert (embeddings.rows_of(tiny_model.model, one, one)[1] == embeddings.rows_of(tiny_model.model, 1, 1)[1]).all()


@pytest.mark.parametrize("value", [0.5, "0", None, True, -1, 2**70, float("nan"), np.float32(1)])
def test_what_is_no_layer_or_position_is_refused_with_its_value(value: Any, tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    asks: list[Callable[[], object]] = [
        lambda: trace.resid(value), lambda: trace.v(value), lambda: trace.attention(value), lambda: trace.block(value),
        lambda: trace.attention(0, [value]), lambda: trace.attention(0, None, [value]), lambda: trace.logits_at([value]),
        lambda: trace.lens([0], top=value), lambda: trace.attention_overview(value), lambda: trace.attention_overview(4, [value]),
        lambda: embeddings.rows_of(tiny_model.model, 0, value), lambda: embeddings.nearest_tokens(tiny_model.model, (1,), value),
    ]  # fmt: skip
    for ask in asks:
        if value == 2**70:  # a top of that size is only more than there is
            continue
        with pytest.raises(OutOfRangeError) as refused:
            ask()
        assert repr(value) in str(refused.value) or str(value) in str(refused.value)


@pytest.mark.parametrize("positions", [3, "12", 2.5, [], np.array([]), torch.tensor(2)])
def test_positions_that_are_no_sequence_are_refused(positions: Any, tiny_model: LanguageModel) -> None:
    with pytest.raises(OutOfRangeError):
        tiny_model.trace(IDS).attention(0, positions)


def test_nothing_else_than_the_errors_of_the_package_is_raised_for_odd_prompts(tiny_model: LanguageModel) -> None:
    for prompt in (None, 3, 2.5, b"text", object(), {"input_ids": IDS}, [[1, 2], [3]], np.zeros((2, 0)), [], ""):
        try:
            generate(tiny_model, prompt)  # type: ignore[arg-type]
        except GPTCoreError as error:
            assert str(error)
