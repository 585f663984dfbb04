"""The seven steps of autoregressive generation: for each its figure on the rail, and what it shows when it is opened."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import as_code, ui
from app.components.rail import RailStation
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import fixed, percent, significant
from app.writing.worked import bracketed, worked
from gptcore import model as gpt_model
from gptcore import sampling
from gptcore.generation import generate
from gptcore.random_numbers import random_number
from gptcore.sampling import Selection
from gptcore.tokenizer import Tokenizer

if TYPE_CHECKING:
    import pandas as pd

ROWS = 12  # rows of a table before it says how many more there are
MOST_IN_FILE = 200  # candidates in the file of a step
_OF_TEXT = (0, 5, 6)  # steps whose numbers are the text's tokens; those of the others are the candidates


def stations(here: Here, choice: Selection, hidden: bool) -> list[RailStation]:
    """The rail for the step in view, with the real figures. hidden: the class is guessing, so nothing may give the choice away."""
    n, vocab = len(here.ids), here.config.vocab_size
    return [
        RailStation("Text to ids", f"{n} token{'s' if n > 1 else ''}", "tokens"),
        RailStation("Model", markup.shape(1, n, vocab), "attention"),
        RailStation("Last position", markup.shape(vocab), "residual"),
        RailStation("Softmax", f"sum {fixed(choice.base_probs.sum(), 6)}", "probability"),
        RailStation("Selection", f"{choice.kept:,} kept", "probability"),
        RailStation("Append", f"{n}: full" if here.is_full else f"{n} + 1 = {n + 1}", "embeddings"),
        RailStation("Ids to text", "?" if hidden else here.model.tokenizer.text_of(_whole_text(here, choice)[-1]), "tokens"),
    ]


def show(index: int, here: Here, choice: Selection) -> None:
    """What step `index` (0 to 6) shows when it is opened."""
    ui.figure_menu(
        f"step-{index + 1}",
        lambda: _tokens_frame(here) if index in _OF_TEXT else _candidates_frame(here, choice),
        code=lambda: as_code.of("write", "choice", here),
    )
    _STEPS[index](here, choice)


def _tokens_frame(here: Here) -> pd.DataFrame:
    """A line per token of the text."""
    import pandas as pd  # when it is asked for: the first page comes up without it

    tokens = here.model.tokenizer.tokens(here.ids)
    return pd.DataFrame(
        [(i, t.id, t.text, t.bytes.hex(" ").upper()) for i, t in enumerate(tokens)],
        columns=["position", "token_id", "token", "bytes"],
    )


def _candidates_frame(here: Here, choice: Selection) -> pd.DataFrame:
    """A line per candidate of the last position, the likeliest first, on its way through the steps."""
    import pandas as pd

    return pd.DataFrame(
        [
            (
                c.token_id,
                here.model.tokenizer.text_of(c.token_id),
                c.logit,
                c.base_prob,
                c.scaled_logit,
                c.prob,
                c.cut_by or "",
                c.final_prob,
            )
            for c in choice.shortlist(MOST_IN_FILE)
        ],
        columns=["token_id", "token", "logit", "softmax", "logit_by_temperature", "after_temperature", "cut_by", "after_cuts"],
    )


def _text_to_ids(here: Here, choice: Selection) -> None:
    st.header("1. The text is cut into tokens, and each token is a number", anchor=False)
    tokens = here.model.tokenizer.tokens(here.ids)[-ROWS:]
    first = len(here.ids) - len(tokens)
    rows = [[str(first + i), markup.chip(t.text), str(t.id), t.bytes.hex(" ").upper()] for i, t in enumerate(tokens)]
    ui.table(["Position", "Token", "Id", "Bytes"], rows, numeric=(0, 2))
    earlier = f" The last {len(tokens)} of {len(here.ids)} are shown." if first else ""
    ui.note(f"Shape of the ids: {markup.shape(1, len(here.ids))}: one sequence of {len(here.ids)} tokens.{earlier}")
    ui.source(Tokenizer.encode)


def _model(here: Here, choice: Selection) -> None:
    st.header("2. The model turns the ids into logits, one row for each position", anchor=False)
    n, config = len(here.ids), here.config
    steps = [
        ("Token ids", markup.shape(1, n)),
        ("Token + position embeddings", markup.shape(1, n, config.emb_dim)),
        (f"After each of {config.n_layers} transformer blocks", markup.shape(1, n, config.emb_dim)),
        ("After the final LayerNorm", markup.shape(1, n, config.emb_dim)),
        ("Logits", markup.shape(1, n, config.vocab_size)),
    ]
    ui.table(["Station", "Shape"], [[name, f"<code>{size}</code>"] for name, size in steps], numeric=(1,))
    positions = list(range(max(0, n - 4), n))
    columns = choice.token_ids[:6]
    logits = _logits(here, positions)
    rows = [[f"{p} {markup.chip(here.tokens[p])}", *(fixed(logits[i, c], 2) for c in columns)] for i, p in enumerate(positions)]
    heads = ["Position", *(here.model.tokenizer.text_of(int(c)) for c in columns)]
    ui.table(heads, rows, numeric=tuple(range(1, len(heads))), marked=len(rows) - 1)
    ui.note(
        f"A corner of the {n:,} x {config.vocab_size:,} logits: the last positions, and the six tokens that the last one likes best. "
        "With the keys and values of earlier tokens kept, only the newest token is computed at each step."
    )
    ui.source(gpt_model.GPTModel)


def _last_position(here: Here, choice: Selection) -> None:
    st.header("3. Only the last row is kept: it predicts what comes next", anchor=False)
    n = len(here.ids)
    positions = list(range(max(0, n - ROWS // 2), n))
    logits = _logits(here, positions)
    rows = []
    for i, p in enumerate(positions):
        best = int(logits[i].argmax())
        real = markup.chip(here.tokens[p + 1]) if p + 1 < n else "this is the question"
        rows.append(
            [
                str(p),
                markup.chip(here.tokens[p]),
                markup.chip(here.model.tokenizer.text_of(best)),
                fixed(logits[i, best], 2),
                real,
            ]
        )
    ui.table(
        ["Position", "Token", "Best guess for the next", "Logit", "What came next"], rows, numeric=(0, 3), marked=len(rows) - 1
    )
    last = logits[-1]
    ui.note(
        f"Each row predicts the token after it. For all but the last that token is already there. The last row has {len(last):,} logits, "
        f"from {significant(float(last.min()))} to {significant(float(last.max()))}, "
        f"mean {significant(float(last.mean()))}."
    )


def _softmax(here: Here, choice: Selection) -> None:
    st.header("4. Softmax turns logits into probabilities", anchor=False)
    best = float(choice.logits[0])
    weights = np.exp(choice.logits - best)
    total = float(weights.sum())
    p = worked(lambda best, largest, total: math.exp(best - largest) / total, [best, best, total], float(choice.base_probs[0]))
    ui.formula(
        ui.latex_lines(
            r"p_i &= \frac{e^{z_i - z_{max}}}{\sum_j e^{z_j - z_{max}}}",
            rf"p_{{\text{{best}}}} &= \frac{{e^{{{p.inputs[0]} - {bracketed(p.inputs[1])}}}}}{{{p.inputs[2]}}} {p.out}",
        )
    )
    rows = [
        [
            markup.chip(here.model.tokenizer.text_of(int(choice.token_ids[r]))),
            fixed(choice.logits[r], 3),
            fixed(weights[r], 4),
            percent(float(choice.base_probs[r])),
        ]
        for r in range(min(6, len(choice.token_ids)))
    ]
    rest = float(choice.base_probs[len(rows) :].sum())
    rows.append([f"{len(choice.token_ids) - len(rows):,} more", "", fixed(float(weights[len(rows) :].sum()), 4), percent(rest)])
    rows.append(["all", "", fixed(total, 4), fixed(choice.base_probs.sum(), 6)])
    ui.table(["Token", "Logit z", "e^(z − z_max)", "Probability"], rows, numeric=(1, 2, 3), marked=len(rows) - 1)
    ui.note(
        "At temperature 1, over the whole vocabulary. The largest logit is subtracted first; that changes nothing but keeps numbers small."
    )
    ui.source(sampling.select)


def _selection(here: Here, choice: Selection) -> None:
    st.header("5. Temperature reshapes, top-k, top-p and min-p cut, a random number chooses", anchor=False)
    names = {"temperature": "Temperature", "greedy": "Greedy", "top_k": "Top-k", "top_p": "Top-p", "min_p": "Min-p"}
    stages = [[names[s.name], f"{s.kept:,}", f"{s.cut:,}", percent(s.mass_kept), percent(s.mass_cut)] for s in choice.stages]
    ui.table(["Stage", "Tokens kept", "Tokens cut", "Probability kept", "Probability cut"], stages, numeric=(1, 2, 3, 4))
    bounds = np.concatenate([[0.0], np.cumsum(choice.final_probs)])
    shortlist = choice.shortlist(ROWS)
    rows = [
        [
            str(c.rank + 1),
            markup.chip(here.model.tokenizer.text_of(c.token_id)),
            fixed(c.logit, 3),
            fixed(c.scaled_logit, 3),
            percent(c.prob),
            f"cut by {names[c.cut_by]}" if c.cut_by else percent(c.final_prob),
            f"{fixed(bounds[c.rank], 4)} to {fixed(bounds[c.rank + 1], 4)}" if c.kept else "",
        ]
        for c in shortlist
    ]
    heads = ["Rank", "Token", "Logit", "Logit / T", "After temperature", "In the draw", "Interval"]
    ui.table(heads, rows, numeric=(0, 2, 3, 4, 5, 6), marked=choice.chosen_rank if choice.chosen_rank < len(rows) else None)
    ui.note(
        f"Seed {choice.settings.seed} and position {choice.position} give u = {fixed(choice.u, 6)}. It falls between {fixed(choice.low, 6)} and "
        f"{fixed(choice.high, 6)}, the place of rank {choice.chosen_rank + 1}. Entropy after temperature {fixed(choice.entropy, 2)} bits, "
        f"in the draw {fixed(choice.final_entropy, 2)} bits."
    )
    ui.source(sampling.select, random_number)


def _append(here: Here, choice: Selection) -> None:
    n, config = len(here.ids), here.config
    if here.is_full:
        st.header("6. The context is full: nothing is appended", anchor=False)
        ui.note(
            f"The model has {config.context_length:,} position embeddings, one for each place of its context, and none for place "
            f"{n}, the next one. A longer text could only go on without its beginning, and would then be another text."
        )
        ui.source(generate)
        return
    st.header("6. The chosen token is appended, and everything begins again", anchor=False)
    before = [str(i) for i in here.ids[-6:]]
    dots = "… " if n > 6 else ""
    chosen = f"{markup.chip(here.model.tokenizer.text_of(choice.chosen_id))} {choice.chosen_id}"
    rows = [
        ["Ids before", f"{dots}{' '.join(before)}", markup.shape(1, n)],
        ["Chosen", chosen, markup.shape(1, 1)],
        ["Ids after", f"{dots}{' '.join(before)} <b>{choice.chosen_id}</b>", markup.shape(1, n + 1)],
    ]
    ui.table(["", "Ids", "Shape"], rows, numeric=(2,), marked=2)
    kept = 2 * config.n_layers * config.emb_dim * 4
    ui.note(
        f"Nothing before the new token changes, so its keys and values are kept: 2 x {config.n_layers} layers x {config.emb_dim} numbers "
        f"x 4 bytes = {kept:,} bytes for each token. The next step computes one position, not {n + 1}. "
        f"The model can take {config.context_length:,} tokens; {config.context_length - n:,} are left."
    )
    ui.source(generate)


def _ids_to_text(here: Here, choice: Selection) -> None:
    st.header("7. Ids are turned back into text", anchor=False)
    tokenizer = here.model.tokenizer
    ids = _whole_text(here, choice)
    piece = tokenizer.bytes_of(ids[-1])
    with st.container(border=True):
        st.text(tokenizer.decode(ids))
    whole = (
        "a whole piece of text"
        if _is_whole(piece)
        else "only a part of a character: the text shows a replacement sign until the rest follows"
    )
    ui.note(
        f"Each id stands for some bytes, and the bytes are read as text (UTF-8). The newest token is {len(piece)} "
        f"byte{'s' if len(piece) != 1 else ''}, {piece.hex(' ').upper()}: {whole}."
    )
    ui.source(Tokenizer.decode)


def _whole_text(here: Here, choice: Selection) -> tuple[int, ...]:
    """The ids after this step: with the chosen token, where there is room for it."""
    return here.ids if here.is_full else (*here.ids, choice.chosen_id)


def _is_whole(piece: bytes) -> bool:
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _logits(here: Here, positions: list[int]) -> np.ndarray:
    return here.trace.logits_at(positions)


_STEPS: tuple[Callable[[Here, Selection], None], ...] = (
    _text_to_ids, _model, _last_position, _softmax, _selection, _append, _ids_to_text,
)  # fmt: skip
