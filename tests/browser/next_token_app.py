"""A page with nothing but the next-token panel, for test_next_token.py.

Query parameters: size (of the vocabulary), spread (of the logits), the sampling settings, disabled, and outside: a temperature that
the page sets by itself again and again, as a link or a preset would.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import streamlit as st

from app import state
from app.components.next_token import is_hidden, next_token
from app.components.vocabulary import vocabulary
from gptcore.sampling import SamplingSettings, select

FIRST_LENGTH = 7


@st.cache_data
def logits_of(size: int, spread: float, length: int) -> np.ndarray:
    return np.random.default_rng(length).normal(0, spread, size).astype(np.float32)


@st.cache_data
def texts_of(size: int) -> list[str]:
    return [f"␣w{i}" for i in range(size - 1)] + ["<img src=x onerror=alert(1)>"]


def draw() -> None:
    length = FIRST_LENGTH + len(state.remembered("chosen", []))
    settings = state.remembered("settings", None) or SamplingSettings(
        temperature=float(query.get("temperature", 1)),
        top_k=int(query["top_k"]) if "top_k" in query else None,
        top_p=float(query.get("top_p", 1)),
        min_p=float(query.get("min_p", 0)),
        seed=int(query.get("seed", 1)),
    )
    if "outside" in query:
        ticks = state.remembered("ticks", 0)
        state.remember("ticks", ticks + 1)
        settings = SamplingSettings(temperature=float(query["outside"]) + 0.1 * (ticks % 2))
    logits = logits_of(size, float(query.get("spread", 3)), length)
    choice = select(logits, settings, length)
    next_token(
        key="panel",
        model_name=f"of {size}",
        choice=choice,
        labels=[texts[i] for i in choice.token_ids[:12]],
        n_tokens=length,
        on_settings=lambda new: state.remember("settings", SamplingSettings(**new)),
        on_choose=lambda i: state.remember("chosen", [*state.remembered("chosen", []), i]),
        disabled="disabled" in query,
    )
    report = {
        "settings": asdict(settings),
        "chosen": state.remembered("chosen", []),
        "ids": choice.token_ids[:12].tolist(),
        "final": choice.final_probs[:12].tolist(),
        "before": choice.probs[:12].tolist(),
        "kept": choice.kept,
        "next": texts[choice.chosen_id],
        "rank": choice.chosen_rank,
        "u": choice.u,
        "entropy": [choice.entropy, choice.final_entropy],
        "hidden": is_hidden("panel", length),
    }
    st.code(json.dumps(report))


query = st.query_params
size = int(query.get("size", 500))
texts = texts_of(size)
st.write("above")
vocabulary(f"of {size}", texts)
(st.fragment(draw, run_every=0.15) if "outside" in query else draw)()
