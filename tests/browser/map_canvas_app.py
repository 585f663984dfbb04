"""A page with nothing but a map, for test_map_canvas.py.

Query parameters: view (overview or map), n (tokens), layers, heads, scale, tokens (hostile), and linked.
"""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from app import state
from app.components.map_canvas import HeadSummary, overview, token_map

WORDS = "the ␣cat the ␣sat ␣on ␣a ␣mat ␣and ␣slept".split()
HOSTILE = ["<img src=x onerror=alert(1)>", "<b>bold</b>", "&amp;", "${x}"]


@st.cache_data
def causal(maps: int, n: int) -> np.ndarray:
    """Attention weights [map, query, key]: rows sum to 1, the future is NaN."""
    past = np.tri(n) > 0
    scores = np.where(past, np.random.default_rng(n).normal(0, 2, (maps, n, n)), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.where(past, weights / weights.sum(-1, keepdims=True), np.nan).astype(np.float32)


def draw_overview() -> None:
    layers, heads = int(query.get("layers", 12)), int(query.get("heads", 12))
    maps = causal(layers * heads, n).reshape(layers, heads, n, n)
    flat = np.nan_to_num(maps).reshape(layers, heads, -1)
    best = flat.argmax(-1)
    entropy = -np.sum(flat * np.log2(flat, where=flat > 0, out=np.zeros_like(flat)), -1) / n
    overview(
        maps,
        key="map",
        title="All heads",
        tokens=tokens,
        summary=HeadSummary(entropy, best // n, best % n, flat.max(-1)),
        focus=state.remembered("focus", (3, 5)),
        on_focus=lambda layer, head: state.remember("focus", (layer, head)),
    )
    report = {"focus": state.remembered("focus", (3, 5)), "entropy": entropy.tolist()}
    st.code(json.dumps(report))


def draw_map() -> None:
    values = causal(1, n)[0]
    if query.get("scale") == "signed":
        values = np.where(np.isnan(values), np.nan, 4 * values - 1)
    token_map(
        values,
        key="map",
        title="What each token reads",
        row_tokens=tokens,
        col_tokens=tokens,
        scale=query.get("scale", "probability"),
        unit="logits" if query.get("scale") == "signed" else "%",
        row=state.remembered("row", None),
        linked_text=query.get("linked") == "1",
        on_row=lambda row, column: (state.remember("row", row), state.remember("column", column)),
    )
    runs = state.remembered("runs", 0) + 1
    state.remember("runs", runs)
    shown = values if n <= 64 else values[-1:]
    st.code(
        json.dumps(
            {
                "row": state.remembered("row", None),
                "column": state.remembered("column", None),
                "runs": runs,
                "values": np.nan_to_num(shown, nan=-9).tolist(),
            }
        )
    )


query = st.query_params
n = int(query.get("n", 9))
tokens = [(HOSTILE if "tokens" in query else WORDS)[i % (4 if "tokens" in query else 9)] for i in range(n)]
st.write("above")
draw_overview() if query.get("view") == "overview" else draw_map()
st.write("below")
