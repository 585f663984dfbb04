"""What plotly cannot do: small custom components, one folder each with its JS and CSS.

`component(name)` registers `app/components/<name>/component.js`, an ES module that the browser fetches by its address, with
component.css beside it; what modules share they import from each other. So a message to the browser carries data alone.
`pack` puts a small header and arrays into one row of bytes, since only top-level bytes travel to a component as bytes;
`unpack` in shared/shelf.js is its other half.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from app import state
from app.server import assets

_ALIGNMENT = 8
# Streamlit takes code as text alone, so this is the text. A page's address says where the app lies, behind a proxy too.
_MOUNT = """const { mount } = await import(new URL("%sshared/mount.js", document.baseURI));
export default await mount("%s");
"""


@cache
def component(name: str) -> Any:
    """The mounting command of the component in folder `name`. Give it a key, or it is mounted anew at every rerun."""
    mounted = st.components.v2.component(f"glass_{name}", js=_MOUNT % (assets.folder(), name))

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


def in_planes(values: np.ndarray) -> np.ndarray:
    """float32 values, to the last bit, in about four fifths of their bytes: [deflated size] uint8; `fromPlanes` in shared/shelf.js is
    the other half.

    First the top bytes of all values (sign and exponent), then the second, the third and the fourth ones: the top ones are much alike.
    Huffman's code alone, as nothing repeats, in blocks (memLevel) so small that each plane has a code of its own.
    """
    planes = np.ascontiguousarray(values, dtype="<f4").view(np.uint8).reshape(-1, 4)[:, ::-1].T
    packer = zlib.compressobj(memLevel=5, strategy=zlib.Z_HUFFMAN_ONLY)
    return np.frombuffer(packer.compress(planes.tobytes()) + packer.flush(), dtype=np.uint8)
