"""The queue in front of the model: one thread, and turns that are shared fairly among visitors.

Fair queueing (Demers, Keshav and Shenker 1989, https://doi.org/10.1145/75247.75248): every job is given the moment at which it would
end if the model worked for all waiting visitors at once, each with an equal share, and the one that would end first comes first. So
a step, which is little work, passes the long prompts of others, however many these are; and long prompts do not take turns with each
other, so that few of them are half computed at a time. A long job is cut into pieces, between which others can come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(eq=False)
class _Job:
    """begins, ends: in the virtual time of the queue, in seconds of work."""

    pieces: Generator[None, None, Any]
    visitor: Hashable
    begins: float
    ends: float
    number: int
    answer: Future[Any] = field(default_factory=Future)
    used: float = 0.0


class Queue:
    """Runs jobs in one thread, which begins with `prepare` when the first job comes."""

    def __init__(self, prepare: Callable[[], object] = lambda: None) -> None:
        self._prepare = prepare
        self._changed = Condition()  # for the fields below
        self._thread: Thread | None = None
        self._waiting: list[_Job] = []
        self._numbers = count()
        self._now = 0.0  # virtual time: how much work a visitor who always wants some has been given
        self._served: dict[Hashable, float] = {}  # visitor -> virtual time up to which they have been served

    @property
    def waiting(self) -> tuple[Hashable, ...]:
        """The visitors of all jobs that wait for a turn now."""
        with self._changed:
            return tuple(job.visitor for job in self._waiting)

    def run(self, pieces: Generator[None, None, Result], visitor: Hashable, work: float) -> Result:
        """Run a job, which may give others their turn at each `yield`, and wait for what it returns. Errors come back as raised.

        visitor: who shares turns with others; work: seconds that it will take, roughly.
        """
        with self._changed:
            begins = max(self._now, self._served.get(visitor, 0.0))
            job = _Job(pieces, visitor, begins, begins + work, next(self._numbers))
            self._served[visitor] = job.ends
            self._waiting.append(job)
            if self._thread is None:
                self._thread = Thread(target=self._work, name="model", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        result: Result = job.answer.result()
        return result

    def _work(self) -> None:
        self._prepare()
        while True:
            self._turn(self._next())

    def _next(self) -> _Job:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            job = min(self._waiting, key=lambda job: (job.ends, job.number))
            self._waiting.remove(job)
            self._now = max(self._now, job.begins)
            return job

    def _turn(self, job: _Job) -> None:
        """One piece of a job, and its answer if it was the last."""
        began = time.perf_counter()
        try:
            next(job.pieces)
        except StopIteration as end:
            self._ended(job, time.perf_counter() - began)
            job.answer.set_result(end.value)
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it, and the queue goes on
            self._ended(job, time.perf_counter() - began)
            job.answer.set_exception(error)
        else:
            with self._changed:
                job.used += time.perf_counter() - began
                self._waiting.append(job)

    def _ended(self, job: _Job, seconds: float) -> None:
        """The work that was expected is replaced by what it took."""
        with self._changed:
            until = self._served.get(job.visitor, job.ends) + job.used + seconds - (job.ends - job.begins)
            self._served[job.visitor] = max(job.begins, until)
            if not self._waiting:  # nobody has to wait for anybody
                self._now = 0.0
                self._served.clear()
            else:
                self._served = {visitor: until for visitor, until in self._served.items() if until > self._now}
