"""What the panels of a choice share: select.js, the twin of gptcore/sampling.py, and the sliders of its settings."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from app import state
from gptcore.errors import SamplingError
from gptcore.sampling import SamplingSettings

_SETTINGS = {field.name for field in fields(SamplingSettings)}


def let_go(key: str, event: str) -> SamplingSettings | None:
    """The settings that the component under `key` reported when a slider was let go; None for anything else, and where a value is
    out of its range, with a message for the visitor: the sliders keep to the ranges; what was made by hand need not."""
    value: Any = state.component_value(key, event)
    if not (isinstance(value, dict) and set(value) == _SETTINGS):
        return None
    try:
        return SamplingSettings(**value)
    except SamplingError as error:
        state.notify(str(error))
        return None
