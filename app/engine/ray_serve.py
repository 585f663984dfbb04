"""The engine of a cluster: every model on replicas of its own, in Ray Serve (https://docs.ray.io/en/latest/serve/).

Any replica of a model answers any call, by computing what it does not have. Calls about one text go to one replica, where its trace
grows; that is for speed alone, so a replica that dies loses nothing, and its calls are made again elsewhere.

Only imported where GLASS_RAY_ADDRESS is set; needs requirements-cluster.txt here and on the cluster's machines.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.config import RequestRouterConfig
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from app.engine import replica
from app.engine.local import Local
from app.engine.protocol import EngineError, Method
from app.engine.queue import Visitor
from app.engine.subjects import EngineModel
from gptcore.errors import CheckpointError
from gptcore.run import Run

SECONDS_FOR_A_CALL = 120
_PATIENCE = 5.0  # seconds for a cluster to be reached at all
_SECONDS_BETWEEN_LOOKS = 0.25  # whether the visitor still waits
_AT_ONCE = 16  # calls inside one replica; the queue there gives each visitor their turns
_WAITING = 400  # calls of this process that no replica has taken yet
_KEY_TOKENS = 4  # of a text, by which its replica is found: few, so that a short prompt stays where it is while it grows
_ROUTER = "ray.serve.experimental.consistent_hash_router.ConsistentHashRouter"
_DEAD = (RayActorError, DeploymentUnavailableError, ReplicaUnavailableError)
_LOG = logging.getLogger("glass")


@dataclass(frozen=True)
class Size:
    """Of each model's deployment: replicas, and the processors and cards that each of them takes."""

    replicas: int = 2
    cpus: float = 1
    gpus: float = 0

    @classmethod
    def from_environment(cls) -> Size:
        """GLASS_RAY_REPLICAS, GLASS_RAY_CPUS, GLASS_RAY_GPUS. Raises EngineError for what is no number above zero."""
        try:
            found = cls(
                int(os.environ.get("GLASS_RAY_REPLICAS", cls.replicas)),
                float(os.environ.get("GLASS_RAY_CPUS", cls.cpus)),
                float(os.environ.get("GLASS_RAY_GPUS", cls.gpus)),
            )
        except ValueError as error:
            raise EngineError(f"GLASS_RAY_REPLICAS, GLASS_RAY_CPUS and GLASS_RAY_GPUS have to be numbers ({error}).") from error
        if found.replicas < 1 or found.cpus <= 0 or found.gpus < 0:
            raise EngineError(f"A model needs at least one replica with a processor; the settings say {found}.")
        return found


