"""What a first visitor wants to know before anything else: what this is, which model it runs, what that has to do with ChatGPT, and how
long the way through is."""

from __future__ import annotations

import streamlit as st

from app import guesses, state
from app.runtime import Here
from app.shell import first_visit, navigation
from app.writing import markup
from app.writing.numbers import in_words
from gptcore.parameters import count_parameters

MINUTES_A_CHAPTER = 4  # roughly, for one who reads each beat and tries a thing or two


def draw(here: Here) -> None:
    """A few quiet lines above the first question, on a first visit and until the first guess is made."""
    if first_visit.is_one() and guesses.rounds() == 0 and state.chosen(guesses.PART) == "guess":
        with st.container(key="welcome"):
            st.markdown(_said(here))


def _said(here: Here) -> str:
    n = in_words(count_parameters(here.config, here.model.tied))
    model = (
        f"**Storyteller**, built like GPT-2, from which the models behind ChatGPT descend, but with only {n} numbers. It has read nothing "
        "but old children's books, so it continues a text and does not answer."
        if here.view.model == state.DEFAULT_MODEL
        else f"**{markup.escape_markdown(here.view.model)}**, a GPT of {n} numbers. It continues a text and does not answer."
    )
    chapters = sum(entry.group == navigation.CHAPTERS for entry in navigation.PAGES)
    return (
        f"Look inside a language model while it writes: {model} {chapters} short chapters show how, in about "
        f"{MINUTES_A_CHAPTER * chapters} minutes."
    )
