"""What every engine can do, be it the queue of this process or replicas elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from gptcore.errors import GPTCoreError
from gptcore.run import Run

if TYPE_CHECKING:
    from app.engine.subjects import EngineModel

# The name of a method of Trace, or a function of a module that `queued` was put on: both can be named to another process.
Method: TypeAlias = str | Callable[..., Any]


class EngineError(GPTCoreError):
    """An engine that cannot be reached, is full, or gave no answer in time."""


class Engine(Protocol):
    """Answers calls, one turn each; whoever calls waits for the answer."""

    def model(self, name: str) -> EngineModel:
        """What stands for the model of this name, as visitors choose it; loaded where it is not. Raises CheckpointError."""

    def named(self, identity: str) -> EngineModel:
        """What stands for the model of this identity, of those that `model` gave. Raises CheckpointError for any other."""

    def call(self, run: Run, method: Method, *arguments: Any, **named: Any) -> Any:
        """What `method` says of this run. A run without ids is the model by itself: its method is a function of a LanguageModel.

        What comes back belongs to the caller. Errors come back as they were raised.
        """

    def alone(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function says that needs no visitor's model, such as a lesson with a network of its own: its turn in the same queue."""
