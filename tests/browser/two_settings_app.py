"""A page with nothing but two settings side by side, for test_two_settings.py.

Query parameters: size (of the vocabulary), and outside: a temperature of the first setting that the page sets by itself again and
again, as a link would.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import streamlit as st

from app import state
from app.charts import grouped_bars
from app.components.two_settings import two_settings
from gptcore.sampling import SamplingSettings, candidates, select

SHOWN = 12


@st.cache_resource
def given(size: int):  # type: ignore[no-untyped-def]
    return candidates(np.random.default_rng(3).normal(0, 3, size).astype(np.float32))


def draw() -> None:
    both = state.remembered("settings", (SamplingSettings(), SamplingSettings(0.8, 40)))
    if "outside" in query:
        ticks = state.remembered("ticks", 0)
        state.remember("ticks", ticks + 1)
        both = (replace(both[0], temperature=float(query["outside"]) + 0.1 * (ticks % 2)), both[1])
    first, second = (select(given(size), settings, 4) for settings in both)
    labels = [f"w{i}" for i in first.token_ids[:SHOWN]]
    bars = {"first": first.final_probs[:SHOWN], "second": second.final_probs[:SHOWN]}
    two_settings(
        (first, second),
        grouped_bars(bars, labels=labels, title="Both", value_title="probability", unit="%"),
        key="bench",
        name="both",
        labels=labels,
        headings=("First", "Second"),
        on_let_go=(
            lambda new: state.remember("settings", (new, both[1])),
            lambda new: state.remember("settings", (both[0], new)),
        ),
    )
    report = [
        {
            "settings": vars(choice.settings),
            "final": choice.final_probs[:SHOWN].tolist(),
            "kept": [stage.kept for stage in choice.stages],
            "cut": [stage.mass_cut for stage in choice.stages],
            "mass": choice.stages[-1].mass_kept,
            "bits": choice.final_entropy,
            "rank": choice.chosen_rank,
        }
        for choice in (first, second)
    ]
    st.code(json.dumps(report))


query = st.query_params
size = int(query.get("size", 500))
(st.fragment(draw, run_every=0.15) if "outside" in query else draw)()
