"""What the panels of a choice share: select.js, the twin of gptcore/sampling.py, and the sliders of its settings."""

from __future__ import annotations

from dataclasses import fields

from app import messages, state
from gptcore.errors import SamplingError
from gptcore.random_numbers import MAX_SEED
from gptcore.sampling import SamplingSettings

_SETTINGS = {field.name for field in fields(SamplingSettings)}


def let_go(key: str, event: str) -> SamplingSettings | None:
    """The settings that the component under `key` reported when a slider was let go; None for anything else, and where a value is
    out of its range, with a message for the visitor: the sliders keep to the ranges; what was made by hand need not."""
    value = messages.record(state.component_value(key, event))
    if set(value) != _SETTINGS or any(messages.number(each, 0, MAX_SEED) is None for each in value.values() if each is not None):
        return None
    try:
        return SamplingSettings(**value)
    except SamplingError as error:
        state.notify(str(error))
        return None
