"""What is shipped for containers and hosts agrees with itself and with the app, as far as that can be seen without an engine."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.house_rules import ROOT, python_files, source

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text("utf-8")
NGINX = (ROOT / "deploy/nginx.conf").read_text("utf-8")
APPS = {name: service for name, service in COMPOSE["services"].items() if "GLASS_ROOM_LETTERS" in service.get("environment", {})}


def test_what_the_image_is_made_of_is_there_and_is_sent_to_the_engine() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M) for name in line.split()}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert {"requirements.txt", "app", "gptcore", "pages", ".streamlit"} <= copied == sent
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_and_the_processes_run_as_nobody_in_particular_and_write_nothing() -> None:
    assert re.search(r"^USER 1000:1000$", DOCKERFILE, re.M) and "HOME=/nonexistent" in DOCKERFILE
    for service in COMPOSE["services"].values():
        assert service["read_only"] and service["tmpfs"]
    for service in APPS.values():
        assert service["cap_drop"] == ["ALL"] and service["init"] and service["volumes"] == ["models:/models"]


def test_the_health_check_finds_the_server_at_the_root_and_below_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    code = json.loads("[" + re.search(r"CMD \[\"python\", \"-c\", (.+)\]$", DOCKERFILE.replace("\\\n", ""), re.M)[1] + "]")[0]  # type: ignore[index]
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: asked.append(url))
    for base in ("", "gpt", "/gpt/"):
        monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", base)
        exec(code, {})
    assert [url.removeprefix("http://localhost:8501") for url in asked] == ["/_stcore/health", *["/gpt/_stcore/health"] * 2]


def test_the_proxy_sends_a_room_to_the_process_that_opens_rooms_of_its_letter() -> None:
    assert set(APPS) == set(re.findall(r"upstream (\w+) {", NGINX)) and len(APPS) > 1
    sent = {process: pattern for pattern, process in re.findall(r"~\*(\^\[\S+\]) +(\w+);", NGINX)}
    letters = {name: service["environment"]["GLASS_ROOM_LETTERS"] for name, service in APPS.items()}
    for letter, name in [(letter, name) for name, own in letters.items() for letter in own + own.lower()]:
        assert [process for process, pattern in sent.items() if re.match(pattern, letter, re.I)] == [name], letter
    assert len(set("".join(letters.values()))) == len("".join(letters.values()))


def test_every_setting_that_is_handed_in_is_one_of_the_apps() -> None:
    read = "\n".join(source(name) for name in python_files("app"))
    named = re.findall(r"GLASS_\w+", yaml.dump([service.get("environment", {}) for service in APPS.values()]))
    assert {name for name in named if name not in ("GLASS_PATH", "GLASS_PORT") and f'"{name}"' not in read} == set()


def test_the_development_container_and_the_space_use_what_is_there() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    target = re.search(r"make \.venv(\S+)", container["postCreateCommand"])
    assert target and f"$(VENV){target[1]}:" in (ROOT / "Makefile").read_text("utf-8")
    _, head, _ = (ROOT / "deploy/space/README.md").read_text("utf-8").split("---\n", 2)
    space = yaml.safe_load(head)
    assert (space["sdk"], f"EXPOSE {space['app_port']}" in DOCKERFILE, len(space["short_description"]) <= 60) == (
        "docker",
        True,
        True,
    )
    assert container["forwardPorts"] == [space["app_port"]]
