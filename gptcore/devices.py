"""Where a model computes: on the processor, or on a graphics card that torch can use.

What belongs to a model lies where its weights lie: the rows that a store keeps, what stands in for silent parts, every mask and
position. What leaves a trace is numpy, on the processor, and random numbers are drawn there, so dice fall alike everywhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from gptcore.errors import DeviceError
from gptcore.model import GPTModel

DeviceName: TypeAlias = Literal["cpu", "cuda", "mps", "auto"]
_WITHOUT_FLOAT64 = {"mps"}
_GIGABYTE = 2**30


@dataclass(frozen=True)
class Device:
    """One that torch can use here. name: as it is asked for; title: what it is, for people."""

    name: str
    title: str

    def __str__(self) -> str:
        return f"{self.name} ({self.title})"


def devices() -> tuple[Device, ...]:
    """Those of this machine, the one that "auto" takes first."""
    found = []
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        found.append(Device("cuda", f"{card.name}, {card.total_memory / _GIGABYTE:.0f} GiB"))
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple's graphics"))
    return (*found, Device("cpu", f"{os.cpu_count() or 1} cores"))


def choose(name: str) -> torch.device:
    """The device of this name; "auto" takes a graphics card if there is one.

    Raises DeviceError, which says what there is and what to do, for one that torch cannot use here, or another name.
    """
    if name not in get_args(DeviceName):
        raise DeviceError(f"The device asked for is {name[:80]!r}; choose one of: {', '.join(get_args(DeviceName))}.")
    there = devices()
    if name != "auto" and name not in {each.name for each in there}:
        raise DeviceError(
            f"The device asked for is {name}; this machine has: {', '.join(map(str, there))}. {_why_not(name)} "
            'Ask for one that is there, or for "auto".'
        )
    return torch.device(there[0].name if name == "auto" else name)


def _why_not(name: str) -> str:
    if name == "cuda" and torch.version.cuda is None and torch.version.hip is None:
        return f"PyTorch {torch.__version__} is a build without CUDA: install one with it (pytorch.org, Get started)."
    if name == "cuda":
        return "PyTorch finds no card that it can use: look whether nvidia-smi lists one, and whether its driver is new enough."
    return "It needs a Mac with Apple's processor, macOS 14 or newer."


def move(model: GPTModel, device: torch.device) -> GPTModel:
    """The same model, its weights on that device; a tied output head stays the token embedding."""
    model.to(device)
    if model.tied:  # where torch has to make new parameters, it makes two of one
        model.output_head.weight = model.token_embedding.weight
    return model


def in_float64(values: Tensor) -> Tensor:
    """The same numbers in float64: on their device, or on the processor where the device has no such numbers."""
    return (values.cpu() if values.device.type in _WITHOUT_FLOAT64 else values).double()


def finish(device: torch.device) -> None:
    """Wait until a device has done all that it was given, for whoever takes the time: a graphics card works on while Python goes on."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
