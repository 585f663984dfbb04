"""The models in the menu: what each is called, and that one of them that is broken leaves everybody else alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest

import gptcore
from app import offered, runtime
from app.shell.navigation import PAGES
from gptcore.errors import CheckpointError
from tests.pages.visit_page import ENTRY, ROOT, printed, with_open_menus


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    offered.look_again()
    yield
    offered.look_again()


def offer(monkeypatch: pytest.MonkeyPatch, *sources: object) -> None:
    monkeypatch.setenv(offered.ALLOWED_MODELS_VARIABLE, ",".join(map(str, sources)))


def visit(page: str = PAGES[0].file, **query: str) -> AppTest:
    at = with_open_menus(AppTest.from_file(str(ENTRY), default_timeout=60))
    for name, value in query.items():
        at.query_params[name] = value
    if page != PAGES[0].file:
        at.switch_page(str(ROOT / "pages" / f"{page}.py"))
    return at.run()


def menu(at: AppTest) -> list[str]:
    return list(at.selectbox(key="widget_model").options)


def test_a_menu_that_was_drawn_before_a_model_changed_its_mark_still_chooses_it(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    offer(monkeypatch, tiny_folder)
    for label in ("tiny", "tiny (download, 548 MB)", "tiny (cannot be used: There is no folder tiny)"):
        assert offered.named(label) == "tiny"
    assert offered.named("GPT-2 small (download, 548 MB)") == "gpt2"
    assert [offered.named(junk) for junk in ("", "tin", "tiny2", None, 3, ["tiny"], "x" * 10_000)] == [None] * 7


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["/m/one", "/m/two"], ["one", "two"]),
        (["/a/final", "/b/final", "/c/other"], ["a/final", "b/final", "other"]),
        (["/x/a/final", "/y/a/final"], ["x/a/final", "y/a/final"]),
        (["/m/gpt2"], ["m/gpt2"]),  # not the catalogue's
        (["/a/final", "final"], ["a/final", "final"]),
        (["/m/one", "/m/one/", "/m/../m/one"], ["one"]),  # one folder, written three ways
        (["owner/name", " owner/name "], ["owner/name"]),
        (["/"], ["/"]),
        (["storyteller"], []),
    ],
)
def test_each_offered_model_has_a_name_of_its_own_that_is_no_path(
    monkeypatch: pytest.MonkeyPatch, sources: list[str], names: list[str]
) -> None:
    offer(monkeypatch, *sources)
    known = [entry.name for entry in gptcore.catalogue()]
    assert list(offered.names()) == known + names
    assert [offered.find(name).source for name in names] == list(dict.fromkeys(map(str.strip, sources)))[: len(names)]


BROKEN = {
    "a typing error": lambda folder: "/models/typo",
    "no owner": lambda folder: "distilgpt2",
    "an empty folder": lambda folder: folder,
    "a folder of which a part is missing": lambda folder: copied(folder, "model.safetensors"),
    "a configuration that is none": lambda folder: spoilt(folder, "config.json", "{"),
    "weights that are none": lambda folder: spoilt(folder, "model.safetensors", "x" * 100),
    "a vocabulary that is none": lambda folder: spoilt(folder, "vocab.json", "[" * 100),
}


def copied(folder: Path, without: str) -> Path:
    shutil.copytree(tiny, folder, dirs_exist_ok=True)
    (folder / without).unlink()
    return folder


def spoilt(folder: Path, name: str, text: str) -> Path:
    copied(folder, name)
    (folder / name).write_text(text)
    return folder


tiny: Path


@pytest.mark.parametrize("page", ["write", "attention", "glossary"])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_model_is_marked_and_everything_else_works(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tmp_path: Path, faults_logged: list[str], broken: str, page: str
) -> None:
    global tiny
    tiny = tiny_folder
    (folder := tmp_path / "spoilt").mkdir()
    source = str(BROKEN[broken](folder))
    offer(monkeypatch, tiny_folder, source)
    at = visit(page, prompt="a b")
    assert not at.exception and not at.error and "cannot be used" not in printed(at)
    name = offered.names()[-1]
    at.selectbox(key="widget_model").set_value(name).run()
    assert not at.exception and at.text_area(key="widget_prompt").value == "a b"
    at = visit(page, prompt="a b", model=name)
    assert [label for label in menu(at) if "cannot be used" in label] == [menu(at)[-1]]
    assert menu(at)[-1].startswith(f"{name} (cannot be used: ")
    said = printed(at) + " ".join(each.value for each in at.error)
    assert (
        "cannot be used" in said
        and str(tmp_path) not in said.replace("\\", "")
        and not any("Fault" in line for line in faults_logged)
    )
    assert len([line for line in faults_logged if source in line]) == 1  # once, with its place on the server
    at.selectbox(key="widget_model").set_value("tiny").run()
    assert not at.exception and not at.error and "cannot be used" not in printed(at)


def test_a_folder_that_is_removed_while_the_server_runs_is_marked_and_one_that_comes_back_is_not(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tmp_path: Path, faults_logged: list[str]
) -> None:
    shutil.copytree(tiny_folder, folder := tmp_path / "passing")
    offer(monkeypatch, folder)
    at = visit(model="passing", prompt="a b")
    assert not at.error and menu(at)[-1] == "passing"
    os.rename(folder, tmp_path / "away")
    offered.look_again()
    at = visit(model="passing", prompt="a b")
    assert not at.exception and "cannot be used" in menu(at)[-1] and "This model cannot be used" in printed(at)
    assert not visit(prompt="a b").error
    os.rename(tmp_path / "away", folder)
    offered.look_again()
    at = visit(model="passing", prompt="a b")
    assert not at.error and menu(at)[-1] == "passing"


def test_a_link_names_a_model_and_not_its_folder_and_one_that_names_the_folder_still_opens(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    offer(monkeypatch, tiny_folder)
    at = visit(model=str(tiny_folder), prompt="a b", chosen="5.6", step="1", position="0")
    assert at.query_params["model"] == "tiny" and at.query_params["chosen"] == "5.6" and not at.toast
    assert at.query_params["position"] == "0" and "step" not in at.query_params
    assert str(tiny_folder) not in str(at.main)


def test_without_the_embedded_model_the_first_that_is_offered_is_the_default(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    offer(monkeypatch, tiny_folder)
    monkeypatch.setattr(offered, "_catalogue", lambda: ())
    offered._offered.clear()
    try:
        at = visit(prompt="a b")
        assert not at.exception and not at.error and at.query_params["model"] == "tiny"
    finally:
        offered._offered.clear()


def test_a_model_that_is_not_here_is_never_downloaded_by_asking_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "owner/not-here")
    monkeypatch.setattr(gptcore.checkpoints, "download", lambda *_: pytest.fail("it was downloaded"))
    for name in ("owner/not-here", "gpt2-xl"):
        with pytest.raises(CheckpointError, match="not on this machine"):
            runtime.model(name)
    at = visit(model="owner/not-here", prompt="a b")
    assert not at.exception and "not on this machine yet" in printed(at)


def test_a_model_that_cannot_be_loaded_is_tried_again_after_a_while_and_not_by_each_visitor(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tmp_path: Path, faults_logged: list[str]
) -> None:
    shutil.copytree(tiny_folder, folder := tmp_path / "spoilt")
    weights = load_file(folder / "model.safetensors")
    spoiled = next(name for name in weights if name.endswith("ln_f.weight"))
    save_file({**weights, spoiled: np.full_like(weights[spoiled], np.nan)}, folder / "model.safetensors")
    offer(monkeypatch, folder)
    tries = []
    load = gptcore.load
    monkeypatch.setattr(gptcore, "load", lambda *args, **kwargs: tries.append(1) or load(*args, **kwargs))
    for _ in range(5):
        with pytest.raises(CheckpointError):
            runtime.model("spoilt")
    assert len(tries) == 1
    monkeypatch.setattr(offered, "_FAILED_FOR", -1)
    with pytest.raises(CheckpointError):
        runtime.model("spoilt")
    assert len(tries) == 2
