"""The one module that touches st.session_state and st.query_params: what a visitor is looking at, and its URL.

Two kinds of state. Run (model, prompt, chosen tokens) decides what is computed. Focus (position, layer, head, sampling
settings) only decides what is drawn. All of it is small and plain, and all of it fits in a URL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from types import MappingProxyType
from typing import Any, ParamSpec

import streamlit as st

from app import choices, link_ids, log, messages
from app.choices import Choice, Value
from app.view import DEFAULT_MODEL as DEFAULT_MODEL
from app.view import DEFAULT_PROMPT as DEFAULT_PROMPT
from app.view import EXAMPLES, READ, has_ids, outlives, without_branches, without_ids, write
from app.view import MAX_PROMPT_CHARACTERS as MAX_PROMPT_CHARACTERS
from app.view import View as View
from app.view import address as address
from app.view import from_query as from_query
from app.view import to_query as to_query
from gptcore.random_numbers import MAX_SEED as MAX_SEED  # pages and widgets ask for it here

Arguments = ParamSpec("Arguments")

MOST_MESSAGES = 5  # that wait to be said
PUBLISHED_EVERY = 0.9  # seconds, while a run goes on


def current() -> View:
    """What this visitor is looking at; read from the URL on the first run of a session."""
    if "view" not in st.session_state:
        restore(st.query_params.to_dict())
        remember("came_by_link", bool(st.query_params.to_dict()))
    view: View = st.session_state["view"]
    return view


def update(**changes: Any) -> View:
    """Change some fields. Another model or prompt drops the chosen tokens, since they continued something else."""
    before = current()
    view = replace(before, **changes)
    if (view.model, view.prompt) != (before.model, before.prompt):
        if before.chosen and "chosen" not in changes:
            what = "model" if view.model != before.model else "prompt"
            notify(f"New {what}: the {len(before.chosen)} chosen tokens were dropped, since they continued something else.")
        mark = before.vocabulary if view.model == before.model else ""
        view = replace(view, chosen=changes.get("chosen", ()), position=None, vocabulary=mark)
        if "intervention" not in changes and not outlives(before.intervention, before, view):
            view = replace(view, intervention=None)
            notify("What was switched off or patched is on again: it belonged to the model and the text from before.")
        view = without_branches(view)
    if len(view.prompt) > MAX_PROMPT_CHARACTERS:
        notify(
            f"The prompt has {len(view.prompt):,} characters; the limit is {MAX_PROMPT_CHARACTERS:,}. It was not taken: shorten it."
        )
        return before
    st.session_state["view"] = view
    return view


def take_branch(chosen: tuple[int, ...]) -> None:
    """Go on with these tokens after the prompt. What is left by that, unless they begin with it, stays in the list of branches."""
    before = current().chosen
    kept = [branch for branch in branches() if branch != chosen[: len(branch)]]
    if before != chosen[: len(before)]:
        kept.append(before)
    update(chosen=chosen, position=None)
    keep_branches(tuple(kept))


def branches() -> tuple[tuple[int, ...], ...]:
    """What was written after this prompt and left for something else, the latest last."""
    return chosen(choices.BRANCHES)


def keep_branches(texts: tuple[tuple[int, ...], ...]) -> None:
    """These are the branches; of many the latest, and as many of them as a link can carry."""
    kept = texts[-link_ids.MOST_TEXTS :]
    while not choices.fits(choices.BRANCHES.name, kept):
        kept = kept[1:]
    take(choices.BRANCHES, kept)


def rename_model(name: str) -> None:
    """The same model by another name: nothing else changes."""
    st.session_state["view"] = replace(current(), model=name)


def settle_vocabulary(mark: str) -> None:
    """The model has the vocabulary with this mark. Chosen tokens of another one are dropped, and a message says so."""
    view = current()
    if view.vocabulary == mark:
        return
    if has_ids(view) and view.vocabulary:
        what = f"{len(view.chosen)} chosen tokens" if view.chosen else "patch"
        said = f"The link's {what} belonged to an earlier version of {view.model}, with another vocabulary"
        notify(f"{said}, and {'were' if view.chosen else 'was'} dropped; prompt and settings are the link's.")
        view = without_ids(view)
    st.session_state["view"] = replace(view, vocabulary=mark)


def drop_chosen() -> None:
    """Back to the prompt alone, for tokens that this model cannot take."""
    update(chosen=(), position=None)


def drop_choices() -> None:
    """Every page as it is before anything was chosen on it."""
    update(choices=MappingProxyType({}))


def publish() -> None:
    """Write the view into the address bar. Called by the entry script: what a page writes goes with the page.

    While a run of tokens goes on, about once a second: browsers count how often an address is changed.
    """
    if remembered("remaining", 0) and time.monotonic() - float(remembered("published", 0.0)) < PUBLISHED_EVERY:
        return
    query, _ = address(current())
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    remember("published", time.monotonic())


def restore(query: Mapping[str, str]) -> None:
    """Look at what an address says: a session begins, or the visitor went back to it."""
    view = from_query(query)
    if query.get("intervention") and view.intervention is None:
        notify("The link says in junk what is switched off or patched; nothing is, and the rest of the link is as it says.")
    st.session_state["view"] = view


def guarded(callback: Callable[Arguments, object]) -> Callable[Arguments, None]:
    """A callback whose errors are kept until the next run says them. Without, Streamlit would give up the whole run for them."""

    @wraps(callback)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  told to the visitor, and logged
            keep_problem(log.message(error))

    return run


def _said(key: str) -> Any:
    """What the browser said of the widget under `key`; None for what is so far from a value that Streamlit cannot read it."""
    try:
        return st.session_state[key]
    except (AttributeError, KeyError, IndexError, OverflowError, TypeError, ValueError):
        return None


def _is_offered(
    value: Any, example: Any, read: Callable[[str], Any], write: Callable[[Any], str], upper: float | None = None
) -> bool:
    """Whether a value from a browser is one that an honest page sends: of the type of `example`, and what a link may say; of texts,
    links take short ones only."""
    if isinstance(example, str) and messages.text(value) is not None and len(value) > choices.LONGEST_IN_LINK:
        return True
    if value is not None and example is not None and not messages.resembles(value, example):
        return False
    try:
        found = read(write(value))
        return (found is None) == (value is None) and (upper is None or value is None or value <= upper)
    except (AttributeError, OverflowError, TypeError, ValueError):
        return False


def widget(name: str, upper: int | None = None, read: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
    """Arguments that tie a Streamlit widget to a field of the view: `st.slider("Layer", 0, 11, **state.widget("layer", 11))`.

    upper: the largest value the widget takes; a larger one in the view is shown as that. read: what the browser said -> value, None
    for what is none and changes nothing.
    """
    key = f"widget_{name}"
    value = getattr(current(), name)
    st.session_state[key] = min(value, upper) if upper is not None and value is not None else value

    def changed() -> None:
        value = read(_said(key))
        if value is not None and _is_offered(value, EXAMPLES[name], READ[name], lambda each: write(name, each), upper):
            update(**{name: value})

    return {"key": key, "on_change": guarded(changed)}


def chosen(choice: Choice[Value]) -> Value:
    """What the visitor chose on a page, or the default."""
    value: Value = current().choices.get(choice.name, choice.default)
    return value


def take(choice: Choice[Value], value: Value) -> None:
    """Choose something on a page."""
    others = {name: kept for name, kept in current().choices.items() if name != choice.name}
    update(choices=MappingProxyType(others if value == choice.default else {**others, choice.name: value}))


def choice(choice: Choice[Any], among: Sequence[Any] | None = None, upper: float | None = None) -> dict[str, Any]:
    """Arguments that tie a Streamlit widget to a choice of its page: `st.toggle("Hide", **state.choice(choices.HIDE_FIRST))`.

    among: what the widget offers now; anything else is shown as the default (or, where that is not offered either, as the first).
    upper: the largest value that the widget takes now.
    """
    key = f"widget_choice_{choice.name}"
    value = chosen(choice)
    if among is not None and value not in among:
        value = choice.default if choice.default in among else among[0]
    st.session_state[key] = value if upper is None else min(value, upper)

    def changed() -> None:
        value = _said(key)
        offered = among is None or any(type(each) is type(value) and each == value for each in among)
        if offered and _is_offered(value, choice.default, choice.read, choice.write, upper):
            take(choice, value)
        publish()  # at once, since a fragment runs without the entry

    return {"key": key, "on_change": guarded(changed)}


def held(key: str, value: Any, take_over: Callable[[Any], object]) -> dict[str, Any]:
    """Arguments for a widget that shows `value`; take_over(what the browser said) looks at it and acts before anything is drawn."""
    st.session_state[key] = value
    return {"key": key, "on_change": guarded(lambda: take_over(_said(key)))}


def fold(name: str) -> dict[str, Any]:
    """Arguments that tie an expander to whether the part of this name is unfolded: `st.expander("Words", **state.fold("words"))`."""
    key = f"widget_fold_{name}"
    st.session_state[key] = name in chosen(choices.OPEN_FOLDS)

    def changed() -> None:
        if isinstance(wanted := _said(key), bool):
            others = [each for each in chosen(choices.OPEN_FOLDS) if each != name]
            take(choices.OPEN_FOLDS, [*others, name] if wanted else others)

    return {"key": key, "on_change": guarded(changed)}


def editor(
    choice: Choice[Value], edit: Callable[[Value, Mapping[int, Mapping[str, Any]]], Value]
) -> tuple[Value, dict[str, Any]]:
    """What to hand to `st.data_editor`, and the arguments that tie it to a choice of its page.

    edit: value, edits (row -> column -> what stands there now) -> value.
    The editor keeps its edits as differences from what it was handed. So it is handed the same from when it comes to the screen
    until it leaves: nothing changes under what is being typed. The page says its address by itself (app.components.address_line).
    """
    key = f"widget_choice_{choice.name}"
    if key not in st.session_state:
        remember(key, chosen(choice))
    handed: Value = remembered(key, choice.default)

    def changed() -> None:
        # Not published at once, as elsewhere in a fragment: a new address draws the page again, and what is being typed is lost.
        rows = messages.record(_said(key)).get("edited_rows")
        edits = {row: messages.record(cells) for row, cells in rows.items() if type(row) is int} if isinstance(rows, dict) else {}
        value = edit(handed, edits)
        if _is_offered(value, choice.default, choice.read, choice.write):
            take(choice, value)

    return handed, {"key": key, "on_change": guarded(changed)}


def remembered_widget(name: str, default: Any, among: Collection[Any]) -> dict[str, Any]:
    """Arguments that tie a Streamlit widget to something small that a link need not restore; `remembered` gives it back.

    among: what the widget offers.
    """
    key = f"widget_remembered_{name}"
    st.session_state[key] = remembered(name, default)

    def changed() -> None:
        if (value := messages.one_of(_said(key), among)) is not None:
            remember(name, value)

    return {"key": key, "on_change": guarded(changed)}


def one_shot(
    name: str, read: Callable[[Any], Value | None], on_value: Callable[[Value], object], empty: Any = None
) -> dict[str, Any]:
    """Arguments for a widget that is acted on once and then empty again, so that it never overrules what comes after.

    read: what the browser said -> value, None for what is none; empty: what the widget takes for nothing.
    """
    key = f"widget_once_{name}"

    def changed() -> None:
        value = read(_said(key))
        st.session_state[key] = empty
        if value is not None:
            on_value(value)

    return {"key": key, "on_change": guarded(changed)}


def notify(message: str) -> None:
    """Keep a message until the next run shows it."""
    kept: list[str] = st.session_state.setdefault("messages", [])
    if len(kept) < MOST_MESSAGES and message not in kept:
        kept.append(message)


def take_messages() -> list[str]:
    """The messages kept since the last run, which are then gone."""
    messages: list[str] = st.session_state.pop("messages", [])
    return messages


def keep_problem(message: str) -> None:
    """Keep what went wrong until the next run says it."""
    problem_keeper()(message)


def problem_keeper() -> Callable[[str], None]:
    """As `keep_problem`, for a time when nothing tells whose session it is."""
    kept: list[str] = st.session_state.setdefault("problems", [])
    return lambda message: kept.append(message) if len(kept) < MOST_MESSAGES and message not in kept else None


def take_problems() -> list[str]:
    """What went wrong since the last run that said it."""
    kept: list[str] = st.session_state.setdefault("problems", [])
    taken = kept.copy()
    kept.clear()
    return taken


def remembered(name: str, default: Any) -> Any:
    """Something small that a link need not restore (how fast a run goes, which detail is open)."""
    return st.session_state.get(f"remembered_{name}", default)


def remember(name: str, value: Any) -> None:
    """Keep what `remembered` gives back."""
    st.session_state[f"remembered_{name}"] = value


def component_value(key: str, name: str) -> Any:
    """What the component mounted under `key` last said of `name`, which `app.messages` looks at; None if nothing."""
    return getattr(_said(key), name, None)
