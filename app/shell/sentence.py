"""The sentence bar of every page: the text with its cursor, the way to edit it, and the next token."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import choices, faults, guesses, interventions, log, messages, offered, pinned, run_loop, runtime, sequence, state, ui
from app.components.timeline import timeline
from app.shell import exchanging
from app.texts import PUBLISHED, START, TEXTS
from app.view import View
from app.writing import markup
from app.writing.numbers import in_bytes, significant
from gptcore.errors import GPTCoreError

SETTINGS = {"temperature": "temperature", "top_k": "top-k", "top_p": "top-p", "min_p": "min-p"}  # of a view -> as it is called
MENU_REASON = 60  # characters of why a model cannot be used
PRESETS: dict[str, str] = {
    **{text: text for text in (START, *PUBLISHED)},
    "One way to go on": TEXTS["preset_sure"],
    "Many ways to go on": TEXTS["preset_open"],
    "Somebody speaks": TEXTS["preset_spoken"],
    "Said twice": TEXTS["said_twice"],
}


def draw() -> None:
    """The whole bar. What fails in one part leaves the others usable, so that it can be mended there."""
    with st.container(horizontal=True, vertical_alignment="center", key="sentence"):
        full = _guarded(_text) is not False
        _intervention()
        _settings()
        with ui.drawer("Edit text", icon=":material/edit:", key="edit_text") as is_open:
            for part in (_prompt, _length, _exchange, _model) if is_open else ():
                _guarded(part)
        st.button(
            "Next token", type="primary", key="next_token_button", disabled=full,
            on_click=state.guarded(run_loop.next_token), help="Show or append the token that the model chooses",
        )  # fmt: skip
    if offered.is_ready(state.current().model):
        _guarded(exchanging.draw)


def _exchange() -> None:
    if offered.is_ready(state.current().model):
        exchanging.button()
        st.button("Pin this as A, to compare", icon=":material/keep:", key="pin_here", on_click=state.guarded(_pin))


def _pin() -> None:
    pinned.pin(runtime.here())


def _intervention() -> None:
    """What is off or patched, on every page while it is so, and the way back."""
    if (found := state.current().intervention) is not None:
        st.button(
            f"{interventions.summary(found)} · on again", icon=":material/toggle_off:", key="intervention_chip",
            on_click=state.guarded(state.update), kwargs={"intervention": None}, help=interventions.explanation(found),
        )  # fmt: skip


def _settings() -> None:
    """Settings of the choice that are not the usual ones, wherever they are not in view themselves, and the way back to those."""
    shown = state.remembered("page", "")
    in_view = shown == choices.SAMPLING_PART.name or (shown == guesses.PART.name and state.chosen(guesses.PART) == "choice")
    now, usual = state.current(), View()
    if in_view or not (changed := [name for name in SETTINGS if getattr(now, name) != getattr(usual, name)]):
        return
    st.button(
        f"{', '.join(_setting(name, now) for name in changed)} · as usual again", icon=":material/tune:", key="settings_chip",
        on_click=state.guarded(state.update), kwargs={name: getattr(usual, name) for name in SETTINGS},
        help=f"The next token is not drawn as usual, which is with {_setting('temperature', usual)} and {_setting('top_k', usual)}.",
    )  # fmt: skip


def _setting(name: str, view: View) -> str:
    value = getattr(view, name)
    return f"no {SETTINGS[name]}" if value is None else f"{SETTINGS[name]} {significant(value)}"


def _guarded(part: Callable[[], bool | None]) -> bool | None:
    """What a part gives back; None where it failed, and said so in its place."""
    try:
        return part()
    except GPTCoreError:
        if part is _text:  # the page says what is wrong
            st.caption("The text comes back with a prompt that fits; see the message below.")
    except Exception as error:  # noqa: BLE001  told to the visitor, and logged
        faults.problem(log.message(error))
    return None


def _model() -> None:
    st.selectbox("Model", offered.names(), format_func=_model_label, **state.widget("model", read=offered.named))


def _model_label(name: str) -> str:
    found, seen = offered.find(name), offered.availability(name)
    title = found.title if found else name
    if seen.state == "broken":
        return f"{title} (cannot be used: {_short(seen.reason)})"
    return title if seen.state == "ready" else f"{title} (download{_size(name)})"


def _short(reason: str) -> str:
    """The beginning of a reason, as long as a menu has room for."""
    first = reason.split("; ")[0].split(": ")[0].rstrip(".")
    return first if len(first) <= MENU_REASON else f"{first[:MENU_REASON]}…"


def _size(name: str) -> str:
    found = offered.find(name)
    return f", {in_bytes(found.download_bytes)}" if found and found.download_bytes else ""


def _download_progress(name: str) -> None:
    under_way = runtime.downloads().progress(name)
    if under_way is None:
        st.rerun()
        return
    done, total = under_way
    st.progress(done / total if total else 0.0, f"{in_bytes(done)} of {in_bytes(total)}" if total else "Asking the hub …")


def download(name: str) -> None:
    """What stands in the page's place while its model is not on this machine: the button, the progress, what went wrong."""
    if runtime.downloads().progress(name) is not None:
        faults.fragment(_download_progress, run_every=0.5)(name)
        return
    if error := runtime.downloads().error(name):
        st.error(markup.escape_markdown(error), icon=":material/cloud_off:")
    st.button(
        f"Download{_size(name)}", icon=":material/download:", on_click=state.guarded(runtime.downloads().start), args=(name,)
    )


def _example(said: object) -> str | None:
    name: str | None = messages.one_of(said, PRESETS)
    return name


def _prompt() -> None:
    st.text_area(
        "Prompt",
        height=92,
        max_chars=state.MAX_PROMPT_CHARACTERS,
        help="Press Ctrl and Enter, or leave the field, to take a new prompt.",
        **state.widget("prompt"),
    )
    st.caption("The model continues this text. It was not trained to answer questions, as ChatGPT was.")
    st.selectbox(
        "Examples",
        PRESETS,
        index=None,
        placeholder="Choose an example …",
        label_visibility="collapsed",
        **state.one_shot("preset", _example, lambda name: state.update(prompt=PRESETS[name])),
    )


def _text() -> bool:
    """The text with its cursor; whether nothing can be appended to it."""
    name = state.current().model
    if (seen := offered.availability(name)).state != "ready":
        wanted = "can be used" if seen.state == "broken" else "is on this machine"
        st.caption(f"The text stands here once {markup.escape_markdown(name)} {wanted}.")
        return True
    here = runtime.here()
    chips = sequence.timeline_chips(here, guessing=guesses.is_open(here))
    timeline(chips, key="sentence_text", position=here.position, on_pick=run_loop.go_to, prose=True)
    return here.is_full and here.is_newest


def _length() -> None:
    """How long the text is, and how long it may be."""
    if not offered.is_ready(state.current().model):
        return
    here = runtime.here()
    start = ""
    if here.sequence.started_empty:
        token = markup.escape_markdown(here.tokens[0])
        start = f". The prompt is empty, so the start token {token} was put in."
    st.caption(f"{len(here.ids)} of at most {here.config.context_length:,} tokens{start}")
