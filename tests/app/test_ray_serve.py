"""The engine of a cluster, on a cluster of this machine alone: it says what the local engine says, whatever happens to its replicas.

Runs where requirements-cluster.txt is installed.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("ray", reason="the cluster's engine is tried where requirements-cluster.txt is installed")

import ray

from app import runtime
from app.engine import ray_serve, replica
from app.engine.local import Local
from app.engine.protocol import EngineError
from app.engine.ray_serve import RayServe
from app.visitors import Thread, visitor
from gptcore.errors import CheckpointError, OutOfRangeError
from gptcore.run import Ablation, Patch
from tests.pages.test_all_pages import FILES
from tests.pages.test_one_queue_and_one_key import EVERYTHING, PROMPT
from tests.pages.visit_page import figures, open_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
VISITORS = 20
TEXT = "Once upon a time there was a king"


def asker() -> Thread:
    return Thread(get_ident())


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayServe]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASS_RAY_CPUS", "0.25")
        engine = RayServe("local", asker)
        engine.model("storyteller")
        yield engine
        ray.shutdown()


@pytest.fixture(scope="module")
def local() -> Local:
    return Local(asker)


def same(ours: Any, theirs: Any) -> None:
    """The same, arrays within rounding, and changeable where ours are."""
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert theirs.flags.writeable and ours.dtype == theirs.dtype  # a page may close its own, and what it has belongs to it
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5 * max(1.0, float(np.abs(ours, dtype=float).max(initial=0))))
    elif isinstance(ours, pd.DataFrame):
        same(ours.to_dict("list"), theirs.to_dict("list"))
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs)
        same(list(ours.values()), list(theirs.values()))
    elif is_dataclass(ours):
        for field in fields(ours):
            same(getattr(ours, field.name), getattr(theirs, field.name))
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=1e-4, abs=1e-5, nan_ok=True)
    else:
        assert ours == theirs


class Recording(Local):
    """A local engine that remembers what it was asked and what it said."""

    def __init__(self) -> None:
        super().__init__(visitor)
        self.said: dict[str, tuple[Any, Any]] = {}

    def call(self, run: Any, method: Any, *arguments: Any, **named: Any) -> Any:
        answer = super().call(run, method, *arguments, **named)
        self.said[repr((run, getattr(method, "__qualname__", method), arguments, named))] = (
            (run, method, arguments, named),
            answer,
        )
        return answer


def test_every_call_of_every_page_is_answered_as_the_local_engine_answers_it(
    cluster: RayServe, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording()
    monkeypatch.setattr(runtime, "ENGINE", recording)
    for page, part, asked in EVERYTHING:
        open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, position="3", **({page: part} if part else {}), **asked)
    asked_for = {getattr(method, "__qualname__", method) for (_, method, _, _), _ in recording.said.values()}
    assert len(recording.said) > 100 and len(asked_for) > 20
    cluster.model(str(tiny_folder))
    for (run, method, arguments, named), answer in recording.said.values():
        same(answer, cluster.call(run, method, *arguments, **named))


def test_the_pages_are_drawn_on_the_cluster(cluster: RayServe, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "ENGINE", cluster)
    drawn = {page: figures(open_page(monkeypatch, tiny_folder, page, prompt="another text")) for page in FILES}
    assert drawn["feed_forward"] and drawn["shortcuts"]  # the first parts of others have pictures of another kind


def test_interventions_errors_and_unknown_models_come_back_as_from_the_local_engine(cluster: RayServe, local: Local) -> None:
    ours, theirs = local.model("storyteller"), cluster.model("storyteller")
    assert ours.identity == theirs.identity and cluster.named(theirs.identity) is theirs and ours.tied == theirs.tied
    ids = ours.tokenizer.encode(TEXT)
    for intervention in (Ablation(heads=frozenset({(5, 1)})), Patch(ids[::-1], frozenset({(1, 3, 2)}), "resid_pre")):
        same(ours.trace(ours.run(ids, intervention)).logits, theirs.trace(theirs.run(ids, intervention)).logits)
    with pytest.raises(OutOfRangeError, match="layer is 99"):
        theirs.trace(theirs.run(ids)).attention(99)
    with pytest.raises(CheckpointError, match="never loaded here"):
        cluster.named("somebody@else")
    assert cluster.alone(get_ident) != get_ident()


def processes() -> list[int]:
    """The replicas of the cluster that this process started; no other program's."""
    parents = {
        int(stat.parent.name): int(stat.read_text().rpartition(") ")[2].split()[1]) for stat in Path("/proc").glob("[0-9]*/stat")
    }
    grandchildren = [pid for pid, parent in parents.items() if parents.get(parent) == os.getpid()]
    return [pid for pid in grandchildren if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::ServeReplica")]


def test_a_class_goes_on_with_two_models_while_replicas_are_killed(cluster: RayServe, local: Local, tiny_folder: Path) -> None:
    names = ("storyteller", str(tiny_folder))
    models = [(local.model(name), cluster.model(name)) for name in names]
    killed: list[int] = []

    def visit(number: int) -> None:
        """A text grows by what the cluster says, and the local engine says the same."""
        ours, theirs = models[number % 2]
        ids = [number + 1, number + 2, number + 3]
        for step in range(12):
            if number == 0 and step == 4:
                for pid in processes()[::2]:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
            logits = theirs.trace(theirs.run(ids)).logits
            same(ours.trace(ours.run(ids)).logits, logits)
            ids.append(int(logits.argmax()))

    with ThreadPoolExecutor(VISITORS) as all_at_once:
        for done in [all_at_once.submit(visit, number) for number in range(VISITORS)]:
            done.result(120)
    assert killed


def test_who_comes_when_too_many_wait_is_told_so_and_the_others_are_served(
    cluster: RayServe, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "narrow")
    monkeypatch.setattr(ray_serve, "_AT_ONCE", 1)
    monkeypatch.setattr(ray_serve, "_WAITING", 1)
    model = cluster.model(str(tmp_path / "narrow"))

    def ask(number: int) -> str:
        try:
            _ = model.trace(model.run([number + 1] * 60)).logits
        except EngineError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(30) as all_at_once:
        said = list(all_at_once.map(ask, range(30)))
    assert "" in said and any("Try again in a moment" in each for each in said)
    assert ask(50) == ""


def test_what_cannot_be_used_says_why(cluster: RayServe, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = replica.versions()
    assert ray_serve.differences(ours, dict(ours)) == ""
    assert ray_serve.differences(ours, ours | {"torch": "1.0"}) == f"torch {ours['torch']} here, 1.0 there"
    for name, value in (("GLASS_RAY_REPLICAS", "two"), ("GLASS_RAY_REPLICAS", "0"), ("GLASS_RAY_CPUS", "-1")):
        with monkeypatch.context() as patch, pytest.raises(EngineError, match=r"numbers|at least one"):
            patch.setenv(name, value)
            RayServe("local", asker)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(EngineError, match=r"No cluster answers at 127\.0\.0\.1:1 "):
        RayServe("127.0.0.1:1", asker).model("storyteller")
