"""What the beats of the attention page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import focus, state
from app.beats import Question, Try, listed
from app.components.arcs import arcs
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, fixed, percent

LONGEST_TEXT = 96  # tokens in the picture; of a longer text those around the query
MOST_NAMED = 3  # keys in a finding
HEADS = {
    "induction": "The head that best looks up what came next",
    "previous": "The head that looks most at the token before",
    "first": "The head that rests most on the first token",
}


def _row(here: Here) -> np.ndarray:
    row: np.ndarray = here.trace.attention(here.layer, (here.position,), (here.head,)).pattern[0, 0, : here.position + 1]
    return row


def lookup(here: Here) -> None:
    """The text, and the arcs of the head in focus from the token at the cursor."""
    row = _row(here)
    ahead = likeliest_next(here) if here.is_newest else None
    first = max(0, here.position + 1 - LONGEST_TEXT)
    arcs(
        here.tokens[first : here.position + 1 + LONGEST_TEXT // 4],
        row,
        query=here.position,
        first=first,
        label=f"Layer {here.layer}, head {here.head}: what {here.tokens[here.position]} attends to",
        key="attention_arcs",
        predicted=ahead,
        on_pick=lambda position: state.update(position=None if position == len(here.ids) - 1 else position),
    )


def likeliest_next(here: Here) -> tuple[str, float]:
    """The text of the token that is likeliest after the newest, and its probability at temperature 1."""
    logits = here.trace.logits.astype(np.float64)
    top = int(logits.argmax())
    return here.model.tokenizer.text_of(top), float(1 / np.exp(logits - logits[top]).sum())


def says_lookup(here: Here) -> str:
    """Where this head looks from here, and what that means."""
    row, query = _row(here), here.position
    token = code(here.tokens[query])
    target = focus.keys_of("induction", here.ids).get(query)
    best = int(row.argmax())
    if target is not None and best == target:
        return (
            f"This head finds where {token} stood before and attends to the token that followed it there: {code(here.tokens[target])}, "
            f"with **{percent(float(row[target]))}** of its weight. A head that does this is called an **induction head**."
        )
    most = [int(key) for key in np.argsort(-row, kind="stable")[:MOST_NAMED] if row[key] >= 0.05]
    where = listed([f"{percent(float(row[key]))} to {_named(here, key)}" for key in most]) or "no token gets as much as 5 %"
    said = f"From {token}, layer {here.layer}, head {here.head} gives {where}." if most else f"From {token}, {where}."
    if best == 0 and query > 0:
        return f"{said} Most of it is parked on the first token, whatever that is: an **attention sink**."
    if target is not None:
        return f"{said} {token} stood here before, followed by {code(here.tokens[target])}, but this head does not look there."
    if query and focus.heads_that(here, "induction") is None:
        return f"{said} Nothing in this text stands in it twice, so there is nothing to look up."
    return f"{said} {token} has not stood here before, so there is nothing to look up."


def _named(here: Here, key: int) -> str:
    return "itself" if key == here.position else code(here.tokens[key])


def try_lookup(here: Here) -> Sequence[Try]:
    """Other places in this text, and other heads, found in it."""
    tries = []
    last = len(here.ids) - 1
    if here.position != last:
        tries.append(Try("Go to the newest token. Is the head as sure?", {"position": None}))
    repeated = focus.keys_of("induction", here.ids)
    early = next((i for i in range(1, last) if here.ids[i] in here.ids[i + 1 :] and i not in repeated), None)
    if early is not None and here.position != early:
        tries.append(
            Try(
                f"Go to the first {code(here.tokens[early])}, before anything is repeated. Where is the weight now?",
                {"position": early},
            )
        )
    for kind, said in HEADS.items():
        if found := focus.heads_that(here, kind):
            layer, head = found.best()
            if (layer, head) != (here.layer, here.head):
                tries.append(Try(f"{said}: layer {layer}, head {head}", {"layer": layer, "head": head}))
    return tries


def says_heads(here: Here) -> str:
    """How many heads there are, and what some of them do in this text."""
    config = here.config
    n_heads = config.n_layers * config.n_heads
    if len(here.ids) < 2:
        return "With one token there is nothing to choose: every head gives all its weight to it."
    found = []
    for kind, said in (("previous", "the token before"), ("first", "the first token")):
        if seen := focus.heads_that(here, kind):
            share = seen.share
            found.append(f"**{int((share > 0.5).sum())}** give more than half of their weight to {said}")
    return f"The model has {n_heads} heads, and each looks for something else. In this text {listed(found)}."


def says_newest(here: Here) -> str:
    """What the newest token attends to, over all heads."""
    weights = here.trace.newest_row()
    mean = weights.mean((0, 1))
    best = int(mean.argmax())
    where = f"{code(here.tokens[best])} ({best})" if best != len(here.ids) - 1 else "itself"
    return (
        f"The next token is predicted at {code(here.tokens[-1])} alone. Over all heads, most weight goes to {where}: "
        f"{percent(float(mean[best]))} on average."
    )


def says_closer(here: Here) -> str:
    """The query in focus, and how sure the head is."""
    row = _row(here)
    bits = float(-(row[row > 0] * np.log2(row[row > 0])).sum())
    many = 2**bits
    return (
        f"Layer {here.layer}, head {here.head}, from {code(here.tokens[here.position])}: the weights are spread as over "
        f"**{fixed(many, 1)}** of {counted(len(row), 'token')} alike."
    )


QUESTIONS = (
    Question(
        "Why is one triangle of every map empty?",
        lambda here: (
            "A token attends to itself and to what stands before it. Later tokens are masked: when the model writes, they do not "
            "exist yet. Their scores are set to −∞, so that softmax gives them a weight of exactly 0."
        ),
    ),
    Question(
        "Does a large weight mean that this token decided what comes next?",
        lambda here: (
            "Not by itself. The weight says how much of that token's value this head takes. What it does to the next token depends "
            "on the value, on the other heads, and on the layers that follow."
        ),
    ),
)
