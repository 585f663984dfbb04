"""The queue in front of the model: whose turn it is, what comes back, and that it goes on whatever happens."""

from __future__ import annotations

import time
from collections.abc import Generator
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from app.engine.queue import Queue


class Line:
    """A queue whose thread is held until all jobs of a test are in it; `order` is what then ran, piece by piece."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._queue, self._held, self._begun = Queue(), Event(), Event()
        self._threads = [Thread(target=self._queue.run, args=(self._hold(), "nobody", 0.0))]
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

    def join(self, name: str, visitor: str, work: float, pieces: int = 1) -> None:
        """A job joins the line, after those before."""
        before = len(self._queue.waiting)
        thread = Thread(target=self._queue.run, args=(self._named(name, pieces), visitor, work))
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
    assert queue.run(job(lambda: 3), "a", 0.1) == 3
    with pytest.raises(ZeroDivisionError):
        queue.run(job(lambda: 1 / 0), "a", 0.1)
    with pytest.raises(KeyboardInterrupt):  # not even what is no Exception ends it
        queue.run(job(lambda: (_ for _ in ()).throw(KeyboardInterrupt())), "a", 0.1)
    assert queue.run(job(lambda: "next"), "a", 0.1) == "next"


def test_all_jobs_run_in_one_thread_of_its_own_which_was_prepared_once() -> None:
    prepared: list[Thread] = []
    queue = Queue(lambda: prepared.append(current_thread()))
    seen = {queue.run(job(current_thread), visitor, 0.1) for visitor in "abc"}
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

    thread = Thread(target=queue.run, args=(long(), "flood", 1.0))
    thread.start()
    begun.wait(10)
    queue.run(job(lambda: order.append("step")), "other", 0.01)
    thread.join(10)
    assert order == ["piece 0", "step", "piece 1", "piece 2"]


def test_who_asks_for_many_little_jobs_passes_nobody_who_asks_for_one() -> None:
    line = Line()
    for i in range(30):
        line.join(f"many {i}", "greedy", 0.1)
    line.join("one", "modest", 1.0)
    assert 9 <= line.go().index("one") <= 11, "after as much work as its own"
