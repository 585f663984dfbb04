"""What a page handed to its components, read back from the bytes that would travel to the browser."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

Arrays = dict[str, np.ndarray]


def component_data(at: AppTest, title: str, entry: str = "title") -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of the component whose title, or other `entry` of its header, begins so; AssertionError if there is none."""
    for element in at.get("bidi_component"):
        data = element.proto.bytes if element.proto.WhichOneof("data") == "bytes" else b""
        length = int.from_bytes(data[:4], "little")
        text = json.loads(data[4 : 4 + length]) if length else {"header": {}}
        if str(text["header"].get(entry, "")).startswith(title):
            arrays = {
                name: np.frombuffer(data, array["dtype"], int(np.prod(array["shape"])), 4 + length + array["offset"]).reshape(
                    array["shape"]
                )
                for name, array in text["arrays"].items()
            }
            return text["header"], arrays
    raise AssertionError(f"Nothing on the page is called {title!r}.")


def chips_of(at: AppTest, key: str) -> dict[str, Any]:
    """What the token_text component mounted under `key` was given, with its chips."""
    shown, _ = component_data(at, f"{key}:chips", "values")
    kept, _ = component_data(at, f"{key}:chips", "name")
    assert kept["value"]["stamp"] == shown["stamp"]
    return shown | kept["value"]
