"""The queue in front of the model: whose turn it is, what comes back, and that it goes on whatever happens."""

from __future__ import annotations

import time
from collections.abc import Generator
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from app.engine.queue import LITTLE, Queue
from app.visitors import Thread as Asker


class Line:
    """A queue whose thread is held until all jobs of a test are in it; `order` is what then ran, piece by piece."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._queue, self._held, self._begun = Queue(), Event(), Event()
        self._threads = [Thread(target=self._queue.run, args=(self._hold(), Asker("nobody"), 0.0))]
        self._threads[0].start()
        self._begun.wait(10)

    def _hold(self) -> Generator[None, None, None]:
        self._begun.set()
        self._held.wait(10)
        return
        yield

    def _named(self, name: str, pieces: int) -> Generator[None, None, str]:
        for _ in range(pieces - 1):
            self.order.append(name)
            yield
        self.order.append(name)
        return name

    def join(self, name: str, visitor: str, work: float, pieces: int = 1, is_patient: bool = False) -> None:
        """A job joins the line, after those before."""
        before = len(self._queue.waiting)
        thread = Thread(target=self._queue.run, args=(self._named(name, pieces), Asker(visitor, is_patient), work))
        thread.start()
        self._threads.append(thread)
        while len(self._queue.waiting) == before:
            thread.join(0.001)

    def go(self) -> list[str]:
        self._held.set()
        for thread in self._threads:
            thread.join(10)
        return self.order


def job(function: Any) -> Generator[None, None, Any]:
    return function()
    yield


def test_what_a_job_returns_comes_back_and_an_error_too_and_the_queue_goes_on() -> None:
    queue = Queue()
    assert queue.run(job(lambda: 3), Asker("a"), 0.1) == 3
    with pytest.raises(ZeroDivisionError):
        queue.run(job(lambda: 1 / 0), Asker("a"), 0.1)
    with pytest.raises(KeyboardInterrupt):  # not even what is no Exception ends it
        queue.run(job(lambda: (_ for _ in ()).throw(KeyboardInterrupt())), Asker("a"), 0.1)
    assert queue.run(job(lambda: "next"), Asker("a"), 0.1) == "next"


def test_all_jobs_run_in_one_thread_of_its_own_which_was_prepared_once() -> None:
    prepared: list[Thread] = []
    queue = Queue(lambda: prepared.append(current_thread()))
    seen = {queue.run(job(current_thread), Asker(visitor), 0.1) for visitor in "abc"}
    assert seen == set(prepared) and len(prepared) == 1 and current_thread() not in seen


def test_jobs_of_equal_work_come_in_their_order() -> None:
    line = Line()
    for name in "abc":
        line.join(name, name, 1.0)
    assert line.go() == list("abc")


def test_little_work_passes_the_long_jobs_of_others_however_many_these_are() -> None:
    line = Line()
    for i in range(20):
        line.join(f"long {i}", f"flood {i}", 1.0)
    line.join("step", "other", 0.01)
    assert line.go()[0] == "step"


def test_who_is_patient_lets_everybody_go_first_short_and_long() -> None:
    line = Line()
    for name in ("ahead", "more ahead"):
        line.join(name, "patient", 0.01, is_patient=True)
    line.join("long", "flood", 1.0, pieces=2)
    line.join("step", "other", 0.01)
    assert line.go() == ["step", "long", "long", "ahead", "more ahead"]


def test_long_jobs_do_not_take_turns_with_each_other() -> None:
    line = Line()
    line.join("a", "a", 1.0, pieces=3)
    line.join("b", "b", 1.0, pieces=3)
    assert line.go() == ["a"] * 3 + ["b"] * 3


def test_a_step_comes_between_the_pieces_of_a_long_job() -> None:
    queue, order, begun = Queue(), [], Event()

    def long() -> Generator[None, None, None]:
        for i in range(3):
            order.append(f"piece {i}")
            begun.set()
            while i == 0 and not queue.waiting:  # until the step is there
                time.sleep(0.001)
            yield

    thread = Thread(target=queue.run, args=(long(), Asker("flood"), 1.0))
    thread.start()
    begun.wait(10)
    queue.run(job(lambda: order.append("step")), Asker("other"), 0.01)
    thread.join(10)
    assert order == ["piece 0", "step", "piece 1", "piece 2"]


@pytest.mark.parametrize("work", [LITTLE / 2, 10 * LITTLE])
def test_who_asks_for_many_jobs_comes_in_turns_with_who_asks_for_one(work: float) -> None:
    line = Line()
    for i in range(10):
        line.join(f"many {i}", "greedy", work)
    line.join("one", "modest", work)
    assert line.go().index("one") <= 1


def test_long_jobs_go_on_beside_any_number_of_short_ones() -> None:
    queue, order, stop = Queue(), [], Event()

    def busy(name: str) -> Generator[None, None, None]:
        until = time.thread_time() + LITTLE / 3
        while time.thread_time() < until:
            pass
        order.append(name)
        return
        yield

    def steps(visitor: str) -> None:
        while not stop.is_set():
            queue.run(busy("step"), Asker(visitor), LITTLE / 3)

    threads = [Thread(target=steps, args=(visitor,)) for visitor in "abc"]
    for thread in threads:
        thread.start()
    queue.run(busy("long"), Asker("long"), 1.0)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert 12 <= order.index("long") <= 40  # 15 of a third each have worked five times as long as one LITTLE


class Leaver:
    """A visitor who leaves at some time; `ends` says whether that ends what asks for the job."""

    def __init__(self, ends: bool = True) -> None:
        self.key, self.is_patient, self.gone, self.ends = "leaver", False, False, ends

    def is_gone(self) -> bool:
        return self.gone

    def leave(self) -> None:
        if self.ends:
            raise EOFError


@pytest.mark.parametrize("ends", [True, False])
def test_a_job_whose_visitor_has_left_is_not_run_on_unless_they_must_have_it(ends: bool) -> None:
    queue, ran, visitor, begun = Queue(), [], Leaver(ends), Event()

    def pieces() -> Generator[None, None, str]:
        for i in range(3):
            ran.append(i)
            begun.set()
            visitor.gone = True
            yield
        return "all"

    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(queue.run(pieces(), visitor, 1.0))
        except EOFError:
            answers.append("left")

    thread = Thread(target=ask)
    thread.start()
    thread.join(10)
    assert (answers, ran) == ((["left"], [0]) if ends else (["all"], [0, 1, 2]))
    assert queue.run(job(lambda: "next"), Asker("other"), 0.01) == "next"


def test_whoever_wants_to_know_hears_when_somebody_begins_to_wait_and_when_nobody_does() -> None:
    heard: list[tuple[bool, int]] = []
    inside = Event()
    queue = Queue(when_busy=lambda busy: heard.append((busy, len(queue._jobs()))))

    def work() -> None:
        inside.set()
        while not queue.waiting:
            time.sleep(0.001)

    first = Thread(target=queue.run, args=(job(work), Asker("one"), 0.0))
    first.start()
    assert inside.wait(10)
    queue.run(job(lambda: None), Asker("two"), 0.0)
    first.join(10)
    assert [busy for busy, _ in heard] == [True, False]  # one stretch, however many waited in it
    with pytest.raises(ValueError):
        queue.run(job(lambda: int("x")), Asker("one"), 0.0)
    assert [busy for busy, _ in heard] == [True, False, True, False]
