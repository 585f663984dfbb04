"""A figure's menu: nothing of it is made until it is open; then it has the picture's page, the numbers, the link and the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import as_code
from tests.pages.component_data import component_data
from tests.pages.visit_page import open_page

PROMPT = "the cat had a hat"


def menus(at: AppTest) -> list[str]:
    return [menu.proto.popover.label for menu in at.get("popover") if menu.proto.popover.label.startswith("Menu: ")]


def opened(at: AppTest, name: str) -> AppTest:
    at.session_state[f"figure_menu_{name}"] = True
    return at.run()


@pytest.mark.parametrize(
    ("page", "link", "name"),
    [
        ("write", {"write": "choice"}, "next-token"),
        ("tokens", {}, "tokens"),
        ("embeddings", {}, "embedding-sum"),
        ("block", {}, "block"),
        ("attention", {}, "attention-lookup"),
        ("layer_norm", {}, "layer-norm"),
        ("feed_forward", {}, "expand-activate-project"),
        ("shortcuts", {"shortcuts": "model"}, "residual-stream"),
        ("lens", {}, "logit-lens"),
        ("sampling", {}, "two-settings"),
        ("sampling", {"sampling": "stops"}, "why-it-stopped"),
        ("map", {}, "map"),
    ],
)
def test_the_menu_of_a_chapters_figure_is_made_while_it_is_open(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, link: dict[str, str], name: str
) -> None:
    asked: list[str] = []
    given = as_code.in_view
    monkeypatch.setattr(as_code, "in_view", lambda: asked.append(given()) or asked[-1])
    at = open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, open="", **link)
    before = len(at.get("bidi_component"))
    assert not at.get("download_button") and not asked
    assert len(menus(at)) == len(set(menus(at))), "each says of what it is"
    opened(at, name)
    offered = [button.proto.label for button in at.get("download_button")]
    assert not at.exception and {"Numbers as CSV", "Numbers as JSON"} <= set(offered)
    header, _ = component_data(at, f"figure_menu_{name}", "menu")
    assert header["link"] is True and len(at.get("bidi_component")) == before + 1
    codes = [block.value for block in at.code if block.value.startswith("import gptcore")]
    assert codes == [code for code in asked if code]


def test_in_a_lecture_there_is_no_menu(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert menus(open_page(monkeypatch, tiny_folder, "attention", prompt=PROMPT))
    assert not menus(open_page(monkeypatch, tiny_folder, "attention", prompt=PROMPT, lecture="1"))
