"""A device that is none: its tensors lie on the processor, and say that they lie elsewhere.

Torch treats them as it would those of a graphics card: a tensor made without a device does not mix with them, numpy does not take
them, and where the card has no float64 there is none here. So code that forgets where the model is fails on a machine without a card.
What it cannot show is another machine's arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

NAME = "pretend"


class _Nothing(_DummyBackendModule):
    """So that torch, asked by other tests of this process, finds no card: there is one only for whoever names it."""

    def is_available(self) -> bool:
        return False

    def device_count(self) -> int:
        return 0


_setup_privateuseone_for_python_backend(NAME, backend_module=_Nothing())
DEVICE = torch.device(f"{NAME}:0")
_CPU = torch.device("cpu")
_aten = torch.ops.aten
# A card takes indices that lie on the processor, and copies between the two are asked for by name.
_TAKE_INDICES = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default}
_COPIES = {_aten._to_copy, _aten.to, _aten.copy_, _aten.copy}


class Elsewhere(torch.Tensor):
    """Its numbers are in `inner`, on the processor."""

    inner: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        with torch.inference_mode(False):  # torch takes no view, of one that was made before, that was made in it
            made = torch.Tensor._make_wrapper_subclass(
                cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype, device=DEVICE
            )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {}, float64=True)

    def __repr__(self) -> str:
        return f"Elsewhere({self.inner!r})"


class _Operations(TorchDispatchMode):
    def __init__(self, float64: bool) -> None:
        super().__init__()
        self._float64 = float64

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {}, self._float64)


class _Calls(TorchFunctionMode):
    """What torch does for a real device before it comes to operations."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.tolist:
            return func(args[0].cpu())
        if func in (torch.tensor, torch.as_tensor) and _is_elsewhere(kwargs.get("device")):
            kwargs["device"] = _CPU
            return func(*args, **kwargs).to(DEVICE)
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            return func(args[0], _indices(args[1]), *args[2:])
        return func(*args, **kwargs)


def _indices(given: Any) -> Any:
    """Lists of them as tensors."""
    if isinstance(given, tuple):
        return tuple(_indices(each) for each in given)
    return torch.as_tensor(given) if isinstance(given, list | np.ndarray) else given


def _is_elsewhere(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


def _run(func: Any, args: Any, kwargs: dict[str, Any], float64: bool) -> Any:
    given = tree_leaves((args, kwargs))
    away = [value for value in given if isinstance(value, Elsewhere)]
    if away and func.overloadpacket not in _COPIES:
        here = [value for value in given if isinstance(value, torch.Tensor) and not isinstance(value, Elsewhere)]
        _check_together(func, args, away, here)
    device = next((value for value in given if isinstance(value, torch.device)), None)
    to_there = bool(away) if device is None else _is_elsewhere(device)
    out = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    known = {id(value.inner): value for value in away}  # what an operation writes in its place stays the same tensor

    def placed(value: Any) -> Any:
        if not to_there or not isinstance(value, torch.Tensor):
            return value
        if value.dtype == torch.float64 and not float64:
            raise TypeError(f"{func}: the pretended device has no float64.")
        return known[id(value)] if id(value) in known else Elsewhere(value)

    return tree_map(placed, out)


def _check_together(func: Any, args: Any, away: list[Elsewhere], here: list[torch.Tensor]) -> None:
    if func in _TAKE_INDICES and isinstance(args[0], Elsewhere):
        indices = {id(index) for index in args[1] if index is not None}
        here = [value for value in here if id(value) not in indices]
    if any(value.ndim for value in here) or (here and not any(value.ndim for value in away)):
        raise RuntimeError(f"{func}: expected all tensors to be on the same device, but found {DEVICE} and cpu.")


def _inner(value: Any) -> Any:
    if isinstance(value, torch.device):
        return _CPU
    return value.inner if isinstance(value, Elsewhere) else value


@contextmanager
def pretending(float64: bool = True) -> Iterator[torch.device]:
    """While it lasts, in this thread, there is a second device. float64: whether it has such numbers."""
    with _Operations(float64), _Calls():
        yield DEVICE
