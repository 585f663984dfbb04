"""What a page handed to its components, read back from the bytes that would travel to the browser."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

Arrays = dict[str, np.ndarray]


def component_data(at: AppTest, title: str) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of the component whose title begins so; AssertionError if there is none."""
    for element in at.get("bidi_component"):
        data = element.proto.bytes if element.proto.WhichOneof("data") == "bytes" else b""
        length = int.from_bytes(data[:4], "little")
        text = json.loads(data[4 : 4 + length]) if length else {"header": {}}
        if str(text["header"].get("title", "")).startswith(title):
            arrays = {
                name: np.frombuffer(data, entry["dtype"], int(np.prod(entry["shape"])), 4 + length + entry["offset"]).reshape(
                    entry["shape"]
                )
                for name, entry in text["arrays"].items()
            }
            return text["header"], arrays
    raise AssertionError(f"Nothing on the page is called {title!r}.")
