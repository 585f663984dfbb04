"""The loop: every step is a trace and a choice from its logits, the same seed gives the same text, and the end has a reason."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import gptcore
from gptcore.errors import SamplingError, SequenceLengthError, TokenError
from gptcore.generation import generate, prompt_ids
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.sampling import SamplingSettings, select
from gptcore.store import TraceStore

PROMPT = "the cat and the hat"


def text(model: LanguageModel, **settings: float) -> tuple[int, ...]:
    return tuple(step.token_id for step in generate(model, PROMPT, **settings))  # type: ignore[arg-type]


def test_it_is_the_function_that_the_package_offers() -> None:
    assert gptcore.generate is generate
    assert gptcore.prompt_ids is prompt_ids


def test_greedy_writes_what_a_plain_loop_over_the_model_writes(tiny_model: LanguageModel) -> None:
    ids = list(tiny_model.tokenizer.encode(PROMPT))
    steps = list(generate(tiny_model, PROMPT, temperature=0.0, max_new_tokens=20, stop_at_end_of_text=False))
    for step in steps:
        with torch.no_grad():
            expected = int(tiny_model.model(torch.tensor([ids]))[0, -1].argmax())
        assert step.trace.ids == tuple(ids)
        assert (step.token_id, step.rank, step.prob, step.position) == (expected, 0, 1.0, len(ids))
        ids.append(expected)
        assert step.ids == tuple(ids)
    assert len(steps) == 20


def test_each_step_carries_the_choice_from_its_own_logits(tiny_model: LanguageModel) -> None:
    settings = SamplingSettings(temperature=1.5, top_k=40, top_p=0.9, min_p=0.01, seed=6)
    steps = list(generate(tiny_model, PROMPT, temperature=1.5, top_k=40, top_p=0.9, min_p=0.01, seed=6, max_new_tokens=12))
    for step in steps:
        assert step.settings == settings
        expected = select(step.trace.logits, settings, position=step.trace.n_tokens)
        found = step.selection
        assert (step.token_id, step.rank) == (expected.chosen_id, expected.chosen_rank) == (found.chosen_id, found.chosen_rank)
        assert (step.prob, step.base_prob) == (expected.chosen_prob, expected.chosen_base_prob)
        assert np.array_equal(found.final_probs, expected.final_probs)
    assert {step.rank for step in steps} != {0}
    assert all(after.trace.ids == before.ids for before, after in itertools.pairwise(steps)), (
        "what was chosen is what the text goes on with"
    )


def test_the_same_seed_gives_the_same_text_and_another_seed_another(tiny_model: LanguageModel) -> None:
    first = text(tiny_model, seed=1)
    assert text(tiny_model, seed=1) == first
    fresh = LanguageModel("again", tiny_model.model, tiny_model.tokenizer, TraceStore())
    assert text(fresh, seed=1) == first  # what was asked for before does not matter
    assert text(tiny_model, seed=2) != first


def test_a_text_goes_on_from_the_middle_as_it_would_have(tiny_model: LanguageModel) -> None:
    whole = list(generate(tiny_model, PROMPT, seed=4, max_new_tokens=20, stop_at_end_of_text=False))
    rest = generate(tiny_model, whole[7].ids, seed=4, max_new_tokens=12, stop_at_end_of_text=False)
    assert [step.token_id for step in rest] == [step.token_id for step in whole[8:]]


def test_all_steps_keep_their_internals(tiny_model: LanguageModel) -> None:
    steps = list(generate(tiny_model, PROMPT, seed=3, max_new_tokens=15, stop_at_end_of_text=False))
    for step in steps:
        assert step.trace.n_tokens == step.position
        assert all(check.ok for check in step.trace.check())


def test_nothing_is_computed_before_it_is_asked_for(tiny_model: LanguageModel) -> None:
    fresh = LanguageModel("fresh", tiny_model.model, tiny_model.tokenizer, TraceStore())
    steps = generate(fresh, PROMPT, max_new_tokens=50)
    assert fresh.store.n_bytes == 0
    taken = list(itertools.islice(steps, 2))
    assert [step.stopped for step in taken] == [None, None]


def test_it_stops_at_the_number_asked_for_and_says_so(tiny_model: LanguageModel) -> None:
    steps = list(generate(tiny_model, PROMPT, max_new_tokens=5, stop_at_end_of_text=False))
    assert [step.stopped for step in steps] == [None] * 4 + ["count"]


def test_it_stops_when_the_context_is_full_and_says_so(tiny_model: LanguageModel) -> None:
    room = tiny_model.config.context_length
    for n_prompt in (room - 3, room - 1):
        steps = list(generate(tiny_model, (5,) * n_prompt, max_new_tokens=room, stop_at_end_of_text=False))
        assert [step.stopped for step in steps] == [None] * (room - n_prompt - 1) + ["context_length"]
        assert len(steps[-1].ids) == room
        assert tiny_model.trace(steps[-1].ids).n_tokens == room  # the whole text can still be looked at


def test_the_context_is_named_when_the_count_ends_there_too(tiny_model: LanguageModel) -> None:
    room = tiny_model.config.context_length
    steps = list(generate(tiny_model, (5,) * (room - 2), max_new_tokens=2, stop_at_end_of_text=False))
    assert [step.stopped for step in steps] == [None, "context_length"]


def _ends_at_once(tiny_model: LanguageModel) -> LanguageModel:
    """The same model, but for an output head of its own that always wants the end-of-text token."""
    model = GPTModel(replace(tiny_model.config, n_layers=1), tied=False).requires_grad_(False)
    model.final_norm.scale.zero_()
    model.final_norm.shift.fill_(1)
    model.output_head.weight.zero_()[tiny_model.tokenizer.end_of_text_id] = 1
    return LanguageModel("ends", model, tiny_model.tokenizer)


def test_it_stops_at_the_end_of_text_and_says_so_unless_told_not_to(tiny_model: LanguageModel) -> None:
    model = _ends_at_once(tiny_model)
    steps = list(generate(model, PROMPT, temperature=0.0, max_new_tokens=9))
    assert [(step.token_id, step.stopped) for step in steps] == [(model.tokenizer.end_of_text_id, "end_of_text")]
    steps = list(generate(model, PROMPT, temperature=0.0, max_new_tokens=9, stop_at_end_of_text=False))
    assert {step.token_id for step in steps} == {model.tokenizer.end_of_text_id}
    assert [step.stopped for step in steps] == [None] * 8 + ["count"]


def test_an_empty_prompt_begins_with_the_end_of_text_token_and_says_so(tiny_model: LanguageModel) -> None:
    end = tiny_model.tokenizer.end_of_text_id
    assert prompt_ids(tiny_model.tokenizer, "") == ((end,), True)
    assert next(iter(generate(tiny_model, ""))).trace.ids == (end,)


def test_a_prompt_with_text_begins_with_its_own_tokens(tiny_model: LanguageModel) -> None:
    tokenizer = tiny_model.tokenizer
    for prompt in (PROMPT, " ", "\n", "<|endoftext|>", "🙂"):
        ids, started_empty = prompt_ids(tokenizer, prompt)
        assert not started_empty
        assert tokenizer.decode(ids) == prompt
        assert tokenizer.end_of_text_id not in ids  # typed, it is plain text


def test_an_empty_prompt_without_such_a_token_is_refused(tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_model.tokenizer, "end_of_text_id", None)
    with pytest.raises(TokenError, match=r"prompt is empty.*type at least one character"):
        prompt_ids(tiny_model.tokenizer, "")


def test_what_cannot_be_generated_is_refused_at_the_call(tiny_model: LanguageModel) -> None:
    room = tiny_model.config.context_length
    size = tiny_model.config.vocab_size
    with pytest.raises(SequenceLengthError, match=f"{room + 1} tokens are more than this model's context length of {room}"):
        generate(tiny_model, (5,) * (room + 1))
    with pytest.raises(SequenceLengthError, match=f"{room} tokens fill this model's context length.*shorten"):
        generate(tiny_model, (5,) * room)
    with pytest.raises(SequenceLengthError, match="no token"):
        generate(tiny_model, ())
    with pytest.raises(TokenError, match=f"Token id {size}"):
        generate(tiny_model, (size,))
    with pytest.raises(SamplingError, match="max_new_tokens is 0; ask for at least 1"):
        generate(tiny_model, PROMPT, max_new_tokens=0)
    with pytest.raises(SamplingError, match="temperature"):
        generate(tiny_model, PROMPT, temperature=-1.0)
