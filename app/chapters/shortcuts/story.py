"""What the beats of the shortcuts page say of the model in view, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import choices, sequence
from app.beats import Question, Try
from app.chapters.shortcuts import lessons, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, fine_percent, percent, significant


def says_difference(here: Here) -> str:
    """How often the prediction stands with one block left out, and which block it needs most."""
    found, n_layers = views.left_out(here.trace), here.config.n_layers
    target = code(here.model.tokenizer.text_of(found.target))
    kept, worst = int((found.top == found.target).sum()), int(found.without.argmin())
    if n_layers == 1:
        alone = percent(float(found.without[0]))
        return f"Without its one block, its input x goes on alone, and {target} falls from {percent(found.whole)} to {alone}."
    said = (
        "Into each block goes a row of numbers, x; the block computes a change, F(x), and the shortcut adds it to x. Leave one block out, "
        f"and x still goes past it: {target} then stays the top prediction for **{kept} of {n_layers}** blocks, each left out in turn."
    )
    drawn = sequence.says_drawn(here, found.target)
    if found.without[worst] >= found.whole:
        return f"{said} None makes it less likely.{drawn}"
    return f"{said} Block {worst} costs most: from {percent(found.whole)} to **{percent(float(found.without[worst]))}**.{drawn}"


def try_difference(here: Here) -> Sequence[Try]:
    """The same on another text, on Write, and how much a block adds."""
    found = views.left_out(here.trace)
    worst = int(found.without.argmin())
    return [
        Try(f"How much does block {worst} add to x?", {"layer": worst}, ((choices.SHORTCUTS_PART, "model"),)),
        Try("What did the lens read after each block?", {"layer": worst}, ((choices.LENS_PART, "position"),), "lens"),
    ]


def says_model(here: Here) -> str:
    """How much of the block's output is its input, in the layer in focus and over all."""
    table = views.stream(views.blocks(here.trace, here.position))
    line = table.iloc[here.layer]
    mean = float(table["share_shortcut"].mean())
    said = (
        f"Measured along the output of layer {here.layer} for {code(here.tokens[here.position])}, its input x, carried over by the shortcut, "
        f"makes **{percent(float(line.share_shortcut))}**; attention and feed-forward together make {percent(1 - float(line.share_shortcut))}."
    )
    if len(table) == 1:
        return said
    return f"{said} Over all {counted(len(table), 'layer')} x makes {percent(mean)} on average."


def try_model(here: Here) -> Sequence[Try]:
    """The layer that changes most, the one that changes least, and another token."""
    table = views.stream(views.blocks(here.trace, here.position))
    tries = []
    for layer, said in (
        (int(table["share_shortcut"].argmin()), "has the smallest share of x"), (int(table["share_shortcut"].argmax()), "has the largest share of x"),
    ):  # fmt: skip
        if layer != here.layer:
            tries.append(Try(f"Layer {layer}, which {said}", {"layer": layer}))
    if len(here.ids) > 1:
        other = 0 if here.position else len(here.ids) - 1
        tries.append(
            Try(
                f"Go to {code(here.tokens[other])}. Is its stream as long?",
                here.cursor_on(other),
            )
        )
    return tries


def _grow(here: Here) -> str:
    data = lessons.gradient_table(*lessons.chosen_experiment())
    shares = [float(data["with"].iloc[0] / data["with"].iloc[-1])] if data["with"].iloc[-1] else []
    here_is = f" Here layer 0 gets {fine_percent(shares[0])} of the last layer's gradient, with shortcuts." if shares else ""
    return f"No. A shortcut adds 1 to each layer's slope, so that it does not fade; nothing in it keeps the product from growing.{here_is}"


def _nothing(here: Here) -> str:
    blocks = views.blocks(here.trace, here.position)
    lengths = [float(np.linalg.norm(block.attn_out[0] + block.mlp_out[0])) for block in blocks]
    least = int(np.argmin(lengths))
    return (
        f"It writes nothing: F(x) = 0, so H(x) = x. Without a shortcut it would have to learn to copy all {here.config.emb_dim:,} numbers. "
        f"The block that comes nearest here is block {least}: what it adds to {code(here.tokens[here.position])} has norm "
        f"{significant(lengths[least])}."
    )


QUESTIONS = (
    Question("What does a block have to do in order to leave x as it is?", _nothing),
    Question("Do shortcuts also keep gradients from growing too large?", _grow),
)
