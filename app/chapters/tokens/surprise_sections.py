"""The part of the tokens page that is about surprise: any text coloured by it, the words that surprised most, the whole."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

from app import choices, interventions, palette, picture_files, state, ui
from app.chapters.tokens import sections, surprise_views
from app.components.token_text import TextChip, token_text
from app.recent import MB, Recent
from app.runtime import Here
from app.writing import markup
from app.writing.markup import NumberBar
from app.writing.numbers import fixed
from app.writing.worked import as_one, worked
from gptcore.errors import GPTCoreError
from gptcore.run import Run
from gptcore.surprise import Surprise, surprise


def _first(here: Here) -> str:
    """A text of one's own stands there first, unless something was written."""
    return "own" if here.view.prompt == state.DEFAULT_PROMPT and not here.view.chosen else "view"


def text_control(here: Here) -> None:
    """Which text is judged."""
    sections.which_text(choices.SURPRISE_SOURCE, choices.SURPRISE_TEXT, choices.SURPRISE_TOKEN, first=_first(here))


def own_text(here: Here) -> str | None:
    """The text that is judged; None for the sequence in view."""
    return sections.text_in_use(choices.SURPRISE_SOURCE, choices.SURPRISE_TEXT, _first(here))


def reading(here: Here) -> Reading | None:
    """The text as the model judged it; None where nothing was predicted. Raises GPTCoreError for a text that is too long."""
    text, tokenizer = own_text(here), here.model.tokenizer
    ids = here.ids if text is None else surprise_views.text_ids(tokenizer, text)
    run = here.run if text is None else here.model.run(ids, interventions.ablation_of(here.view.intervention))
    with ui.progress("The model goes through the text …") as progress:
        found = surprise_views.judged(run, progress)
    if not found.ids:
        return None
    started = text is not None and tokenizer.start_id is not None
    return _READINGS.get((run, started), lambda: _read(here, found, run, started))


def focus_of(here: Here, read: Reading) -> int:
    """The chip in focus: the one that was picked, else the most surprising one."""
    picked = (
        (-1 if here.view.position is None else here.position) if own_text(here) is None else state.chosen(choices.SURPRISE_TOKEN)
    )
    return int(read.table["bits"].idxmax()) + read.lead if picked < 0 else min(picked, len(read.chips) - 1)


def surprise_of_text(here: Here) -> None:
    """One pass over a text, each token coloured by how surprised the model was."""
    try:
        read = reading(here)
    except GPTCoreError as error:
        st.warning(markup.escape_markdown(str(error)), icon=":material/error:")
        return
    if read:
        _draw(here, read)
    else:
        ui.note("Add text, or choose the next token." if own_text(here) is None else "Type or paste a text.")


class Reading(NamedTuple):
    """A text as it was read: with its start token or first token, which nothing predicted; the judged tokens and words as tables; a
    chip each token that is shown, of which the first `lead` were not judged."""

    found: Surprise
    run: Run
    table: pd.DataFrame
    words: pd.DataFrame
    chips: list[TextChip]
    lead: int


_READINGS: Recent[Reading] = Recent(32 * MB)  # ready to be drawn: some 2 MB for 1,024 tokens


def _read(here: Here, found: Surprise, run: Run, started: bool) -> Reading:
    """started: whether the first token is only the start token, put in before a text; else it is a token that nothing predicted."""
    tokenizer, vocab_size = here.model.tokenizer, here.config.vocab_size
    lead = 0 if started else 1
    table = surprise_views.tokens(tokenizer, found, lead)
    words = surprise_views.words(table)
    full = surprise_views.blind_guess(vocab_size)
    chips = [
        TextChip(line.token, line.word, said, shade=round(min(1.0, line.bits / full), 3))
        for line, said in zip(table.itertuples(), surprise_views.facts(found, table, words, vocab_size), strict=True)
    ]
    if lead:
        unread = ("Position 0, the first: nothing comes before it, so nothing predicted it.",)
        first = tokenizer.text_of(run.ids[0])
        chips = [TextChip(first, -1, (("", first), unread)), *chips]
    return Reading(found, run, table, words, chips, lead)


