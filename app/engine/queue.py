"""The queue in front of the model: one thread, and turns that are shared fairly among visitors.

Fair queueing (Demers, Keshav and Shenker 1989, https://doi.org/10.1145/75247.75248): every job is given the moment at which it would
end if the model worked for all waiting visitors at once, each with an equal share, and the one that would end first comes first.

There are two such lines. Jobs of little work (a step, a layer's view) come before long ones (the trace of a long prompt), however many
of these wait, and long ones come in pieces, between which others can have a turn. So a class goes on stepping beside a flood of long
texts; and whoever has their long text looks at it before the next one is begun, so that few are kept at a time. A fifth of the time is
for the long ones whatever comes.

A visitor who is patient, such as a lesson that is computed before anybody looks at it, has a turn only when nobody else waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Hashable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, Thread
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")

LITTLE = 0.03  # seconds of work up to which a job is a short one
_SHARE_OF_LONG = 0.2


class Visitor(Protocol):
    """Who asks for a job. key: who shares turns with others; is_patient: who lets everybody else go first."""

    @property
    def key(self) -> Hashable: ...

    @property
    def is_patient(self) -> bool: ...

    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more. Asked from the queue's thread."""

    def leave(self) -> None:
        """Called in the visitor's own thread when `is_gone` was true: raises what ends it, or returns if it has to go on."""


@dataclass(eq=False)
class _Job:
    """begins, ends: in the virtual time of its line, in seconds of work."""

    pieces: Generator[None, None, Any]
    visitor: Visitor
    line: _Line
    begins: float
    ends: float
    number: int
    stays: bool  # whatever `visitor.is_gone` says
    answer: Future[Any] = field(default_factory=Future)
    used: float = 0.0


class _Line:
    """Jobs that wait for their turns with each other. Whoever calls holds the queue's lock."""

    def __init__(self) -> None:
        self.jobs: list[_Job] = []
        self._now = 0.0  # virtual time: how much work a visitor who always wants some has been given
        self._served: dict[Hashable, float] = {}  # visitor -> virtual time up to which they have been served

    def job(self, pieces: Generator[None, None, Any], visitor: Visitor, work: float, number: int, stays: bool) -> _Job:
        """A new job, waiting."""
        begins = max(self._now, self._served.get(visitor.key, 0.0))
        made = _Job(pieces, visitor, self, begins, begins + work, number, stays)
        self._served[visitor.key] = made.ends
        self.jobs.append(made)
        return made

    def next(self) -> _Job:
        job = min(self.jobs, key=lambda job: (job.ends, job.number))
        self.jobs.remove(job)
        self._now = max(self._now, job.begins)
        return job

    def ended(self, job: _Job) -> None:
        """The work that was expected is replaced by what it took."""
        until = self._served.get(job.visitor.key, job.ends) + job.used - (job.ends - job.begins)
        self._served[job.visitor.key] = max(job.begins, until)
        if not self.jobs:  # nobody has to wait for anybody
            self._now = 0.0
            self._served.clear()
        else:
            self._served = {visitor: until for visitor, until in self._served.items() if until > self._now}


class Queue:
    """Runs jobs in one thread, which begins with `prepare` when the first job comes.

    when_busy: called with True when somebody begins to wait, and with False when nobody waits any more; what it does has to be quick.
    """

    def __init__(
        self, prepare: Callable[[], object] = lambda: None, when_busy: Callable[[bool], object] = lambda busy: None
    ) -> None:
        self._prepare, self._when_busy = prepare, when_busy
        self._open = 0  # jobs without an answer yet
        self._changed = Condition()  # for the fields below
        self._thread: Thread | None = None
        self._short, self._long, self._patient = _Line(), _Line(), _Line()
        self._owed = 0.0  # seconds that the long jobs have waited for short ones and that are theirs
        self._numbers = count()

    @property
    def waiting(self) -> tuple[Hashable, ...]:
        """The visitors of all jobs that wait for a turn now."""
        with self._changed:
            return tuple(job.visitor.key for job in self._jobs())

    def run(self, pieces: Generator[None, None, Result], visitor: Visitor, work: float) -> Result:
        """Run a job, which may give others their turn at each `yield`, and wait for what it returns. Errors come back as raised.

        work: seconds that it will take, roughly. A job whose visitor is gone ends with what `visitor.leave` raises.
        """
        job = self._join(pieces, visitor, work)
        try:
            result: Result = job.answer.result()
        except CancelledError:
            visitor.leave()
            result = self._join(pieces, visitor, work, stays=True).answer.result()
        return result

    def _join(self, pieces: Generator[None, None, Any], visitor: Visitor, work: float, stays: bool = False) -> _Job:
        with self._changed:
            line = self._patient if visitor.is_patient else self._short if work <= LITTLE else self._long
            job = line.job(pieces, visitor, work, next(self._numbers), stays)
            self._count(1)
            if self._thread is None:
                self._thread = Thread(target=self._work, name="model", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return job

    def _count(self, change: int) -> None:
        """Whoever calls holds the lock, so that what `when_busy` hears comes in its order."""
        before = self._open
        self._open += change
        if bool(before) != bool(self._open):
            self._when_busy(bool(self._open))

    def _jobs(self) -> list[_Job]:
        return [*self._short.jobs, *self._long.jobs, *self._patient.jobs]

    def _work(self) -> None:
        self._prepare()
        while True:
            self._turn(self._next())

    def _next(self) -> _Job:
        with self._changed:
            while True:
                self._changed.wait_for(self._jobs)
                self._dismiss()
                if self._long.jobs and (not self._short.jobs or self._owed >= LITTLE):
                    return self._long.next()
                if self._short.jobs:
                    return self._short.next()
                if self._patient.jobs:
                    return self._patient.next()

    def _dismiss(self) -> None:
        """Jobs that nobody waits for go."""
        for job in self._jobs():
            if not job.stays and job.visitor.is_gone():
                job.line.jobs.remove(job)
                job.line.ended(job)
                self._count(-1)
                job.answer.cancel()

    def _turn(self, job: _Job) -> None:
        """One piece of a job, and its answer if it was the last."""
        began, answer = time.thread_time(), None  # work, whatever else the machine is doing
        try:
            next(job.pieces)
        except StopIteration as end:
            value = end.value
            answer = lambda: job.answer.set_result(value)  # noqa: E731
        except BaseException as error:  # noqa: BLE001  whoever waits gets it, and the queue goes on
            failure = error
            answer = lambda: job.answer.set_exception(failure)  # noqa: E731
        with self._changed:
            self._account(job, time.thread_time() - began)
            if answer is None:
                job.line.jobs.append(job)
            else:
                job.line.ended(job)
                self._count(-1)
        if answer is not None:
            answer()

    def _account(self, job: _Job, seconds: float) -> None:
        job.used += seconds
        if job.line is self._long:
            self._owed = max(0.0, self._owed - (1 - _SHARE_OF_LONG) * seconds)
        else:
            self._owed = self._owed + _SHARE_OF_LONG * seconds if self._long.jobs else 0.0
