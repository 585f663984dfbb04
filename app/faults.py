"""What goes wrong while a visitor uses the app becomes a message where it happens, and nothing of theirs is lost.

An error of gptcore is shown in its own words. Anything else is a fault of the program: a calm message with a reference, and one line
in the log with the same reference and the place in the source; never the error's own text, in which a prompt may stand.

Every piece of our code that Streamlit calls goes through here: the page (`told`), what runs by itself (`fragment`), what a click or a
new value calls (`state.guarded`), what a download makes (`export`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from app import log, state
from app.room import presenting
from app.writing import markup
from gptcore.errors import GPTCoreError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class ExportError(Exception):
    """A download that could not be made, for a reason that is logged and kept for the visitor already."""


def problem(said: str) -> None:
    """A message in the place of what could not be drawn."""
    st.error(markup.escape_markdown(said), icon=":material/error:")


def whole_page_problem(said: str) -> None:
    """The same instead of the page, with ways out of it."""
    problem(said)
    st.caption("Your text and settings are kept. Change what the message names under Edit text, and the page comes back.")
    if state.current().chosen:  # a link may hold tokens that do not fit the model or its context
        st.button("Start over from the prompt", on_click=state.guarded(state.drop_chosen))
    if state.current().choices:
        st.button("Set all pages back to their first view", on_click=state.guarded(state.drop_choices))


@contextmanager
def told(how: Callable[[str], object] = problem) -> Iterator[None]:
    """What goes wrong inside is said by `how`, in its place; what went wrong in a callback before, too."""
    said = ""
    try:
        yield
    except Exception as error:  # noqa: BLE001  told to the visitor, and logged
        said = log.message(error)
        how(said)
    for kept in state.take_problems():
        if kept != said:
            st.toast(markup.escape_markdown(kept), icon=":material/error:", duration="long")


def fragment(function: Callable[Arguments, None], *, run_every: float | None = None) -> Callable[Arguments, None]:
    """As `st.fragment`; an error in it is said in its place, since no handler around the page sees it when it runs by itself."""

    @wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with presenting.fragment_run(), told():
            function(*args, **kwargs)

    made: Callable[Arguments, None] = st.fragment(run, run_every=run_every)
    return made


def export(make: Callable[[], Result]) -> Callable[[], Result]:
    """What a download button calls, outside of any run: Streamlit says that it failed, and the next run says why."""
    keep = state.problem_keeper()

    def run() -> Result:
        try:
            return make()
        except Exception as error:  # noqa: BLE001  told to the visitor, and logged
            keep(log.message(error))
            raise ExportError from None

    return run


def on_script_error(error: Exception) -> bool:
    """For `st.App`: what goes wrong in Streamlit before any code of ours runs, such as a state that no widget can have."""
    whole_page_problem(log.message(error))
    return True


class _Redacted(logging.Filter):
    """Streamlit logs what it catches itself with all its text, at each time; this makes it one of our lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is None:
            return True
        if not isinstance(error, GPTCoreError | ExportError) and not isinstance(error.__cause__, ExportError):
            log.reference(error)
        return False


def redact_streamlits_log() -> None:
    """Once a process: whatever of Streamlit logs an exception."""
    for name, logger in logging.root.manager.loggerDict.items():
        if not name.startswith("streamlit") or not isinstance(logger, logging.Logger):
            continue
        if not any(isinstance(each, _Redacted) for each in logger.filters):
            logger.addFilter(_Redacted())
