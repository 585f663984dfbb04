"""The process of a training: lowest priority, one thread, held while others wait for a step, and gone when it is told to go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "gptcore.training.live")
LOWEST = 19  # niceness: it gets what others leave
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class LiveProcess:
    """Started with what to train; `hear` is called with each of its messages, from a thread of its own, and with None after the last.

    It ends by itself when this process does: its standard input closes then, also if nobody could say so. (Held by SIGSTOP, it is in a
    process group that loses its session's last other member; the system wakes it with SIGHUP, which ends it.)
    """

    def __init__(
        self, wanted: Mapping[str, Any], hear: Callable[[dict[str, Any] | None], object], niceness: int = LOWEST
    ) -> None:
        self._lock = Lock()  # for what is done to the process
        self._held = False
        self._words: SimpleQueue[str] = SimpleQueue()  # so that nobody waits for a process that does not listen yet
        self._process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=os.environ | _ONE_THREAD | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            process_group=0 if os.name == "posix" else None,
        )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        self._hear = hear
        self.say(json.dumps(dict(wanted)))
        for task in (self._tell, self._listen):
            Thread(target=task, name="live training", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def say(self, word: str) -> None:
        """A word of gptcore.training.live. What cannot be said, since it has ended, is not said."""
        self._words.put(word)

    def hold(self, held: bool) -> None:
        """Stand still, or go on. Costs some microseconds; where the system cannot do it, its low priority has to be enough."""
        with self._lock:
            if held != self._held and hasattr(signal, "SIGSTOP"):
                self._held = held
                self._process.send_signal(signal.SIGSTOP if held else signal.SIGCONT)

    def end(self) -> None:
        """At once, and wait until it is gone."""
        with self._lock:
            self._process.kill()
        self._process.wait()

    def _tell(self) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as out:
                while word := self._words.get():
                    out.write(f"{word}\n")
                    out.flush()
        except BrokenPipeError:  # it has ended
            return

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._hear(json.loads(line))
        self._process.wait()
        self._words.put("")  # nothing more is said
        self._hear(None)
