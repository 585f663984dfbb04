"""Every step of a lesson is opened before the class: what its page needs is then computed, and kept as everything is.

A step is opened as a visitor would open it, by a run of the whole script in a session that has no browser; its messages are read for
what they ask and what they complain of, and are gone. The model's work waits in the queue behind everybody else's, and one step comes
after the other with a pause, since a run holds the interpreter too.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

from streamlit import runtime as streamlit_runtime
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.runtime.state import SessionState

from app import faults, log
from app.lessons.lesson_file import Lesson
from app.lessons.places import missing_model, page_of, place_of
from app.recent import MB, Recent
from app.shell.navigation import PAGES
from app.visitors import AHEAD
from gptcore.errors import GPTCoreError

ENTRY = Path(__file__).resolve().parents[1] / "entry.py"
PAUSE = 0.15  # seconds at least between two steps, for those whose runs want the interpreter,
REST, LONGEST_REST = 2.0, 2.0  # and times as long as the step took, up to so many seconds
SECONDS_A_STEP = 300.0  # at most: behind a class that steps without end it would wait for ever
MOST_KEPT = 20  # lessons whose progress is remembered
_HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_OVER = {
    ScriptRunnerEvent.SCRIPT_STOPPED_WITH_SUCCESS,
    ScriptRunnerEvent.SCRIPT_STOPPED_WITH_COMPILE_ERROR,
}
_questions: Recent[str] = Recent(MB)  # link of a step -> the question that its page asks


@dataclass
class Seen:
    """What a page showed. question: its title, "" where none was drawn; complaints: errors, and messages about the link; address: the
    parameters that it wrote into the address bar in the end."""

    question: str = ""
    complaints: list[str] = field(default_factory=list)
    address: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Warming:
    """How far a lesson is. done: steps that were opened, of `total`; complaints: (step from 0, what its page said)."""

    total: int
    done: int = 0
    complaints: list[tuple[int, str]] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.done >= self.total or self.stopped.is_set()


class Warmer:
    """Opens the steps of the lessons that were asked for, one lesson after the other.

    visit(page, query): opens a page as a visitor with this link and says what was seen.
    """

    def __init__(self, visit: Callable[[str, Mapping[str, str]], Seen]) -> None:
        self._visit = visit
        self._lock = Lock()
        self._asked: OrderedDict[str, Warming] = OrderedDict()  # by the lesson's source
        self._waiting: list[tuple[Lesson, Warming]] = []
        self._thread: Thread | None = None

    def start(self, lesson: Lesson) -> Warming:
        """Begin; one that is under way, or done, is not begun again."""
        with self._lock:
            if (found := self._asked.get(lesson.source)) is not None and not found.stopped.is_set():
                return found
            made = Warming(len(lesson.steps))
            if len(self._asked) >= MOST_KEPT:  # one that is done makes room, or the oldest
                oldest = next((source for source, each in self._asked.items() if each.is_over), next(iter(self._asked)))
                self._asked.pop(oldest).stopped.set()
            self._asked[lesson.source] = made
            self._waiting = [*(each for each in self._waiting if not each[1].stopped.is_set()), (lesson, made)]
            if self._thread is None:
                self._thread = Thread(target=self._work, name=AHEAD, daemon=True)
                self._thread.start()
            return made

    def of(self, lesson: Lesson) -> Warming | None:
        """How far this lesson is, None if it was never begun."""
        with self._lock:
            return self._asked.get(lesson.source)

    def stop(self, lesson: Lesson) -> None:
        """What is left stays as it is: it is computed when somebody looks at it."""
        if found := self.of(lesson):
            found.stopped.set()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                lesson, warming = self._waiting.pop(0)
            for at in range(warming.total):
                if warming.stopped.is_set():
                    break
                began = time.monotonic()
                warming.complaints += [(at, said) for said in self._open(lesson, at)]
                warming.done = at + 1
                took = time.monotonic() - began
                warming.stopped.wait(max(PAUSE, min(REST * took, LONGEST_REST)))

    def _open(self, lesson: Lesson, at: int) -> list[str]:
        step = page_of(lesson, at)
        if said := missing_model(step):
            return [said]
        try:
            seen = self._visit(step.page, wanted := place_of(step))
        except GPTCoreError as error:  # the beat's text does not fit the model of the link
            return [str(error)]
        except Exception as error:  # noqa: BLE001  told to the teacher, and logged; the other steps are opened all the same
            return [log.message(error)]
        if seen.question:
            _questions.keep(step.link, seen.question)
        return [*seen.complaints, *not_taken(wanted, seen.address)]


def not_taken(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What a page did not take of its link, such as a layer that the model has not, and shows as something else."""
    return [
        f"The link says {name}={value[:40]}, and the page shows {found[name][:40] if name in found else 'the default'} in its place."
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def question_of(link: str) -> str:
    """What the page of this link asks, "" where it was never opened."""
    return _questions.find(link) or ""


def visit(page: str, query: Mapping[str, str]) -> Seen:
    """Open a page as a visitor with this link does. Raises TimeoutError where it takes too long."""
    seen, over = Seen(), Event()
    loop, cache = asyncio.new_event_loop(), ScriptCache()
    first = PAGES[0].file
    wanted = RerunData(query_string=urlencode(query), page_name="" if page == first else page)
    runner = ScriptRunner(
        AHEAD, str(ENTRY), SessionState(), MemoryUploadedFileManager("/none"), cache, wanted, {}, MemoryFragmentStorage(),
        PagesManager(str(ENTRY), cache), loop, faults.on_script_error,
    )  # fmt: skip

    def heard(sender: ScriptRunner | None, event: ScriptRunnerEvent, **more: Any) -> None:
        if event is ScriptRunnerEvent.ENQUEUE_FORWARD_MSG:
            _read(seen, more["forward_msg"])
        elif event in _OVER:
            runner.request_stop()
        elif event is ScriptRunnerEvent.SHUTDOWN:
            if (state := more["client_state"]) is not None:
                seen.address = dict(parse_qsl(state.query_string, keep_blank_values=True))
            over.set()

    runner.on_event.connect(heard, weak=False)
    runner.start()
    ended = over.wait(SECONDS_A_STEP)
    if not ended:
        runner.request_stop()
        over.wait()
    loop.close()
    if streamlit_runtime.exists():  # pictures that the page offered
        files = streamlit_runtime.get_instance().media_file_mgr
        files.clear_session_refs(AHEAD)
        files.remove_orphaned_files()
    if not ended:
        raise TimeoutError(page)
    return seen


def _read(seen: Seen, message: ForwardMsg) -> None:
    if message.WhichOneof("type") != "delta" or message.delta.WhichOneof("type") != "new_element":
        return
    element = message.delta.new_element
    kind = element.WhichOneof("type")
    if kind == "html" and (found := _HEADING.search(element.html.body)):
        seen.question = unescape(re.sub(r"<[^>]*>", "", found.group(1))).strip()
    elif kind == "alert" and element.alert.format == Alert.Format.ERROR:
        seen.complaints.append(_plain(element.alert.body))
    elif kind == "exception":
        seen.complaints.append(_plain(element.exception.message))
    elif kind == "toast":
        seen.complaints.append(_plain(element.toast.body))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


WARMER = Warmer(visit)
