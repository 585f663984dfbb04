"""Where the model is makes no difference to what is said of it.

Parity runs over the graphics cards of this machine, in float32, and is skipped where there is none. What runs everywhere is the same
table on a pretended device, on which code that forgets where the model is fails.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import gptcore
from gptcore import (
    attribution,
    branching,
    by_torch,
    cache_race,
    checkpoints,
    devices,
    effects,
    embeddings,
    fingerprint,
    generation,
    head_survey,
    input_effects,
    neurons,
    patching,
    reference,
    sampling,
    surprise,
    weights,
)
from gptcore.errors import DeviceError
from gptcore.language_model import LanguageModel
from gptcore.run import Ablation, Patch
from gptcore.trace import Trace
from gptcore.training import evaluate, loop, one_weight, warm_start
from tests.gptcore import pretend_device
from tests.gptcore.two_texts import IDS, METRIC, RIVAL, SOURCE, TARGET

TOLERANCE = 1e-4  # of the largest number compared
SMALLEST = 0.1  # what is smaller may be a difference of larger ones
CARDS = [each.name for each in devices.devices() if each.name != "cpu"]
ABLATION = Ablation(frozenset({(0, 1)}), frozenset({1}), frozenset({0}), position_embedding=True)
PATCHES = [Patch(SOURCE, frozenset({(1, 3, 3), (1, 7, 7)}), site) for site in ("resid_pre", "attn_out", "mlp_out")]
PATCHES.append(Patch(SOURCE, frozenset({(1, 0, 3, 3)}), "z"))
CORPUS = np.array(IDS * 20, np.uint16)


def _all_of(trace: Trace) -> list[Any]:
    layers, last = range(trace.config.n_layers), trace.n_tokens - 1
    return [
        trace.logits,
        trace.logits_at((0, last)),
        [trace.resid(layer) for layer in range(trace.config.n_layers + 1)],
        [
            (trace.k(n), trace.v(n), trace.attention(n), trace.attention(n, (last, 0), (1,)), trace.feed_forward(n, (0, last)))
            for n in layers
        ],
        [(trace.layer_norm(n, "ln_1"), trace.layer_norm(n, "ln_2", (last,)), trace.block(n, (last, 0))) for n in layers],
        trace.layer_norm(None, "final"),
        trace.lens((0, last), top=5),
        trace.lens((last,), targets=(TARGET,)),
        trace.attention_overview(4),
        trace.newest_row(),
        [check.ok for check in (*trace.check(), trace.check_earlier_tokens(1))],
    ]


def _raced(m: LanguageModel) -> Any:
    found = cache_race.race(m.model, IDS, seconds=0.01)
    assert all(step.cached_ms > 0 and step.uncached_ms > 0 for step in found.steps)
    return found.start, found.steps[0].cached_id, found.steps[0].uncached_id


def _saved(m: LanguageModel, folder: Path) -> Any:
    checkpoints.save_model(m.model, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _neurons(m: LanguageModel) -> Any:
    trace, last = m.trace(IDS), len(IDS) - 1
    return neurons.strongest_neurons(m.model, 1, trace.feed_forward(1, (last,)).mlp_post[0], trace.resid(2)[last], 4)


# What is called -> the ways in which it is.
CALLS: dict[Any, Callable[[LanguageModel, Path], Any]] = {
    Trace: lambda m, _: [_all_of(m.trace(IDS[:5])), _all_of(m.trace(IDS)), _all_of(m.trace(SOURCE))],
    Ablation: lambda m, _: [_all_of(m.trace(IDS, each)) for each in (ABLATION, Ablation(ABLATION.heads, replacement="zero"))],
    Patch: lambda m, _: [_all_of(m.trace(IDS, each)) for each in PATCHES],
    generation.generate: lambda m, _: [
        [(step.token_id, step.selection) for step in generation.generate(m, IDS, seed=seed, max_new_tokens=6, temperature=heat)]
        for seed in (1, 2)
        for heat in (0.0, 1.0)
    ],
    branching.beam_search: lambda m, _: [[each.ids for each in step.kept] for step in branching.beam_search(m, IDS, 3, 3)],
    branching.branches: lambda m, _: branching.branches(m.store, m.run(IDS), [(*IDS, 4, 5), (*IDS, 4, 6)]),
    effects.head_effects: lambda m, _: [
        effects.head_effects(m.trace(IDS), TARGET, RIVAL, scope, instead) for scope in ("last", "everywhere") for instead in ("mean", "zero")
    ],
    effects.part_effects: lambda m, _: [effects.part_effects(m.trace(IDS), TARGET, RIVAL, scope) for scope in ("last", "everywhere")],
    patching.patch_map: lambda m, _: [
        patching.patch_map(m.trace(IDS), m.trace(SOURCE), METRIC, site) for site in ("resid_pre", "attn_out", "mlp_out")
    ],
    patching.patch_heads: lambda m, _: patching.patch_heads(m.trace(IDS), m.trace(SOURCE), METRIC),
    attribution.logit_attribution: lambda m, _: [
        attribution.logit_attribution(m.trace(IDS, each), TARGET, rival) for rival in (RIVAL, None) for each in (None, ABLATION, *PATCHES)
    ],
    attribution.neuron_attribution: lambda m, _: [
        attribution.neuron_attribution(m.trace(IDS, each), 1, TARGET, RIVAL, 7) for each in (None, ABLATION, *PATCHES)
    ],
    input_effects.token_effects: lambda m, _: [
        input_effects.token_effects(m.trace(IDS, each), TARGET, rival, method)
        for method in ("replace", "delete", "gradient", "gradient_x_input", "integrated_gradients", "attention", "rollout")
        for rival in (RIVAL, None)
        for each in (None, ABLATION)
    ],
    surprise.surprise: lambda m, _: [surprise.surprise(m, IDS * 3), surprise.surprise(m.model, IDS), surprise.surprise(m, IDS, 3, ABLATION)],
    surprise.judge: lambda m, _: surprise.judge(m.trace(IDS), 2, IDS[3:6]),
    reference.reference_means: lambda m, _: vars(reference.reference_means(m)),
    reference.replacements: lambda m, _: vars(reference.replacements(m, "zero")),
    embeddings.rows_of: lambda m, _: embeddings.rows_of(m.model, 7, 3),
    embeddings.lengths: lambda m, _: embeddings.lengths(m.model),
    embeddings.nearest_tokens: lambda m, _: embeddings.nearest_tokens(m.model, (7, 9)),
    embeddings.position_similarity: lambda m, _: embeddings.position_similarity(m.model),
    embeddings.project: lambda m, _: embeddings.project(m.model, range(20)),
    neurons.strongest_neurons: lambda m, _: _neurons(m),
    head_survey.survey: lambda m, _: head_survey.survey(m),
    cache_race.race: lambda m, _: _raced(m),
    sampling.candidates: lambda m, _: sampling.candidates(m.model(torch.tensor([IDS], device=m.device))[0, -1]),
    sampling.select: lambda m, _: sampling.select(
        m.model(torch.tensor([IDS], device=m.device))[0, -1], sampling.SamplingSettings(seed=3), len(IDS)
    ),
    weights.weight_statistics: lambda m, _: [weights.weight_statistics(each) for each in m.model.parameters()],
    by_torch.moments: lambda m, _: [by_torch.moments(each) for each in m.model.parameters()],
    fingerprint.fingerprint: lambda m, _: m.identity.partition("@")[2],
    checkpoints.save_model: _saved,
    one_weight.weight_step: lambda m, _: one_weight.weight_step(m, IDS, "blocks.0.attention.qkv.weight", 3),
    one_weight.losses_at: lambda m, _: one_weight.losses_at(m, IDS, "blocks.0.attention.qkv.weight", (1, 2), np.zeros(2)),
    loop.held_out_loss: lambda m, _: loop.held_out_loss(m.model, CORPUS, 3),
    evaluate.predict: lambda m, _: evaluate.predict(m, CORPUS, 3),
    warm_start.with_vocabulary: lambda m, _: warm_start.with_vocabulary(m.model, m.tokenizer, m.tokenizer).state_dict(),
}  # fmt: skip
NOT_CALLED = {
    devices.move: "it is how a model comes there",
    effects.followed: "a choice of a token, part of head_effects",
    evaluate.write: "generate, some dozen times",
    generation.steps: "what generate does",
    head_survey.repeated_ids: "token ids, no model runs",
}


@pytest.fixture(scope="module")
def on_the_processor(tiny_model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Any, Any]:
    """What each call of the table says where the model was loaded."""
    return {call: _plain(CALLS[call](tiny_model, tmp_path_factory.mktemp("here"))) for call in CALLS}


def _elsewhere(model: LanguageModel, device: torch.device) -> LanguageModel:
    return LanguageModel(model.name, devices.move(deepcopy(model.model), device), model.tokenizer)


@pytest.fixture(scope="module", params=[True, False], ids=["with float64", "without float64"])
def pretended(tiny_model: LanguageModel, request: pytest.FixtureRequest) -> tuple[bool, LanguageModel]:
    """The model on the pretended device, and whether that has float64."""
    with pretend_device.pretending(request.param) as device:
        return request.param, _elsewhere(tiny_model, device)


def _names(call: Any) -> str:
    return call.__name__ if callable(call) else str(call)


@pytest.mark.parametrize("call", CALLS, ids=_names)
def test_nothing_is_made_where_the_model_is_not(
    pretended: tuple[bool, LanguageModel],
    on_the_processor: Mapping[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    call: Any,
) -> None:
    float64, there = pretended
    if not float64:
        monkeypatch.setattr(devices, "_WITHOUT_FLOAT64", {pretend_device.NAME})
    with pretend_device.pretending(float64) as device:
        assert there.device == device
        _check_alike(_plain(CALLS[call](there, tmp_path)), on_the_processor[call])


@pytest.mark.parametrize("call", CALLS, ids=_names)
@pytest.mark.parametrize("card", CARDS or [pytest.param("", marks=pytest.mark.skip(reason="torch finds no graphics card here"))])
def test_a_graphics_card_says_what_the_processor_says(
    tiny_model: LanguageModel, on_the_processor: Mapping[Any, Any], tmp_path: Path, card: str, call: Any
) -> None:
    there = _elsewhere(tiny_model, devices.choose(card))
    if call in (fingerprint.fingerprint, checkpoints.save_model):  # bytes
        assert _plain(CALLS[call](there, tmp_path)) == on_the_processor[call]
    else:
        _check_alike(_plain(CALLS[call](there, tmp_path)), on_the_processor[call])


def test_every_public_function_that_takes_a_model_is_in_the_table() -> None:
    of_models = re.compile(r"\b(GPTModel|LanguageModel|HasModel|Trace|TraceStore)\b")
    insides = re.compile(r"\b(Tensor|LayerRows|Buffer|Kept|Edits)\b")
    missing = []
    for function in _public_functions():
        said = inspect.unwrap(function).__annotations__
        takes = " ".join(str(value) for name, value in said.items() if name != "return")
        if of_models.search(takes) and not insides.search(f"{takes} {said.get('return')}"):
            missing += [] if function in CALLS or function in NOT_CALLED else [f"{function.__module__}.{function.__name__}"]
    assert missing == []


def test_every_public_name_of_the_package_that_runs_a_model_is_in_the_table() -> None:
    named = {getattr(gptcore, name) for name in gptcore.__all__}
    assert {f for f in named if inspect.isfunction(f) and f in CALLS} >= {
        gptcore.head_effects, gptcore.part_effects, gptcore.patch_map, gptcore.patch_heads, gptcore.logit_attribution,
        gptcore.neuron_attribution, gptcore.token_effects, gptcore.generate, gptcore.beam_search, gptcore.branches,
    }  # fmt: skip


def _public_functions() -> Iterator[Callable[..., Any]]:
    for info in pkgutil.walk_packages(gptcore.__path__, "gptcore."):
        if not info.name.endswith("__main__"):
            module = importlib.import_module(info.name)
            yield from (
                value for name, value in vars(module).items()
                if inspect.isfunction(value) and value.__module__ == info.name and not name.startswith("_")
            )  # fmt: skip


def test_the_pretended_device_notices_a_tensor_that_was_made_elsewhere() -> None:
    with pretend_device.pretending(float64=False) as device:
        there = torch.ones(3, device=device)
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.arange(3)
        with pytest.raises(RuntimeError, match="same device"):
            torch.ones(3)[torch.tensor([0], device=device)]
        with pytest.raises(TypeError, match="float64"):
            there.double()
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        assert (there + torch.tensor(1.0)).tolist() == [2.0, 2.0, 2.0]  # one number is taken from anywhere
        assert there[torch.tensor([0, 2])].device == device and there.cpu().numpy().tolist() == [1.0, 1.0, 1.0]


def test_a_tied_head_stays_the_token_embedding_where_the_model_goes(tiny_model: LanguageModel) -> None:
    with pretend_device.pretending() as device:
        there = _elsewhere(tiny_model, device).model
        assert there.output_head.weight is there.token_embedding.weight and there.output_head.weight.device == device


def test_the_stores_rows_are_counted_where_they_lie(tiny_model: LanguageModel) -> None:
    with pretend_device.pretending() as device:
        there = _elsewhere(tiny_model, device)
        trace = there.trace(IDS)
        assert trace._resid.device == trace._k.device == device
        assert there.store.n_bytes >= 4 * len(IDS) * (3 * there.config.n_layers + 1) * there.config.emb_dim


@pytest.mark.parametrize("wanted", ["tpu", "cuda:7", ""])
def test_a_device_that_is_none_is_refused_with_those_that_are(wanted: str) -> None:
    with pytest.raises(DeviceError, match="cpu, cuda, mps, auto"):
        devices.choose(wanted)


@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused_with_what_is_and_what_to_do(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=rf'{wanted}; this machine has: cpu \(\d+ cores\)\..+"auto"'):
        devices.choose(wanted)
    with pytest.raises(DeviceError):
        gptcore.load("storyteller", device=wanted)
    assert devices.choose("auto") == gptcore.load("storyteller", device="auto").device == torch.device("cpu")


def test_auto_takes_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    card = SimpleNamespace(name="A card", total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert devices.choose("auto") == torch.device("cuda") and str(devices.devices()[0]) == "cuda (A card, 80 GiB)"


def _plain(value: Any) -> Any:
    """Numbers, arrays, texts, and lists and dictionaries of them."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(each) for each in value]
    return value


def _check_alike(found: Any, expected: Any) -> None:
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        largest = float(np.abs(np.nan_to_num(expected.astype(np.float64))).max(initial=0))
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * max(largest, SMALLEST))
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE * SMALLEST, nan_ok=True)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            _check_alike(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _check_alike(one, other)
    else:
        assert found == expected