def _draw(here: Here, read: Reading) -> None:
    found, table, in_view = read.found, read.table, own_text(here) is None
    full = surprise_views.blind_guess(here.config.vocab_size)

    def on_pick(index: int) -> None:
        if in_view:
            state.update(position=index)
        else:
            state.take(choices.SURPRISE_TOKEN, index)

    label, legend = "Surprise at each token", ("0 bits", f"{fixed(full, 1)} bits, as for a uniform guess, or more")
    file = partial(picture_files.of_chips, read.chips, label, ui.mode(), legend)
    ui.figure_menu("surprise", table, file, label="Menu: the tokens")
    token_text(
        read.chips,
        key="surprise_chips",
        label=label,
        hint="Point at a token to see what the model expected there.",
        focus=focus_of(here, read),
        legend=legend,
        on_pick=on_pick,
    )
    if len(found.windows) > 1:
        ui.note(
            f"Longer than the context of {here.config.context_length:,} tokens: read in {len(found.windows)} windows that overlap by "
            "half, so that after the first window each token is judged with at least half a context before it."
        )
    _words(here, read)


def _readable(here: Here) -> Reading | None:
    """As `reading`; None for a text that is too long, of which the figure says so."""
    try:
        return reading(here)
    except GPTCoreError:
        return None


def checks(here: Here) -> None:
    """The bits once more, and the code."""
    if read := _readable(here):
        ui.self_check(surprise_views.self_checks(read.run, read.found))
    ui.source(surprise)


def maths(here: Here) -> None:
    """The token in focus as a formula (of the first token, which nothing predicted, there is none to fill in), and the whole."""
    filled, read = "", _readable(here)
    focus = focus_of(here, read) - read.lead if read else -1
    if read and focus >= 0:
        line = read.table.iloc[focus]
        bits = worked(lambda p: -math.log2(p), [float(line.probability)], float(line.bits))
        filled = rf" \\ -\log_2 {as_one(bits.inputs[0])} {bits.out}\text{{ bits}}"
    ui.formula(rf"\begin{{gathered}} \text{{surprise}} = -\log_2 p{filled} \end{{gathered}}")
    if read:
        whole = surprise_views.whole(here.model.tokenizer, read.found, read.table)
        ui.table(
            ["The whole text" if read.run.ids[0] == here.model.tokenizer.start_id else "After the first token", ""],
            [
                ["Characters", f"{whole.characters:,}"],
                ["Words", f"{whole.words:,}"],
                ["Tokens", f"{whole.tokens:,}"],
                ["Bits", fixed(whole.bits, 1)],
                ["Bits per token", fixed(whole.bits_per_token, 2)],
                ["Bits per character", fixed(whole.bits_per_character, 3)],
            ],
            numeric=(1,),
            marked=5,
        )
        ui.note(surprise_views.about_first(here.model.tokenizer, read.run.ids))
    ui.note(
        "1 bit is the surprise at a coin toss, and each bit more halves the probability. Bits per character can be compared between "
        "models with different vocabularies; bits per token cannot. The lower, the better the model predicts this text."
    )


def _words(here: Here, read: Reading) -> None:
    """The words that surprised most, as bars."""
    top = read.words.nlargest(8, "bits")
    most, colour = float(top["bits"].max()) or 1.0, palette.colour("tokens", ui.mode())
    rows: list[list[str | NumberBar]] = [
        [markup.chip(w.text), f"{w.position:,}", str(w.tokens), NumberBar(fixed(w.bits, 1), 0, w.bits / most, colour)]
        for w in top.itertuples()
    ]
    ui.figure_menu("surprise-words", read.words, label="Menu: the words")
    ui.bars(["Words that surprised most", "Position", "Tokens", "Bits"], rows)
    ui.note(
        "A word runs from one white space to the next, with the punctuation that touches it. Its position is that of its first token."
    )
