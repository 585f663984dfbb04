"""The components' code has addresses that change with it, and travels once."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.routing import Router
from starlette.testclient import TestClient

from app import components
from app.server import assets

FOLDER = Path(components.__file__).parent
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/component.js"))
IMPORT = re.compile(r"""(?:from|import\() ?["'`](\.[^"'`$]+)["'`]""")


def client(base: str = "") -> TestClient:
    return TestClient(Router([assets.route(base)]))


@pytest.mark.parametrize("base", ["", "glass", "/a/b/"])
def test_a_file_is_served_compressed_with_its_type_to_be_kept_for_ever_below_the_base_path_too(base: str) -> None:
    below = f"/{base.strip('/')}" if base else ""
    answer = client(base).get(f"{below}/{assets.folder()}shared/mount.js")
    assert answer.status_code == 200 and answer.text == (FOLDER / "shared/mount.js").read_text("utf-8")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip" and "accept-encoding" in answer.headers["vary"].lower()
    assert "immutable" in answer.headers["cache-control"]
    plain = client(base).get(f"{below}/{assets.folder()}shared/shared.css", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == (FOLDER / "shared/shared.css").read_text("utf-8")
    assert plain.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path", ["shared/none.js", "__init__.py", "../palette.py", "shared/../__init__.py", "%2e%2e/palette.py", ""]
)
def test_nothing_else_is_served(path: str) -> None:
    assert client().get(f"/{assets.folder()}{path}").status_code == 404


def test_the_address_changes_with_any_change_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = assets.folder()
    changed = dict(assets._files())
    changed["shared/shared.css"] = gzip.compress(b"p { color: red }", mtime=0)
    monkeypatch.setattr(assets, "_files", lambda: changed)
    assert assets.folder.__wrapped__() != before


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [("gzip, deflate", True), ("br;q=1.0, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_only_who_can_unpack_gets_it_packed(accepted: str, takes: bool) -> None:
    assert assets.takes_gzip(Headers({"accept-encoding": accepted})) == takes


def test_a_message_carries_no_code_but_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: dict[str, Any] = {}
    monkeypatch.setattr(components.st.components.v2, "component", lambda name, **parts: registered.update(name=name, **parts))
    for name in NAMES:
        components.component.__wrapped__(name)
        assert registered["name"] == f"glass_{name}" and set(registered) == {"name", "js"}
        assert assets.folder() in registered["js"] and name in registered["js"]
        assert len(registered["js"]) < 200


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.js")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_module_imports_and_borrows_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not [name for name in IMPORT.findall(text) if not (path.parent / name).is_file()]
    styles = re.search(r"export const styles = \[(.*?)\]", text)
    assert all((FOLDER / name).is_file() for name in re.findall(r'"([^"]+)"', styles.group(1) if styles else ""))
    if path.name == "component.js":
        assert "export default function" in text and path.with_name("component.css").is_file()
