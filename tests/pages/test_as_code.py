"""The lines that the chapters offer give the numbers of the trace in view, run as whoever copies them would run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.as_code import _LINES
from gptcore.checkpoints import LanguageModel
from gptcore.run import read_intervention
from gptcore.sampling import SamplingSettings, select
from tests.pages.as_code import run_snippet
from tests.pages.visit_page import open_page

PROMPT, LAYER, HEAD, POSITION = "the cat had a hat", 1, 2, 3
OFF = "off_h0.1"


@pytest.mark.parametrize(("page", "part"), list(_LINES))
def test_the_code_of_a_chapter_gives_what_it_shows(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, page: str, part: str
) -> None:
    asked = {
        "prompt": PROMPT,
        "layer": str(LAYER),
        "head": str(HEAD),
        "position": str(POSITION),
        "intervention": OFF,
        "seed": "7",
    }
    at = open_page(monkeypatch, tiny_folder, page, open="checks", **asked, **({page: part} if part else {}))
    if page == "write":  # whose figure has it in its menu alone
        at.session_state["figure_menu_next-token"] = True
        at.run()
    names = run_snippet(at, tiny_folder)
    trace = tiny_model.trace(tiny_model.tokenizer.encode(PROMPT), read_intervention(OFF))
    table, stream = trace.model.token_embedding.weight, trace.model.position_embedding.weight
    settings = SamplingSettings(0.8, 40, 1.0, 0.0, 7)
    chosen = select(trace.logits_at([POSITION])[0], settings, position=POSITION + 1)
    expected: dict[str, Any] = {
        "attention": lambda: (names["attention"].pattern[0, 0], trace.attention(LAYER).pattern[HEAD, POSITION]),
        "layer_norm": lambda: (names["norm"].after[0], trace.layer_norm(LAYER, "ln_1").after[POSITION]),
        "feed_forward": lambda: (names["network"].mlp_post[0], trace.feed_forward(LAYER).mlp_post[POSITION]),
        "block": lambda: (names["block"].resid_post[0], trace.resid(LAYER + 1)[POSITION]),
        "shortcuts": lambda: (names["block"].resid_post[0], trace.resid(LAYER + 1)[POSITION]),
        "lens": lambda: (names["lens"].probs[0], trace.lens([POSITION]).probs[0]),
        "embeddings": lambda: (names["summed"].detach(), (table[trace.ids[POSITION]] + stream[POSITION]).detach()),
        "write": lambda: (names["choice"].final_probs, chosen.final_probs),
        "sampling": lambda: (names["choice"].final_probs, chosen.final_probs),
        "tokens": lambda: (names["ids"], trace.ids),
        "kv_cache": lambda: (names["keys"], trace.k(LAYER)[HEAD]),
    }
    given, wanted = expected[page]()
    assert np.allclose(given, wanted, atol=1e-5) and np.size(wanted)
