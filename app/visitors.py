"""Who asks the model for something: the session that a script runs for, and whether anybody still waits for it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from threading import current_thread, get_ident

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType

from app import state
from app.engine.queue import Visitor

# The session, and the thread, that computes what somebody will look at later (app.lessons.warming).
AHEAD = "ahead of a lesson"


@dataclass(frozen=True)
class Session:
    """A visitor's session, while a script runs for it. requests: what its next yield point will find."""

    key: Hashable
    requests: ScriptRequests

    @property
    def is_patient(self) -> bool:
        return self.key == AHEAD

    def is_gone(self) -> bool:
        """Whether the run is to end: its visitor has left, or has clicked something else. A fragment's own run ends no other."""
        asked, data = self.requests._state, self.requests._rerun_data  # there is no public way that does not take the request
        waits = bool(data.fragment_id_queue) and not data.is_fragment_scoped_rerun
        return asked is ScriptRequestType.STOP or (asked is ScriptRequestType.RERUN and not waits)

    def leave(self) -> None:
        """A yield point, at which Streamlit ends the run; in a callback, which has to go on, it does nothing."""
        state.current()


@dataclass(frozen=True)
class Thread:
    """Whoever asks outside of a session: a download, a test. It waits for its answer."""

    key: Hashable
    is_patient: bool = False

    def is_gone(self) -> bool:
        return False

    def leave(self) -> None:
        return None


def visitor() -> Visitor:
    """Who is asking."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or context.script_requests is None:
        return Thread(get_ident(), current_thread().name == AHEAD)
    return Session(context.session_id, context.script_requests)
