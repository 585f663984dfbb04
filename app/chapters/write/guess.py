"""The first beat: the visitor guesses the next token before the model's probabilities are shown.

Guesses stay in the visitor's session on this server; no link carries them.
"""

from __future__ import annotations

import math

import streamlit as st

from app import as_code, choices, guesses, messages, run_loop, sequence, state, ui
from app.beats import Question, Try
from app.chapters.write.instrument import candidates_menu
from app.glossary import with_meanings
from app.runtime import Here
from app.writing import markup
from app.writing.markup import code
from app.writing.numbers import counted, percent, significant
from gptcore.sampling import Selection

OFFERED = 4  # tokens to choose from: the likeliest, and one that the model thinks unlikely
UNLIKELY = 40  # the rank of that one
SHOWN = 5  # bars, so that the way on is in view below them
LONGEST_WORD = 40  # characters of a guess of one's own
ROUNDS = 3  # after which it asks how the model knew


def guess(here: Here) -> None:
    """The text in large type; then what to choose from, or, after the guess, the model's probabilities and its choice."""
    choice = sequence.selection(here)
    mine = guesses.of(here)
    text = here.model.tokenizer.decode(here.ids)
    with st.container(key="guess_text"):
        ui.prose(text, "" if mine is None else here.model.tokenizer.text_of(choice.chosen_id))
    if here.is_full:
        ui.note(f"The text fills the context of {here.config.context_length:,} tokens. Shorten it to go on.")
    elif mine is None:
        _offer(here, choice)
    else:
        _reveal(here, choice, mine)


def _offer(here: Here, choice: Selection) -> None:
    tokenizer, among = here.model.tokenizer, offered(here, choice)
    with st.container(horizontal=True, key="guess_offers", gap="small"):
        for token in among:
            st.button(
                markup.escape_markdown(guesses.word(tokenizer.text_of(token))), key=f"guess_{token}",
                on_click=state.guarded(guesses.make), args=(here, token),
            )  # fmt: skip
        st.button("Something else", key="guess_other", on_click=state.guarded(guesses.make), args=(here, guesses.OTHER))
    st.text_input(
        "Or type the next word", max_chars=LONGEST_WORD, width=260, placeholder="Your word, then Enter",
        **state.one_shot("guess_word", _typed, lambda word: guesses.make_word(here, word), empty=""),
    )  # fmt: skip


def _typed(said: object) -> str | None:
    return (messages.text(said, LONGEST_WORD) or "").strip() or None


def offered(here: Here, choice: Selection) -> list[int]:
    """The ids to choose from."""
    return guesses.offered(here, choice, OFFERED - 1, (UNLIKELY,))


def _reveal(here: Here, choice: Selection, mine: int) -> None:
    tokenizer = here.model.tokenizer
    ranks = list(range(min(SHOWN, len(choice.token_ids))))
    rank = guesses.rank(choice, mine)
    for extra in (choice.chosen_rank, rank):
        if extra is not None and extra not in ranks:
            ranks.append(extra)
    rows = []
    for at in sorted(ranks):
        says = [what for what, on in (("your guess", at == rank), ("chosen", at == choice.chosen_rank)) if on]
        rows.append((tokenizer.text_of(int(choice.token_ids[at])), float(choice.base_probs[at]), ", ".join(says)))
    candidates_menu("guessed-token", here, choice, lambda: as_code.of("write", "choice", here))
    ui.bar_list(rows, "The likeliest next tokens and their probabilities")
    left = len(choice.token_ids) - len(rows)
    rest = 1 - sum(p for _, p, _ in rows)
    notes = [f"{counted(left, 'other token')} together: {percent(max(rest, 0.0))}."] if left > 0 else []
    if any("␣" in text for text, _, _ in rows):
        notes.append("␣ is a space: a token can begin with one.")
    if small := [*notes, *_small_print(here, choice, mine)]:
        st.caption(with_meanings("  \n".join(small)))
    with st.container(horizontal=True, key="guess_on"):
        over = guesses.rounds() >= ROUNDS
        if over:
            st.button("See how the token is chosen", type="primary", key="guess_choice", on_click=state.guarded(_to_choice))
        st.button(
            "Another round" if over else "Next round", type="secondary" if over else "primary", key="guess_next",
            icon=":material/arrow_forward:", on_click=state.guarded(run_loop.next_token),
        )  # fmt: skip


def _to_choice() -> None:
    state.take(guesses.PART, "choice")


