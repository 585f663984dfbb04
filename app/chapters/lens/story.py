"""What the beats of the lens page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from app import choices, sequence, settling, state
from app.beats import Question, Try
from app.chapters.lens import views
from app.chapters.lens.sections import column_in_focus, window_columns
from app.chapters.lens.views import Column
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, percent


def says_grid(here: Here) -> str:
    """What the lens does; what is predicted after the token at the cursor, and since which block."""
    return (
        "After each block the model is asked for its next token, as if that block were the last; early on, when little is worked out, the "
        f"answer may be nonsense. {_settled(here)}"
    )


def _settled(here: Here) -> str:
    column, n_layers = column_in_focus(here), here.config.n_layers
    if column.settled == 0:
        return f"{_final(here)} It ranks first from the embeddings on, before any block has run."
    before = code(_text(here, int(column.token_ids[column.settled - 1, 0])))
    if column.settled == n_layers:
        return f"{_final(here)} It ranks first only after the **last block**; one block earlier, {before} did."
    since = f"**block {column.settled - 1}** (the last is block {n_layers - 1})"
    return f"{_final(here)} It has ranked first since {since}; one block earlier, {before} did."


def _final(here: Here) -> str:
    column = column_in_focus(here)
    drawn = sequence.says_drawn(here, column.target) if here.is_newest else ""
    return (
        f"After {code(here.tokens[here.position])}, the top prediction is {code(_text(here, column.target))}, with "
        f"**{percent(float(column.target_prob[-1]))}**.{drawn}"
    )


def _text(here: Here, token_id: int) -> str:
    return here.model.tokenizer.text_of(token_id)


def try_grid(here: Here) -> Sequence[Try]:
    """Tokens that settle elsewhere, and another measure."""
    found, tries = settling.settled(here), []
    for said, at in (
        ("settles last", len(found.depth) - 1 - int(found.depth[::-1].argmax())),
        ("settles first", int(found.depth.argmin())),
    ):
        position = int(found.positions[at])
        if position != here.position and len(found.depth) > 1:
            tries.append(
                Try(
                    f"Go to {code(here.tokens[position])}, after which the prediction {said}. After which block?",
                    here.cursor_on(position),
                )
            )
    if state.chosen(choices.LENS_COLOUR) == "entropy":
        tries.append(Try("Colour by probability again", shown=((choices.LENS_COLOUR, "probability"),)))
    else:
        tries.append(
            Try(
                "Colour by entropy. Is the model less certain in the middle or at the end?",
                shown=((choices.LENS_COLOUR, "entropy"),),
            )
        )
    return tries


def says_position(here: Here) -> str:
    """When the final prediction of the token at the cursor took the first place, and where it stood before."""
    column, n_layers = column_in_focus(here), here.config.n_layers
    if column.settled < n_layers:
        return _settled(here)
    before, final = (code(_text(here, int(each))) for each in (column.token_ids[n_layers - 1, 0], column.target))
    return (
        f"{_final(here)} Only the last block puts it first: one block earlier, {before} leads with "
        f"{percent(float(column.probs[n_layers - 1, 0]))}, and {final} has **{percent(float(column.target_prob[n_layers - 1]))}**."
    )


def try_position(here: Here) -> Sequence[Try]:
    """Other depths and another token."""
    tries, n_layers = [], here.config.n_layers
    at_input = state.chosen(choices.LENS_INPUT)
    for layer, said in ((n_layers // 2, "halfway up"), (n_layers - 2, "one block before the end"), (n_layers - 1, "at the end")):
        if layer >= 0 and (layer != here.layer or at_input):
            tries.append(
                Try(
                    f"Read it {said}, after block {layer}. What is likeliest there?",
                    {"layer": layer},
                    ((choices.LENS_INPUT, False),),
                )
            )
    if n_layers < 2:
        tries = [] if at_input else [Try("Read it before block 0. What is likeliest there?", shown=((choices.LENS_INPUT, True),))]
    found = settling.settled(here)
    early = int(found.positions[int(found.depth.argmin())])
    if early != here.position:
        tries.append(
            Try(
                f"Go to {code(here.tokens[early])}, whose prediction settles first. How does its line differ?",
                here.cursor_on(early),
            )
        )
    return tries[-3:]


def says_stages(here: Here) -> str:
    """What stands first early, in the middle and late, as counts of this text's tokens."""
    columns = window_columns(here)
    many, n_layers = len(columns), here.config.n_layers
    if many == 1:
        return f"With one token there is nothing to compare. {_settled(here)}"
    found = views.stages(columns, here.ids)
    counts = {name: [round(share * many) for share in found[name]] for name in ("itself", "shared", "final")}
    middle = n_layers // 2
    common = int(np.argmax(counts["shared"][: middle + 1]))
    said = f"**Early:** {_before_after(0)}, the top prediction is the token itself for {counts['itself'][0]} of {_which(here, columns)}"
    if common and counts["shared"][common] > 1:
        guess = code(_text(here, int(found["guess_id"].iloc[common])))
        said += f"; {_before_after(common)}, {counts['shared'][common]} share one guess, {guess}"
    said += f". **Middle:** {_before_after(middle)}, {_have(counts['final'][middle])} their final prediction."
    late = max(1, n_layers // 3)
    changed = sum(column.settled > n_layers - late for column in columns.values())
    return f"{said} **Late:** the last {f'{late} blocks' if late > 1 else 'block'} still {'change' if late > 1 else 'changes'} {changed}."


def _which(here: Here, columns: Mapping[int, Column]) -> str:
    """Which tokens are counted: all of the text, or those of the window."""
    if (many := len(columns)) == len(here.ids):
        return f"{many} tokens"
    where = "last" if max(columns) == len(here.ids) - 1 else "first" if not min(columns) else ""
    return f"the {where} {many} tokens" if where else f"the {many} tokens at positions {min(columns)} to {max(columns)}"


def _have(number: int) -> str:
    return f"{number} already {'has' if number == 1 else 'have'}"


def _before_after(depth: int) -> str:
    return f"after block {depth - 1}" if depth else "before block 0"


def try_stages(here: Here) -> Sequence[Try]:
    """The same read cell by cell, or of another token."""
    return [
        Try("See the words themselves: every token, every block", shown=((choices.LENS_PART, "grid"),)),
        Try(
            "Colour the grid by rank. Where does the final prediction enter the first hundred?",
            shown=((choices.LENS_PART, "grid"), (choices.LENS_COLOUR, "rank")),
        ),
    ]


def _same_at_the_end(here: Here) -> str:
    column = column_in_focus(here)
    last = float(column.probs[-1, 0])
    return (
        f"Yes, exactly. The last row is read with the same final LayerNorm and the same output head as the model's own output: "
        f"{code(_text(here, column.target))}, {percent(last)}. The fold “Code and checks” compares the two."
    )


def _wrong_early(here: Here) -> str:
    column, depth = column_in_focus(here), here.config.n_layers // 2
    rank = int(column.rank[depth]) + 1
    return (
        "That does not follow. The output head was trained to read the last layer only. Halfway up, "
        f"{code(_text(here, column.target))} stands at rank "
        f"{rank:,} of {counted(here.config.vocab_size, 'token')}; what the stream holds there in a form that the head cannot read, the lens "
        "does not show."
    )


def _many_layers(here: Here) -> str:
    columns = window_columns(here)
    settled, n_layers = [column.settled for column in columns.values()], here.config.n_layers
    said = (
        "One layer can only work with what stands in the text; the next can work with what that one has found. To look up what followed a "
        "word the last time, say, one layer has to note at each token which one stood before it, before a later layer can search for that "
        "note."
    )
    if n_layers == 1:
        return f"{said} This model has a single layer."
    at = [sum(depth <= last for depth in settled) for last in (1, n_layers // 2, n_layers)]
    return (
        f"{said} Of {_which(here, columns)}, {_have(at[0])} their final prediction for good after the first block, {at[1]} halfway up, "
        f"and {at[2]} at the end."
    )


QUESTIONS = (
    Question("What can many layers do that one could not?", _many_layers),
    Question("Does the last row of the lens agree with what the model says?", _same_at_the_end),
    Question("If the word is wrong halfway up, does the model not know it yet?", _wrong_early),
)