class RayServe:
    """Models by name, each a deployment. What needs no visitor's model runs in this process.

    address: of the cluster, as `ray.init` takes it; the first call connects. visitor: who is calling; when_busy: as `Queue` takes it.
    """

    def __init__(
        self, address: str, visitor: Callable[[], Visitor], when_busy: Callable[[bool], object] = lambda busy: None
    ) -> None:
        self._address, self._visitor = address, visitor
        self._here = Local(visitor, when_busy)
        self._size = Size.from_environment()
        self._deploying, self._lock = Lock(), Lock()  # the second for the fields below
        self._models: dict[str, tuple[EngineModel, DeploymentHandle[Any]]] = {}  # by name
        self._names: dict[str, str] = {}  # identity -> name

    def model(self, name: str) -> EngineModel:
        """Raises CheckpointError if it cannot be loaded, EngineError if the cluster cannot be had."""
        return self._find(name)[0]

    def named(self, identity: str) -> EngineModel:
        """Raises CheckpointError for a model that was never loaded here."""
        return self._of(identity)[0]

    def call(self, run: Run, method: Method, *arguments: Any, **named: Any) -> Any:
        _, handle = self._of(run.model)
        chosen = handle.options(session_id=" ".join(map(str, run.ids[:_KEY_TOKENS])) or "model")
        sent, visitor = replica.pack(run, method, arguments, named), self._visitor()
        try:
            answered = self._ask(chosen, visitor, sent)
        except _DEAD as error:
            _LOG.warning("A replica was lost (%s); its call is made again.", type(error).__name__)
            answered = self._ask_again(chosen, visitor, sent)
        worked, value = pickle.loads(answered)
        if not worked:
            raise value
        return value

    def alone(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._here.alone(function, *arguments)

    def _ask_again(self, handle: DeploymentHandle[Any], visitor: Visitor, sent: bytes) -> bytes:
        try:
            return self._ask(handle, visitor, sent)
        except _DEAD as error:
            raise EngineError(
                "The machine that ran the model was lost, and so was the next one. Try again in a moment: nothing of your text is lost."
            ) from error

    def _ask(self, handle: DeploymentHandle[Any], visitor: Visitor, sent: bytes) -> bytes:
        """Raises EngineError if the cluster is full or does not answer in time, and what `visitor.leave` raises."""
        response = handle.answer.remote(visitor.key, sent, visitor.is_patient)
        try:
            return _wait(response, visitor)
        except BackPressureError as error:
            raise EngineError(
                f"Too many calls wait for the model ({_WAITING} at most). Try again in a moment: nothing of your text is lost."
            ) from error
        except TimeoutError as error:
            response.cancel()
            raise EngineError(
                f"The cluster has not answered in {SECONDS_FOR_A_CALL} seconds. Try again, or a shorter text."
            ) from error

    def _of(self, identity: str) -> tuple[EngineModel, DeploymentHandle[Any]]:
        with self._lock:
            name = self._names.get(identity)
        if name is None:
            raise CheckpointError(f"The model {identity[:80]!r} was never loaded here; choose one by its name first.")
        return self._find(name)

    def _find(self, name: str) -> tuple[EngineModel, DeploymentHandle[Any]]:
        with self._lock:
            found = self._models.get(name)
        if found is None:
            with self._deploying:  # two who ask for one model deploy it once
                with self._lock:
                    found = self._models.get(name)
                found = found or self._deploy(name)
        return found

    def _deploy(self, name: str) -> tuple[EngineModel, DeploymentHandle[Any]]:
        self._connect()
        application = f"glass-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}-{replica.code_mark()}"
        handle = _running(application) or serve.run(self._deployment(name), name=application, route_prefix=None)
        identity, title, config, tokenizer, tied = pickle.loads(handle.describe.remote().result(timeout_s=SECONDS_FOR_A_CALL))
        found = EngineModel(self, identity, title, config, tokenizer, tied), handle
        with self._lock:
            self._models[name] = found
            self._names[identity] = name
        return found

    def _deployment(self, name: str) -> serve.Application:
        size = self._size
        made = serve.deployment(
            replica.Replica,
            name="model",
            num_replicas=size.replicas,
            max_ongoing_requests=_AT_ONCE,
            max_queued_requests=_WAITING,
            ray_actor_options={"num_cpus": size.cpus, "num_gpus": size.gpus},
            request_router_config=RequestRouterConfig(request_router_class=_ROUTER),
        )
        return made.bind(name, max(1, round(size.cpus)), "auto" if size.gpus else "cpu")

    def _connect(self) -> None:
        """Raises EngineError, which names both sides, where the cluster cannot be reached or has other versions."""
        if ray.is_initialized():
            return
        _knock(self._address)
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        environment = {"py_modules": [str(folder) for folder in replica.sources()]}
        try:
            ray.init(self._address, namespace="glass-gpt", runtime_env=environment, log_to_driver=False, logging_level="error")
        except (ConnectionError, RuntimeError, ValueError) as error:  # RuntimeError: other versions of Ray or Python, both named
            raise EngineError(f"The cluster at {self._address} cannot be used: {error}") from error
        if said := differences(replica.versions(), ray.get(ray.remote(num_cpus=0)(replica.versions).remote())):
            ray.shutdown()
            raise EngineError(f"The cluster at {self._address} has other versions: {said}. Install the same on both sides.")
        serve.start(proxy_location="Disabled")


def _knock(address: str) -> None:
    """Ray itself tries for minutes. Raises EngineError where nobody listens at "host:port"; other kinds of addresses are Ray's own."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise EngineError(f"No cluster answers at {address} ({error}). Start it there with `ray start --head`.") from error


def differences(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """What is of another version there, both named; "" where nothing is."""
    return "; ".join(f"{name} {ours[name]} here, {theirs.get(name)} there" for name in ours if ours[name] != theirs.get(name))


def _running(application: str) -> DeploymentHandle[Any] | None:
    """What another process of this release has deployed already."""
    found = serve.status().applications.get(application)
    return serve.get_app_handle(application) if found is not None and found.status == "RUNNING" else None


def _wait(response: DeploymentResponse[Any], visitor: Visitor) -> bytes:
    """Raises TimeoutError after SECONDS_FOR_A_CALL. Whoever has gone does not wait; in a callback, which has to go on, they do."""
    until, stays = time.monotonic() + SECONDS_FOR_A_CALL, False
    while True:
        try:
            answered: bytes = response.result(timeout_s=_SECONDS_BETWEEN_LOOKS)
            return answered
        except TimeoutError:
            if time.monotonic() > until:
                raise
        if not stays and visitor.is_gone():
            try:
                visitor.leave()
            except BaseException:
                response.cancel()
                raise
            stays = True
