"""A page with nothing but a text as chips, for test_token_text.py. Query parameters: n (chips), hostile."""

from __future__ import annotations

import json

import streamlit as st

from app import state
from app.components.token_text import TextChip, token_text

HOSTILE = ["<img src=x onerror=alert(1)>", "<b>bold</b>", "&amp;", "${x}"]
n = int(st.query_params.get("n", 6))
texts = HOSTILE if "hostile" in st.query_params else [f"␣w{i}" if i % 2 == 0 else "ord" for i in range(n)]
token_text(
    [
        TextChip(text, i // 2, (("", text, f" fact {i}"), ("more",)), note=str(i), shade=i / len(texts))
        for i, text in enumerate(texts)
    ],
    key="text",
    label="A text",
    hint="Point at a token.",
    focus=None,
    legend=("none", "all"),
    on_pick=lambda index: state.remember("picked", index),
)
st.code(json.dumps(state.remembered("picked", None)))
