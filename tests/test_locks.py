"""The locks hold exactly what the requirements ask for, each file with its hash."""

from __future__ import annotations

import re

import pytest

from tests.house_rules import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==([^\s;\\]+)", re.M)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return {re.sub(r"[._-]+", "-", package.lower()): version for package, version in PIN.findall(text)}


@pytest.mark.parametrize(
    ("lock", "asked"),
    [
        ("requirements-lock.txt", ["requirements.txt"]),
        ("requirements-dev-lock.txt", ["requirements.txt", "requirements-dev.txt"]),
    ],
)
def test_a_lock_has_every_package_in_the_version_that_is_asked_for(lock: str, asked: list[str]) -> None:
    wanted = {package: version for name in asked for package, version in pins(name).items()}
    locked = pins(lock)
    assert {package: locked.get(package) for package in wanted} == wanted, "run `make lock`"
    behind = pins("constraints.txt")
    assert {package: version for package, version in locked.items() if behind.get(package, version) != version} == {}


@pytest.mark.parametrize("lock", ["requirements-lock.txt", "requirements-dev-lock.txt"])
def test_every_package_of_a_lock_has_hashes_and_none_comes_from_anywhere_named(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text)[1:]
    assert len(entries) > 50
    assert [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []
    assert "://" not in text and "nvidia" not in text  # PyTorch's build for processors needs none of them


def test_the_table_of_licences_has_every_package_of_the_lock_for_this_system() -> None:
    table = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", (ROOT / "docs/licences.md").read_text("utf-8"), re.M)[1:]
    listed = {re.sub(r"[._-]+", "-", name.lower()): version.partition("+")[0] for name, version, _ in table if name != "---"}
    locked = pins("requirements-lock.txt")
    elsewhere = {"colorama", "httpx2-jsfetch"}  # on Windows, in a browser
    assert listed == {name: version for name, version in locked.items() if name not in elsewhere}, "run `make licences`"
