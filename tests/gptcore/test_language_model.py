"""LanguageModel, and the names by which the package is used."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gptcore
from gptcore.checkpoints import load
from gptcore.fingerprint import fingerprint
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.run import Ablation

ROOT = Path(__file__).parents[2]


def test_a_language_model_is_equal_only_to_itself_and_cannot_be_changed(tiny_folder: Path) -> None:
    one, other = load(tiny_folder), load(tiny_folder)
    assert one == one and one != other and len({one, other}) == 2
    with pytest.raises(AttributeError):
        one.name = "another"  # type: ignore[misc]
    assert not one.model.training and not any(parameter.requires_grad for parameter in one.model.parameters())


def test_the_identity_says_name_and_content_and_is_the_same_for_the_same_content(tiny_folder: Path, tmp_path: Path) -> None:
    one, other = load(tiny_folder), load(tiny_folder)
    assert one.identity == other.identity and one.identity.startswith("tiny@")
    alike = LanguageModel("tiny", copy.deepcopy(one.model), one.tokenizer)
    assert alike.identity == one.identity
    renamed = LanguageModel("other", one.model, one.tokenizer)
    assert renamed.identity != one.identity


def test_the_identity_is_another_after_any_change_of_the_model(tiny_model: LanguageModel) -> None:
    identities = {tiny_model.identity}
    for name, _ in tiny_model.model.named_parameters():
        changed = copy.deepcopy(tiny_model.model)
        parameter = changed.get_parameter(name)
        last = tuple(size - 1 for size in parameter.shape)
        parameter.data[last] = torch.nextafter(parameter.data[last], torch.tensor(torch.inf))  # one number, by the least there is
        identities.add(LanguageModel("tiny", changed, tiny_model.tokenizer).identity)
    swapped = copy.deepcopy(tiny_model.model)
    swapped.position_embedding.weight.data[[0, 1]] = swapped.position_embedding.weight.data[[1, 0]]
    identities.add(LanguageModel("tiny", swapped, tiny_model.tokenizer).identity)
    wider = copy.deepcopy(tiny_model.model).double()
    identities.add(LanguageModel("tiny", wider, tiny_model.tokenizer).identity)
    assert len(identities) == 1 + len(list(tiny_model.model.named_parameters())) + 2


def test_the_layout_in_memory_makes_no_other_identity(tiny_model: LanguageModel) -> None:
    plain = copy.deepcopy(tiny_model.model)
    for parameter in plain.parameters():
        parameter.data = parameter.data.contiguous()
    assert fingerprint(plain, tiny_model.tokenizer) == fingerprint(tiny_model.model, tiny_model.tokenizer)


def test_every_public_name_of_the_package_is_there() -> None:
    assert set(gptcore._HOMES) | {"GPTCoreError"} == set(gptcore.__all__)
    for name in gptcore.__all__:
        found = getattr(gptcore, name)
        assert getattr(found, "__name__", name) == name  # a type of several has none
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = gptcore.laod


@pytest.mark.timeout(400)  # a new Python that loads torch, which a busy machine makes wait
def test_importing_the_package_alone_does_not_load_torch() -> None:
    code = "import sys, gptcore; print('torch' in sys.modules); gptcore.GPTModel; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=380)
    assert (ran.stdout, ran.stderr) == ("False\nTrue\n", "")


@pytest.mark.timeout(400)
def test_loading_does_not_make_torch_import_its_compiler(tiny_folder: Path) -> None:
    """Initial values on the meta device would: a second, and 70 MB that stay."""
    code = f"import sys, gptcore; gptcore.load({str(tiny_folder)!r}); print({{'sympy', 'torch._dynamo'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=380)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")


@pytest.mark.parametrize("again", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_a_language_model_can_be_pickled_and_copied(tiny_model: LanguageModel, again: Callable[[Any], Any]) -> None:
    ids = tiny_model.tokenizer.encode("the cat")
    tiny_model.trace(ids)
    other = again(tiny_model)
    assert other is not tiny_model and (other.name, other.config, other.identity) == (
        tiny_model.name, tiny_model.config, tiny_model.identity,
    )  # fmt: skip
    assert other.store.n_bytes == 0 and other.store is not tiny_model.store
    assert other.tokenizer.vocabulary() == tiny_model.tokenizer.vocabulary()
    assert other.tokenizer.encode("the cat") == ids and other.tokenizer.end_ids == tiny_model.tokenizer.end_ids
    assert other.model.tied and other.model.output_head.weight is other.model.token_embedding.weight
    assert other.model.token_embedding.weight.data_ptr() != tiny_model.model.token_embedding.weight.data_ptr()
    assert np.allclose(
        other.trace(ids).logits, tiny_model.trace(ids).logits, atol=1e-5
    )  # the other trace may have grown in pieces


@pytest.mark.parametrize("again", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_steps_can_be_pickled_and_copied_with_all_that_led_to_them(
    tiny_model: LanguageModel, again: Callable[[Any], Any]
) -> None:
    intervention = Ablation(heads=frozenset({(0, 1)}))
    steps = list(generate(tiny_model, "the cat", seed=2, max_new_tokens=4, intervention=intervention))
    others = again(steps)
    for step, other in zip(steps, others, strict=True):
        assert (other.token_id, other.prob, other.stopped, other.settings) == (
            step.token_id,
            step.prob,
            step.stopped,
            step.settings,
        )
        assert other.ids == step.ids and other.trace.run == step.trace.run
        assert np.allclose(other.trace.logits, step.trace.logits, atol=1e-5)
        assert other.selection.chosen_id == step.token_id
        assert all(check.ok for check in other.trace.check())
    assert len({id(other.trace.model) for other in others}) == 1  # the weights are written once


def test_a_pickle_of_many_steps_is_not_much_larger_than_the_model(tiny_model: LanguageModel) -> None:
    steps = list(generate(tiny_model, "the cat", seed=2, max_new_tokens=20, stop_at_end_of_text=False))
    assert len(pickle.dumps(steps)) < len(pickle.dumps(tiny_model)) + 20 * 1000


@pytest.mark.parametrize("again", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy, copy.copy])
def test_what_traces_and_choices_give_can_be_pickled_and_copied(tiny_model: LanguageModel, again: Callable[[Any], Any]) -> None:
    step = next(generate(tiny_model, "the cat", seed=2))
    for thing in (step.selection, step.trace.lens((0,)), step.trace.attention(0), step.trace.check(), tiny_model.run((1, 2))):
        assert type(again(thing)) is type(thing)
    assert again(step.trace).ids == step.trace.ids
    assert again(tiny_model.store).n_bytes == 0
