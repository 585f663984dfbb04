"""The checks of a trace: all pass on a sound one, and each fails on what it is there for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.gptcore.random_models import LONG, random_ids, random_model, trace_of


@pytest.mark.parametrize("n_tokens", [1, 2, 16, 64, 65, 100])
def test_every_check_of_a_sound_trace_passes(n_tokens: int) -> None:
    found = trace_of(random_model(LONG), random_ids(n_tokens)).check()
    assert [check.name for check in found if not check.ok] == []
    assert len({check.name for check in found}) == 6
    words = next(check.description for check in found if check.name == "Cached = uncached")
    assert ("from scratch" in words) == (n_tokens <= 64)  # what it leaves out is said


@pytest.mark.parametrize(
    ("parameter", "caught_by"),
    [
        ("blocks.1.attention.out_proj.weight", {"Residual stream", "Cached = uncached"}),
        ("blocks.0.feed_forward.widen.bias", {"Residual stream", "Cached = uncached"}),
        ("blocks.1.ln_1.shift", {"Residual stream", "Cached = uncached"}),
        ("position_embedding.weight", {"Cached = uncached"}),
        ("final_norm.scale", {"Lens", "Cached = uncached"}),
        ("output_head.weight", {"Lens", "Cached = uncached"}),
    ],
)
def test_a_weight_changed_after_the_run_is_noticed(parameter: str, caught_by: set[str]) -> None:
    for n_tokens in (11, 80):
        model = random_model(LONG, tied=False)
        trace = trace_of(model, random_ids(n_tokens))
        assert trace.logits.any()
        model.get_parameter(parameter).mul_(1.01)
        assert {check.name for check in trace.check() if not check.ok} == caught_by


def test_a_layer_norm_that_divides_by_one_less_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unbiased(self: Any, x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + self.eps) * self.scale + self.shift

    monkeypatch.setattr("gptcore.model.LayerNorm.forward", unbiased)
    found = trace_of(random_model(), random_ids(11)).check()
    assert {check.name for check in found if not check.ok} == {"LayerNorm"}


def test_a_number_that_is_none_fails_every_check_it_reaches() -> None:
    model = random_model()
    model.get_parameter("blocks.1.feed_forward.narrow.bias")[3] = float("nan")
    failed = {check.name for check in trace_of(model, random_ids(11)).check() if not check.ok}
    assert failed >= {"Residual stream", "Lens", "Cached = uncached", "LayerNorm"}
