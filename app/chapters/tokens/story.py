"""What the beats of the tokens page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from app import choices, state
from app.beats import Question, Try, listed
from app.chapters.tokens import sections, surprise_sections, surprise_views, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, fixed
from gptcore.errors import GPTCoreError
from gptcore.tokenizer import visible


def says_cut(here: Here) -> str:
    """How many tokens, and which piece was cut most."""
    table = sections.cut_text(here)[1].table
    if table.empty:
        return "There is no text, and so there are no tokens."
    tokenizer = here.model.tokenizer
    count = views.statistics(tokenizer, table)
    if not count.tokens:
        return "The prompt is empty, so the model gets a single token: the one that stands between two texts in training."
    said = (
        f"The model sees no letters. It gets **{counted(len(table), 'number')}**, the ids of the tokens: one per "
        f"{fixed(count.characters_per_token, 1)} characters here."
    )
    parts = _most_cut(table)
    if len(parts) < 2:
        return f"{said} Every word of this text is a single token."
    whole = visible(views.piece_of(table, int(parts.index[0])).encode("utf-8", "replace"))
    named = listed([code(token) for token in parts["token"]]) if len(parts) < 9 else "single bytes and short parts"
    return f"{said} {code(whole)} is not in the vocabulary of {tokenizer.vocab_size:,}, so it is cut into {len(parts)}: {named}."


def _most_cut(table: pd.DataFrame) -> pd.DataFrame:
    """The tokens of the piece that was cut into most of them."""
    first = views.richest_position(table)
    return table[table["piece"] == table["piece"].iloc[first]]


def try_cut(here: Here) -> Sequence[Try]:
    """Another token, another text."""
    text, (table, _) = sections.cut_text(here)
    tries = []
    if text is None:
        tries.append(Try("A text of your own: names, numbers, emoji", shown=((choices.CUT_SOURCE, "own"),)))
    else:
        tries.append(Try("Back to the text above", shown=((choices.CUT_SOURCE, "view"),)))
    whole = [
        i for i in table.index[1:] if table["origin"].iloc[i] == "cut" and (table["piece"] == table["piece"].iloc[i]).sum() == 1
    ]
    if whole and text is None and (at := int(whole[len(whole) // 2])) != here.view.position:
        tries.append(Try(f"Why is {code(table['token'].iloc[at])} one token?", {"position": at}))
    tries.append(Try("How is a word cut? Step by step", shown=((choices.TOKENS_PART, "merges"),)))
    return tries


def says_merges(here: Here) -> str:
    """From how many bytes to how many tokens."""
    table = sections.cut_text(here)[1].table
    if table.empty or table["origin"].iloc[at := sections.token_in_focus(here)] != "cut":
        return "This token was not cut out of a text, so nothing was merged. Choose another token of the text."
    piece = views.piece_of(table, at)
    n_bytes, n_tokens = len(piece.encode("utf-8", "replace")), int((table["piece"] == table["piece"].iloc[at]).sum())
    name, merges = code(visible(piece.encode("utf-8", "replace"))), n_bytes - n_tokens
    if n_bytes == 1:
        return f"{name} is a single byte: there is nothing to merge, and it is a token as it is."
    end = "one token" if n_tokens == 1 else f"**{n_tokens}** tokens, which no learned merge joins any further"
    if not merges:
        return f"{name} begins as {n_bytes} bytes, and no learned merge joins any two of them: it stays {n_tokens} tokens."
    return (
        f"{name} begins as **{counted(n_bytes, 'byte')}**, the numbers in which a computer keeps its letters. {counted(merges, 'merge')} "
        f"{'joins' if merges == 1 else 'join'} two neighbours, always the pair that was learned earliest, and what is left is {end}."
    )


def try_merges(here: Here) -> Sequence[Try]:
    """Steps, and another piece."""
    text, (table, _) = sections.cut_text(here)
    if table.empty or table["origin"].iloc[at := sections.token_in_focus(here)] != "cut":
        return ()
    steps = (
        views.merge_steps(here.model.tokenizer, views.piece_of(table, at))
        if len(views.piece_of(table, at)) <= views.LONGEST_STEPPED
        else []
    )
    tries, step = [], state.chosen(choices.MERGE_STEP)
    if len(steps) > 1:
        if step < len(steps) - 1:
            tries.append(Try("To the end: which neighbours are left, and why?", shown=((choices.MERGE_STEP, len(steps) - 1),)))
        if step:
            tries.append(Try("Back to single bytes", shown=((choices.MERGE_STEP, 0),)))
    if text is None:
        cut = table[(table["origin"] == "cut") & (table["piece"] != table["piece"].iloc[at])]
        whole = cut[~cut["piece"].duplicated(keep=False)]
        if len(whole) and (other := whole.loc[whole["token"].str.len().idxmax()]) is not None:
            tries.append(Try(f"A word that is one token: {code(other['token'])}", {"position": int(other["position"])}))
    if len(tries) < 2:
        tries.append(Try("Other things: numbers, emoji, another script", shown=((choices.TOKENS_PART, "other"),)))
    return tries


def says_other(here: Here) -> str:
    """The common word and the rare one."""
    cases = views.special_cases(here.model.tokenizer).set_index("what")
    common, rare, emoji = (cases.loc[what] for what in ("A word after a space", "A rare word", "An emoji"))
    said = (
        f"{code(visible(common.text.encode()))} takes {counted(common.tokens, 'token')}, {code(visible(rare.text.encode()))} "
        f"**{rare.tokens}**, and a single emoji {emoji.tokens}."
    )
    if len(rare.text) / rare.tokens < len(common.text) / common.tokens:
        return f"{said} What the vocabulary has seldom seen costs more tokens per character, but no text is ever unknown."
    return f"{said} In this vocabulary the rare word is not cut into smaller parts than the common one; no text is ever unknown."


def try_other(here: Here) -> Sequence[Try]:
    """One of them, step by step."""
    own = ((choices.CUT_SOURCE, "own"), (choices.CUT_TOKEN, -1))
    return [
        Try(said, shown=(*own, (choices.CUT_TEXT, views.SPECIAL_CASES[what]), (choices.TOKENS_PART, part)))
        for said, what, part in (
            ("The rare word, merge by merge", "A rare word", "merges"),
            ("The emoji: which bytes are its tokens?", "An emoji", "cut"),
            ("The year and the decimal: where are they cut?", "A year and a decimal", "cut"),
        )
    ]


def says_surprise(here: Here) -> str:
    """The token that surprised most, and the mean."""
    try:
        read = surprise_sections.reading(here)
    except GPTCoreError:
        return "This text is too long to be judged at once."
    if read is None:
        own = surprise_sections.own_text(here) is not None
        return "There is no text to judge." if own else "There is one token and nothing before it, so nothing was predicted yet."
    table = read.table
    worst, blind = table.loc[table["bits"].idxmax()], surprise_views.blind_guess(here.config.vocab_size)
    mean = float(table["bits"].mean())
    compared = "less than" if mean < blind else "more than"
    least = f"{code(worst['token'])} least: its probability was {surprise_views.chance(float(worst['probability']))}"
    return (
        f"The model expected {least}, a surprise of **{fixed(float(worst['bits']), 1)} bits**. On average it needs **{fixed(mean, 1)}** "
        f"bits per token, {compared} the {fixed(blind, 1)} bits of a uniform guess."
    )


def try_surprise(here: Here) -> Sequence[Try]:
    """The surest token, and another text."""
    try:
        read = surprise_sections.reading(here)
    except GPTCoreError:
        read = None
    own, tries = surprise_sections.own_text(here) is not None, []
    if read is not None and len(read.table) > 1:
        focus = surprise_sections.focus_of(here, read)
        for said, row in (("least", read.table["bits"].idxmin()), ("most", read.table["bits"].idxmax())):
            place, token = int(row) + read.lead, code(read.table["token"].iloc[int(row)])
            if place != focus:
                label = f"The token that surprised it {said}: {token}. What had it expected?"
                tries.append(Try(label, {} if own else {"position": place}, ((choices.SURPRISE_TOKEN, place),) if own else ()))
    other = ("The text above instead", "view") if own else ("A text whose end does not fit its beginning", "own")
    return [*tries, Try(other[0], shown=((choices.SURPRISE_SOURCE, other[1]),))]


def _same_word(here: Here) -> str:
    tokenizer = here.model.tokenizer
    ids = {text: tokenizer.encode_text(text) for text in ("cat", " cat", " Cat")}
    said = [f"{code(visible(text.encode()))} is {', '.join(f'{i:,}' for i in found)}" for text, found in ids.items()]
    return (
        f"No. In this vocabulary {listed(said)}. The space before a word and its capital are part of the token; that these have to do with "
        "each other, the model has to learn from texts."
    )


def _letters(here: Here) -> str:
    tokenizer = here.model.tokenizer
    ids = tokenizer.encode_text(" strawberry")
    named = listed([code(tokenizer.text_of(i)) for i in ids])
    return (
        f"It gets no letters to count: {code('␣strawberry')} reaches it as {counted(len(ids), 'number')} ({', '.join(f'{i:,}' for i in ids)}), "
        f"for {named}. How a token is spelled it can only know from texts that say so."
    )


QUESTIONS = (
    Question("Is `cat` the same token at the start of a text, inside it, and with a capital?", _same_word),
    Question("Why do such models miscount the letters of a word?", _letters),
)
