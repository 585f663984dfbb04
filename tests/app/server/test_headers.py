"""The headers on every answer. That nothing of the app breaks under them: the browser tests, in which the console stays silent."""

from __future__ import annotations

import pytest
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router
from starlette.testclient import TestClient

from app.server import stack
from app.server.headers import frame_origins, policy


def answering(monkeypatch: pytest.MonkeyPatch, **environment: str) -> TestClient:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = Router([Route("/", lambda request: PlainTextResponse("here"))])
    for entry in reversed(stack.middleware()):
        assert isinstance(entry, Middleware)
        app = entry.cls(app, *entry.args, **entry.kwargs)
    return TestClient(app, base_url="http://localhost:8501")


def directives(text: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in text.split(";"))}


@pytest.mark.parametrize(("host", "status"), [("localhost:8501", 200), ("evil.example", 421)])
def test_every_answer_has_them_a_refusal_too(monkeypatch: pytest.MonkeyPatch, host: str, status: int) -> None:
    answer = answering(monkeypatch).get("/", headers={"Host": host})
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert directives(answer.headers["content-security-policy"])["frame-ancestors"] == ["'self'"]


def test_no_script_runs_but_the_servers_own() -> None:
    said = directives(policy("localhost:8501", []))
    assert said["default-src"] == ["'none'"]
    assert {word.split("-")[0] for word in said["script-src"]} == {"'self'", "blob:", "'sha256"}
    assert said["connect-src"] == ["'self'", "ws://localhost:8501", "wss://localhost:8501"]
    assert not [word for words in said.values() for word in words if "*" in word or word in {"http:", "https:", "'unsafe-eval'"}]


def test_a_host_cannot_add_to_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answering(monkeypatch).get("/", headers={"Host": "localhost; script-src *"})
    assert answer.status_code == 421
    assert "*" not in answer.headers["content-security-policy"]


def test_a_listed_page_may_show_the_app_in_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answering(monkeypatch, GLASS_FRAMES="https://moodle.school.example, https://*.course.example:8443").get("/")
    allowed = directives(answer.headers["content-security-policy"])["frame-ancestors"]
    assert allowed == ["'self'", "https://moodle.school.example", "https://*.course.example:8443"]
    assert "x-frame-options" not in answer.headers


@pytest.mark.parametrize("text", ["moodle.example", "https://a; script-src *", "*", "https://a/b", "javascript:x"])
def test_a_list_of_frames_with_something_else_in_it_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="GLASS_FRAMES"):
        frame_origins(text)
