"""What a replica elsewhere runs: one model, behind a queue as in the application's own process. It knows nothing of the cluster.

Calls and answers travel as bytes that are pickled here, so that arrays come back as the local engine gives them: copies that their
holder may change. Functions travel by their names, and a replica has the application's own code.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import pickle
import platform
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import gptcore
from app.engine.local import Local
from app.engine.protocol import Method
from gptcore.run import Run

PROTOCOL = 5
_HEALTHY = 20.0  # seconds in which the queue has to give a short job its turn
_MUST_AGREE = ("torch", "numpy", "tokenizers", "tiktoken")
_ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class Caller:
    """Who waits for an answer, elsewhere. left: whether they have been said to have gone."""

    key: Hashable
    is_patient: bool = False
    left: bool = False

    def is_gone(self) -> bool:
        return self.left

    def leave(self) -> None:
        raise asyncio.CancelledError


_CALLER: ContextVar[Caller] = ContextVar("caller")  # of the call that is being answered


def versions() -> dict[str, str]:
    """What has to be the same on both sides, for the same numbers and for arrays that both can read."""
    return {"Python": ".".join(platform.python_version_tuple()[:2])} | {
        name: importlib.metadata.version(name).partition("+")[0] for name in _MUST_AGREE
    }


def sources() -> tuple[Path, ...]:
    """The folders of code that a replica needs."""
    return _ROOT / "app", Path(gptcore.__file__).parent


def code_mark() -> str:
    """Stands for the application's code: replicas of another release are not asked."""
    files = sorted(path for folder in sources() for path in folder.rglob("*.py"))
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]


class Replica:
    """One model. Its methods are the calls of `app.engine.protocol.Engine`, packed.

    source: as gptcore loads it; what is not on the replica's machine is downloaded, once for all that share its cache. threads: of
    torch; device: where the model computes.
    """

    def __init__(self, source: str, threads: int, device: str = "cpu") -> None:
        self._engine = Local(lambda: _CALLER.get(Caller("the replica itself")), threads=threads)
        self._model = self._engine.add(source, gptcore.load(source, device=device))

    async def describe(self) -> bytes:
        """(identity, name, config, tokenizer, tied): what stands for the model elsewhere."""
        model = self._model
        return pickle.dumps((model.identity, model.name, model.config, model.tokenizer, model.tied), PROTOCOL)

    async def answer(self, key: Hashable, sent: bytes, is_patient: bool = False) -> bytes:
        """(True, what the call says) or (False, the error it raised). key, is_patient: who asks, for the turns in the queue."""
        caller = Caller(key, is_patient)
        _CALLER.set(caller)
        try:
            return await asyncio.to_thread(self._answer, sent)
        except asyncio.CancelledError:
            caller.left = True
            raise

    def _answer(self, sent: bytes) -> bytes:
        run, method, arguments, named = _unpack(sent)
        try:
            return pickle.dumps((True, self._engine.call(run, method, *arguments, **named)), PROTOCOL)
        except Exception as error:  # noqa: BLE001  raised again where the call came from
            return pickle.dumps((False, error), PROTOCOL)

    async def check_health(self) -> None:
        """Raises TimeoutError if the queue gives nobody a turn any more."""
        await asyncio.wait_for(asyncio.to_thread(self._engine.alone, int), _HEALTHY)


def pack(run: Run, method: Method, arguments: tuple[Any, ...], named: dict[str, Any]) -> bytes:
    return pickle.dumps((run, method, arguments, named), PROTOCOL)


def _unpack(sent: bytes) -> tuple[Run, str | Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    found: tuple[Run, str | Callable[..., Any], tuple[Any, ...], dict[str, Any]] = pickle.loads(sent)
    return found
