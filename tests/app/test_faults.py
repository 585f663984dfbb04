"""What goes wrong becomes a message where it happens: in a callback, a fragment, a page, the side panel, a download."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.error_util import _LOGGER as STREAMLITS_LOGGER
from streamlit.testing.v1 import AppTest

from app import faults, log, run_loop, state, ui
from app.shell import sentence
from gptcore.errors import SamplingError
from tests.pages.visit_page import open_page, printed

SECRET = "what the visitor typed"
TOO_LONG = "a" * 65  # tokens; the tiny model takes 64


def fails(*_: Any, **__: Any) -> None:
    raise KeyError(SECRET)


def refuses(*_: Any, **__: Any) -> None:
    raise SamplingError("The temperature is 9; choose 0 to 5.")


def messages(at: AppTest) -> list[str]:
    return [element.value.replace("\\", "") for kind in (at.error, at.toast) for element in kind]


def one_reference(at: AppTest, lines: list[str]) -> None:
    """The page says one reference, and the log says it on one line, without anything of the visitor's."""
    (said,) = messages(at)
    (line,) = lines
    found = line.split(":")[0].removeprefix("Fault ")
    assert found in said and "KeyError" in line and "tests/app/test_faults.py" in line
    assert SECRET not in said + line and "\n" not in line
    assert not at.exception


@pytest.mark.parametrize("button", ["Next token", "Run 50", "Back", "Start over"])
def test_an_over_long_prompt_and_a_click_in_one_go_keep_the_text_and_say_the_limit(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, button: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", prompt="a b c", chosen="5.6")
    # The text first and then the click, in one message of the browser's: a test's own would have them the other way round.
    at.session_state["view"] = replace(at.session_state["view"], prompt=TOO_LONG, chosen=())
    next(each for each in at.button if each.label == button).click()
    at.run()
    assert not at.exception
    assert [("64" in said, "65" in said) for said in messages(at) if "context" in said] == [(True, True)]  # once
    assert at.text_area(key="widget_prompt").value == TOO_LONG
    at.text_area(key="widget_prompt").set_value("a b").run()
    assert not at.exception and not at.error and "Which token comes next?" in printed(at)


@pytest.mark.parametrize(("wrong", "logs"), [(fails, True), (refuses, False)])
def test_an_error_in_a_callback_is_said_and_the_page_is_drawn(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, faults_logged: list[str], wrong: Callable[[], None], logs: bool
) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", prompt="a b c")
    monkeypatch.setattr(run_loop, "step", wrong)
    at.run()
    at.text_area(key="widget_prompt").set_value("a b c d")
    next(each for each in at.button if each.label == "Next token").click()
    at.run()
    if logs:
        one_reference(at, faults_logged)
    else:
        assert messages(at) == ["The temperature is 9; choose 0 to 5."] and not faults_logged
    assert at.text_area(key="widget_prompt").value == "a b c d" and "Which token comes next?" in printed(at)
    assert at.run() and not messages(at)  # said once


def test_an_error_in_the_callback_of_a_setting_or_a_component_is_caught_where_it_is_tied(faults_logged: list[str]) -> None:
    def app() -> None:
        from app import choices, state
        from app.components import component
        from tests.app.test_faults import fails

        state.update = fails  # what every tied widget calls
        tied = [
            state.widget("layer"), state.choice(choices.HIDE_FIRST), state.remembered_widget("x", 1, [1]), state.one_shot("y", int, fails),
            state.editor(choices.CLASSROOM_MARKS, fails)[1],
        ]  # fmt: skip
        import streamlit as st

        for each, said in zip(tied, (1, True, 1, 1, {"edited_rows": {}}), strict=True):
            st.session_state[each["key"]] = said
            each["on_change"]()
        component("rail")(key="r", data=b"", on_select_change=fails)

    before = state.update
    try:
        at = AppTest.from_function(app, default_timeout=60).run()
    finally:
        state.update = before
    assert not at.exception
    assert len(faults_logged) >= 4


def test_an_error_in_a_fragment_is_said_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, faults_logged: list[str]
) -> None:
    at = open_page(monkeypatch, tiny_folder, "layer_norm", layer_norm="classroom")
    monkeypatch.setattr(state, "editor", fails)
    at.run()
    one_reference(at, faults_logged)
    assert at.text_area(key="widget_prompt").value == "Once upon a time" and at.radio  # the page around it is there


def test_an_error_of_the_page_leaves_the_side_panel_and_the_menu(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, faults_logged: list[str]
) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="a b", hide_first="1", chosen="5")
    monkeypatch.setattr(ui, "question", fails)
    at.run()
    one_reference(at, faults_logged)
    assert at.text_area(key="widget_prompt").value == "a b"
    assert {each.label for each in at.button} >= {"Start over from the prompt", "Set all pages back to their first view"}
    monkeypatch.undo()
    monkeypatch.setenv("GLASS_MODELS", str(tiny_folder))
    next(each for each in at.button if each.label.startswith("Set all pages")).click().run()
    assert not at.error and "hide_first" not in at.query_params


def test_an_error_in_one_part_of_the_side_panel_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, faults_logged: list[str]
) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention")
    monkeypatch.setattr(sentence, "_text", fails)
    at.run()
    one_reference(at, faults_logged)
    assert at.text_area(key="widget_prompt").value and at.radio  # the beats


def test_a_download_that_fails_is_logged_and_said_by_the_next_run(faults_logged: list[str]) -> None:
    def app() -> None:
        import streamlit as st

        from app import faults
        from tests.app.test_faults import fails

        with faults.told():
            st.session_state.setdefault("made", faults.export(fails))

    at = AppTest.from_function(app, default_timeout=60).run()
    with pytest.raises(faults.ExportError):
        at.session_state["made"]()
    one_reference(at.run(), faults_logged)
    assert not messages(at.run())


def test_the_same_fault_is_logged_once_and_counted(faults_logged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(log.time, "monotonic", lambda: now)

    def references(n: int) -> set[str]:
        found = set()
        for _ in range(n):
            try:
                fails()
            except KeyError as error:
                found.add(log.reference(error))
        return found

    assert len(references(1000)) == 1 and len(faults_logged) == 1
    now += log.EVERY + 1
    references(1)
    assert len(faults_logged) == 2 and faults_logged[1].endswith("(1,000 times since it was last logged)")


def test_a_line_of_the_log_is_one_line_of_bounded_length(faults_logged: list[str]) -> None:
    log.say("long", "a\nb " * 1000)
    (line,) = faults_logged
    assert "\n" not in line and len(line) <= log.LONGEST


def test_what_streamlit_catches_itself_is_logged_as_one_redacted_line(
    faults_logged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    faults.redact_streamlits_log()
    for _ in range(3):
        try:
            fails()
        except KeyError as error:
            STREAMLITS_LOGGER.error("Uncaught app execution", exc_info=error)
    STREAMLITS_LOGGER.log(logging.ERROR, "without an error it stays")
    assert len(faults_logged) == 1 and SECRET not in faults_logged[0]
    written = "".join(capfd.readouterr())
    assert SECRET not in written and "Traceback" not in written