def finding(here: Here) -> str:
    """What to do; after the guess three lines: what came, how sure the model was, what the draw did."""
    mine, choice = guesses.of(here), sequence.selection(here)
    tokenizer = here.model.tokenizer
    if here.is_full:
        return "This text is as long as the model can read. Nothing can follow."
    if mine is None:
        return (
            f"A language model has read this text and will add one token: a word, or a piece of one. It knows "
            f"{counted(len(choice.token_ids), 'token')}. You first: **what comes next?**"
        )
    wrote = code(tokenizer.text_of(choice.chosen_id))
    top = f"{code(tokenizer.text_of(int(choice.token_ids[0])))} ({percent(float(choice.base_probs[0]))})"
    rank = guesses.rank(choice, mine)
    if mine == guesses.TOLD:
        outcome = f"Here is the answer: the model writes {wrote}."
        sure = f"Its likeliest token is {top}."
        if choice.chosen_rank == 0:
            sure = "No other token is as likely."
    elif rank is None:
        was = "and" if choice.chosen_id not in offered(here, choice) else "but it was one of those offered:"
        outcome = f"You expected something else, {was} the model writes {wrote}."
        sure = "It is its likeliest token." if choice.chosen_rank == 0 else f"Its likeliest token is {top}."
    else:
        guessed, p = code(tokenizer.text_of(mine)), float(choice.base_probs[rank])
        outcome = (
            f"**Right:** the model writes {wrote}." if rank == choice.chosen_rank else f"The model writes {wrote}, not {guessed}."
        )
        sure = f"It gave your guess {guessed} **{percent(p)}**"
        sure += ", more than any other." if rank == 0 else f". Its likeliest token is {top}."
    return "  \n".join((outcome, sure, _drawn(choice, wrote)))


def _drawn(choice: Selection, wrote: str) -> str:
    """How the next token is chosen."""
    if choice.settings.temperature == 0:
        return "At temperature 0 nothing is left to chance: the likeliest token is taken."
    share = percent(float(choice.base_probs[choice.chosen_rank]))
    return f"One token is drawn by chance: it fell on {wrote} ({share})."


def _small_print(here: Here, choice: Selection, mine: int) -> list[str]:
    """What only some want to know, as Markdown: how surprising the guess was, and what was drawn from, as the bars are at temperature 1
    and the settings may be others."""
    said, settings = [], choice.settings
    if (rank := guesses.rank(choice, mine)) is not None:
        said.append(f"Your guess would have been {_surprise(float(choice.base_probs[rank]))}.")
    changed = [f"temperature {significant(settings.temperature)}"] if settings.temperature != 1 else []
    if choice.kept < len(choice.token_ids):
        changed.append(f"only {counted(choice.kept, 'token')} kept")
    if changed and settings.temperature > 0:
        wrote = code(here.model.tokenizer.text_of(choice.chosen_id))
        said.append(
            f"Likely tokens are drawn more often. With {' and '.join(changed)}, {wrote} had {percent(choice.chosen_prob)}."
        )
    return said


def how(here: Here) -> str:
    """The model's way in one breath, with what this model has of each."""
    choice, config = sequence.selection(here), here.config
    return (
        f"It looked nothing up. The text was cut into {counted(len(here.ids), 'token')}; each became a row of {config.emb_dim} numbers; "
        f"{counted(config.n_layers, 'block')} changed these rows, and in each block a token takes in something of the tokens before it. From "
        f"the last row came a score for each of the {counted(len(choice.token_ids), 'token')} of the vocabulary, and the scores became these "
        "probabilities. All numbers that do this were learned by guessing the next token of many texts, over and over. Each chapter shows "
        "one of these steps; the page **Learning**, in the menu Lab, shows where the numbers come from."
    )


def _answers(here: Here) -> str:
    return (
        "No. It continues a text, whatever the text is. Ask `What is the capital of France?` under Edit text, and it goes on as the texts "
        "that it learned from go on. ChatGPT is a GPT that was trained further, on questions with good answers. Neither looks anything up, "
        "and what is likely need not be true: both make things up. **Copied or made up**, under Try this, shows in a much smaller model "
        "how much is learned by heart."
    )


QUESTIONS = (
    Question("How does it know what may come next?", how),
    Question("Does it answer questions, as ChatGPT does?", _answers),
)


def _surprise(p: float) -> str:
    bits = -math.log2(p) if p > 0 else math.inf
    return f"{significant(bits, 2)} bits of surprise" if math.isfinite(bits) else "a surprise without limit"


def tries(here: Here) -> list[Try]:
    """The way on: the next chapter, the instrument."""
    way = [Try("Skip the guessing: all settings", shown=((guesses.PART, "choice"),))]
    if guesses.rounds() >= ROUNDS:
        way.insert(0, Try("How does it read a text? Chapter 2", page="tokens"))
    copied = Try("Copied or made up? How much a model has by heart", shown=((choices.LEARNING_PART, "copies"),), page="learning")
    return [*way, copied]


def steppers(here: Here) -> None:
    """Which round it is, how often it was guessed and how often the model wrote the same; after the last round that it is over."""
    played, made, right = guesses.rounds(), guesses.count(), guesses.right()
    is_asked = guesses.of(here) is None and not here.is_full
    now = played + is_asked
    lines = [f"**Round {now} of {ROUNDS}**" if now <= ROUNDS else f"**Round {now}**"]
    if made:
        one = f"1 guess, and the model wrote {'it' if right else 'something else'}."
        lines.append(one if made == 1 else f"{made} guesses, {right} of them what the model wrote.")
    if played == ROUNDS and not is_asked:
        lines.append("That was the last round.")
        if here.view.temperature > 0:
            lines.append("Nobody is right every time: the model says how likely each token is, and one is drawn.")
    st.markdown("  \n".join(lines))
