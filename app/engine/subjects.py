"""What the application holds instead of a model and its traces: both look like what they stand for, and every method is a call.

Neither holds a weight or an activation, so a visitor's page keeps nothing in memory that the store has let go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import numpy as np

from app.engine.protocol import Engine, Method
from gptcore.activations import AttentionActivations, BlockActivations, FeedForwardActivations, LayerNormActivations
from gptcore.checks import Check
from gptcore.config import GPTConfig
from gptcore.language_model import LanguageModel
from gptcore.lens import Lens
from gptcore.overview import AttentionOverview
from gptcore.run import Intervention, Run
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Site, Trace

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class EngineModel:
    """A model that an engine has. name: as it is shown; identity: name and content, as a `Run` names it; tied: whether the
    output head is the token embedding. Two are equal if their identities are."""

    engine: Engine = field(compare=False, repr=False)
    identity: str
    name: str = field(compare=False)
    config: GPTConfig = field(compare=False, repr=False)
    tokenizer: Tokenizer = field(compare=False, repr=False)
    tied: bool = field(compare=False, repr=False)

    def run(self, ids: Sequence[int], intervention: Intervention | None = None) -> Run:
        """These ids through this model, as a key."""
        return Run(self.identity, tuple(ids), intervention)

    def trace(self, run: Run) -> EngineTrace:
        """What this model does in a run of it. Nothing is computed until something of it is asked for."""
        return EngineTrace(self, run)

    def call(self, method: Method, *arguments: Any, **named: Any) -> Any:
        """What a function of a LanguageModel says of this one."""
        return self.engine.call(Run(self.identity, ()), method, *arguments, **named)


@dataclass(frozen=True)
class EngineTrace:
    """The methods of `Trace`, each a call; arguments and results are described there."""

    model: EngineModel
    run: Run

    @property
    def ids(self) -> tuple[int, ...]:
        return self.run.ids

    @property
    def n_tokens(self) -> int:
        return len(self.run.ids)

    @property
    def config(self) -> GPTConfig:
        return self.model.config

    def call(self, method: Method, *arguments: Any, **named: Any) -> Any:
        """What a method of Trace, or a function of a Trace, says of this one."""
        return self.model.engine.call(self.run, method, *arguments, **named)

    def resid(self, layer: int) -> np.ndarray:
        return self._array("resid", layer)

    def k(self, layer: int) -> np.ndarray:
        return self._array("k", layer)

    def v(self, layer: int) -> np.ndarray:
        return self._array("v", layer)

    @property
    def logits(self) -> np.ndarray:
        return self._array("logits")

    def logits_at(self, positions: Sequence[int]) -> np.ndarray:
        return self._array("logits_at", positions)

    def newest_row(self) -> np.ndarray:
        return self._array("newest_row")

    def attention(
        self, layer: int, positions: Sequence[int] | None = None, heads: Sequence[int] | None = None
    ) -> AttentionActivations:
        found: AttentionActivations = self.call("attention", layer, positions, heads)
        return found

    def layer_norm(self, layer: int | None, site: Site, positions: Sequence[int] | None = None) -> LayerNormActivations:
        found: LayerNormActivations = self.call("layer_norm", layer, site, positions)
        return found

    def feed_forward(self, layer: int, positions: Sequence[int] | None = None) -> FeedForwardActivations:
        found: FeedForwardActivations = self.call("feed_forward", layer, positions)
        return found

    def block(self, layer: int, positions: Sequence[int] | None = None) -> BlockActivations:
        found: BlockActivations = self.call("block", layer, positions)
        return found

    def lens(self, positions: Sequence[int] | None = None, top: int = 10, targets: Sequence[int] | None = None) -> Lens:
        found: Lens = self.call("lens", positions, top, targets)
        return found

    def attention_overview(self, size: int = 32, layers: Sequence[int] | None = None) -> AttentionOverview:
        found: AttentionOverview = self.call("attention_overview", size, layers)
        return found

    def check_earlier_tokens(self, layer: int) -> Check:
        found: Check = self.call("check_earlier_tokens", layer)
        return found

    def _array(self, method: str, *arguments: Any) -> np.ndarray:
        found: np.ndarray = self.call(method, *arguments)
        return found


@overload
def queued(
    function: Callable[Concatenate[Trace, Arguments], Result],
) -> Callable[Concatenate[Trace | EngineTrace, Arguments], Result]: ...
@overload
def queued(
    function: Callable[Concatenate[LanguageModel, Arguments], Result],
) -> Callable[Concatenate[LanguageModel | EngineModel, Arguments], Result]: ...
def queued(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of a Trace, or of a LanguageModel, one that takes what stands for it too, and then is one call.

    So one call does what one view needs, however many methods that asks. The function has to stand in a module by itself, so that
    another process finds it by its name; its other arguments and its result are values that can be sent there.
    """

    @wraps(function)
    def called(subject: Any, /, *arguments: Any, **named: Any) -> Any:
        if isinstance(subject, EngineTrace | EngineModel):
            return subject.call(called, *arguments, **named)
        return function(subject, *arguments, **named)

    return called
