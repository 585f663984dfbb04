"""Whether anybody waits for what a script asks the model, by what Streamlit's next yield point would do."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

import pytest
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.testing.v1 import AppTest

from app.visitors import Session, visitor


def requests(*asked: Callable[[ScriptRequests], object]) -> ScriptRequests:
    """Of a script that runs, after these were asked of it."""
    made = ScriptRequests()
    for ask in asked:
        ask(made)
    return made


@pytest.mark.parametrize(
    "ask",
    [
        lambda _: None,
        lambda r: r.request_stop(),
        lambda r: r.request_rerun(RerunData()),
        lambda r: r.request_rerun(RerunData(fragment_id="a")),
        lambda r: r.request_rerun(RerunData(fragment_id="a", is_fragment_scoped_rerun=True)),
        lambda r: (r.request_rerun(RerunData(fragment_id="a")), r.request_rerun(RerunData())),
    ],
    ids=["nothing", "stop", "rerun", "a fragment's rerun", "from within a fragment", "both"],
)
def test_a_run_is_over_when_streamlit_would_end_it_at_its_next_yield_point(ask: Callable[[ScriptRequests], object]) -> None:
    seen = Session("a", requests(ask))
    assert seen.is_gone() is (requests(ask).on_scriptrunner_yield() is not None)


def test_outside_of_a_session_everybody_waits() -> None:
    assert not visitor().is_gone()


def waits_for_the_model() -> None:
    """A script whose page asks for something long."""
    import streamlit as st

    from tests.app.test_visitors import ask_for_something_long

    st.write("before")
    ask_for_something_long()
    st.write("after")


begun, over, ran = Event(), Event(), []


def ask_for_something_long() -> None:
    from app.engine.queue import Queue
    from app.visitors import visitor

    context = get_script_run_ctx()
    assert context is not None

    def pieces():  # type: ignore[no-untyped-def]
        for i in range(200):
            ran.append(i)
            begun.set()
            time.sleep(0.01)
            yield

    try:
        Queue().run(pieces(), visitor(), 1.0)
    finally:
        over.set()


def test_a_script_that_is_stopped_does_not_wait_for_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        begun.wait(10)
        for session in seen:
            session.requests.request_stop()

    seen: list[Session] = []
    plain = Session.__init__

    def made(self: Session, *args: object) -> None:
        plain(self, *args)  # type: ignore[arg-type]
        seen.append(self)

    monkeypatch.setattr(Session, "__init__", made)
    thread = Thread(target=stop)
    thread.start()
    at = AppTest.from_function(waits_for_the_model, default_timeout=20).run()
    thread.join(10)
    assert over.wait(10) and len(ran) < 100
    assert [element.value for element in at.markdown] == ["before"]
