"""What plotly cannot do: small custom components, one folder each with its JS and CSS.

`component(name)` registers all JS (in one module, so a file may use what another declares) and CSS of `app/components/<name>`, each
behind the shared part and behind what it borrows from others.
`pack` puts a small header and arrays into one row of bytes, since only top-level bytes travel to a component as bytes;
`unpack` in shared/shared.js is its other half.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app import state

_HERE = Path(__file__).parent
_ALIGNMENT = 8
_BORROWED = {"next_token": ["choice/*"], "two_settings": ["choice/*", "figure/component.css"]}


@cache
def component(name: str) -> Any:
    """The mounting command of the component in folder `name`. Give it a key, or it is mounted anew at every rerun."""
    patterns = ["shared/*", *_BORROWED.get(name, ()), f"{name}/*"]
    files = [path for pattern in patterns for path in sorted(_HERE.glob(pattern))]
    js, css = ("\n".join(path.read_text("utf-8") for path in files if path.suffix == ending) for ending in (".js", ".css"))
    mounted = st.components.v2.component(f"glass_{name}", js=js, css=css)

    def mount(**given: Any) -> Any:
        guarded = {name: state.guarded(callback) for name, callback in given.items() if name.startswith("on_")}
        return mounted(**given | guarded)

    return mount


def pack(header: Mapping[str, Any], **arrays: np.ndarray) -> bytes:
    """4 bytes length of the JSON (little endian), the JSON, then each array at a multiple of 8 bytes.

    The JSON is {"header": ..., "arrays": {name: {"dtype", "shape", "offset"}}}; offsets count from the end of the padded JSON.
    Arrays must be float32, int32, uint16 or uint8 (ValueError otherwise): these have a typed array in JavaScript.
    """
    table: dict[str, Any] = {}
    body = bytearray()
    for name, array in arrays.items():
        if array.dtype.name not in {"float32", "int32", "uint16", "uint8"}:
            raise ValueError(f"{name} is {array.dtype}; pack takes float32, int32, uint16 and uint8")
        table[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": len(body)}
        body += np.ascontiguousarray(array).tobytes()
        body += b"\0" * (-len(body) % _ALIGNMENT)
    text = json.dumps({"header": header, "arrays": table}, ensure_ascii=False, allow_nan=False).encode("utf-8")
    text += b" " * (-(4 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(4, "little") + text + bytes(body)
