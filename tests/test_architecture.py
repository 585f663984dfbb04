"""The rules of the house, read off the source: who may import what, what may stand where, what is never written.

Each rule is also shown a source that breaks it, so that none can pass by looking at nothing.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import choices
from app.shell.navigation import PAGES
from tests.house_rules import (
    ROOT,
    RULES,
    Rule,
    cache_faults,
    chapter_faults,
    class_faults,
    figure_faults,
    files,
    home_faults,
    import_faults,
    number_faults,
    page_faults,
    python_files,
    random_faults,
    source,
    unguarded_faults,
)  # fmt: skip

MAX_LINES = 350
TOP_LEVEL_FILES = {".gitignore", "biome.jsonc", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "pyproject.toml"}
TOP_LEVEL_FILES |= {".dockerignore", "SECURITY.md", "constraints.txt", "requirements.txt", "requirements-lock.txt"}
TOP_LEVEL_FILES |= {f"requirements-{what}.txt" for what in ("cluster", "dev", "dev-lock", "tools")}
TOP_LEVEL_FOLDERS = {".ci", ".devcontainer", ".streamlit", "app", "benchmarks", "deploy", "docs", "gptcore", "pages", "tests"}


@pytest.mark.parametrize("faults", RULES, ids=lambda rule: rule.__name__)
def test_no_source_breaks_the_rule(faults: Rule) -> None:
    assert not [fault for name in RULES[faults] for fault in faults(name, source(name))]


def test_page_chapter_and_the_choice_of_its_part_have_one_name() -> None:
    pages = {entry.file for entry in PAGES}
    assert {Path(name).stem for name in python_files("pages")} == pages
    chapters = {path.name for path in (ROOT / "app/chapters").iterdir() if (path / "__init__.py").is_file()}
    assert chapters == pages - {"glossary"}  # which is one list of words


@pytest.mark.parametrize("page", sorted({entry.file for entry in PAGES} & choices.ALL.keys()))
def test_the_parts_of_a_page_are_those_of_the_choice_of_its_part(page: str) -> None:
    assert tuple(importlib.import_module(f"app.chapters.{page}.parts").PARTS) == choices.ALL[page].options


def test_no_two_classes_have_one_name() -> None:
    assert not class_faults({name: source(name) for name in python_files("app", "gptcore")})
    assert class_faults({"app/a.py": "class Picture: ...", "app/b.py": "class Part: ...", "app/c.py": "class Picture(Part): ..."})


BROKEN = [
    (import_faults, "gptcore/broken.py", "import pandas as pd"),
    (import_faults, "gptcore/broken.py", "def later():\n    from app.state import current"),
    (import_faults, "gptcore/broken.py", "import tokenizers"),
    (import_faults, "gptcore/training/broken.py", "from plotly import graph_objects"),
    (import_faults, "app/server/broken.py", "from app import state"),
    (import_faults, "app/charts/broken.py", "import torch.nn"),
    (import_faults, "app/charts/broken.py", "from gptcore.config import GPTConfig"),
    (import_faults, "app/charts/broken.py", "from app import state"),
    (import_faults, "app/broken.py", "from gptcore.model import _secret"),
    (import_faults, "pages/broken.py", "import torch"),
    (import_faults, "pages/broken.py", "from . import other"),
    (import_faults, "pages/broken.py", "import pages.other"),
    (import_faults, "app/broken.py", "from random import choice"),
    (import_faults, "app/room/broken.py", "import secrets"),
    (import_faults, "app/chapters/lens/views.py", "import torch"),
    (import_faults, "app/chapters/scale/checks.py", "from torch import Tensor"),
    (import_faults, "app/engine/queue.py", "import torch"),
    (import_faults, "app/chapters/lens/views.py", "import streamlit as st"),
    (import_faults, "app/chapters/tokens/surprise_views.py", "from streamlit import cache_resource"),
    (chapter_faults, "app/chapters/lens/views.py", "from app.chapters.map import views"),
    (chapter_faults, "app/ui.py", "from app.chapters.map.views import frame"),
    (chapter_faults, "pages/lens.py", "from app.chapters import tokens"),
    (home_faults, "pages/broken.py", "import streamlit as st\nst.session_state['a'] = 1"),
    (home_faults, "app/views.py", "from streamlit import query_params"),
    (home_faults, "pages/broken.py", "st.markdown('<b>', unsafe_allow_html=True)"),
    (unguarded_faults, "app/broken.py", "@st.fragment\ndef draw(): ..."),
    (unguarded_faults, "pages/broken.py", "st.button('Step', on_click=step)"),
    (unguarded_faults, "pages/broken.py", "st.text_input('Find', on_change=lambda: find())"),
    (unguarded_faults, "pages/broken.py", "st.download_button('CSV', lambda: csv(), 'a.csv')"),
    (cache_faults, "app/broken.py", "@lru_cache(maxsize=32)\ndef cut(text): ..."),
    (cache_faults, "app/broken.py", "@st.cache_resource(max_entries=9)\ndef cut(text): ..."),
    (cache_faults, "app/broken.py", "@st.cache_data\ndef cut(text): ..."),
    (page_faults, "pages/lens.py", "part = ui.parts(choices.LENS_PART, PARTS)"),
    (page_faults, "pages/lens.py", "ui.parts(choices.LENS_PART, PARTS, here)\nif here.ids:\n    pass"),
    (figure_faults, "app/chapters/lens/sections.py", "figure.layout['yaxis']['range'] = (0, 1)"),
    (figure_faults, "app/chapters/lens/sections.py", "cells = figure.data[0]"),
    (number_faults, "pages/broken.py", "f'{probability:.1%}'"),
    (number_faults, "app/charts/broken.py", "f'{value:,.2f} bits'"),
    (number_faults, "app/ui.py", "f'{value:g}'"),
    (number_faults, "app/components/broken.js", "shown.textContent = n.toLocaleString()"),
    (number_faults, "app/components/broken.js", "return x.toFixed(3).replace('-', '−')"),
    (number_faults, "app/components/broken.js", "return `${(100 * p).toFixed(1)} %`"),
    (random_faults, "pages/broken.py", "import numpy as np\nnp.random.default_rng(1).normal()"),
    (random_faults, "app/broken.py", "torch.randn(3)"),
    (random_faults, "app/components/broken.js", "const x = Math.random()"),
]  # fmt: skip


def test_each_rule_catches_the_sources_that_break_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(RULES)
    assert not [(name, text) for rule, name, text in BROKEN if not rule(name, text)]


def test_every_room_of_the_house_is_looked_at() -> None:
    assert all(python_files(room) for room in ("gptcore", "gptcore/training", "app", "app/charts", "app/server", "pages"))
    assert files("js", "app")


def tracked_files() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("This is not a git checkout, so nothing tells the project's files from others.")
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_holds_only_what_belongs_there() -> None:
    paths = [Path(name) for name in tracked_files()]
    assert {path.parts[0] for path in paths if len(path.parts) == 1} <= TOP_LEVEL_FILES
    assert {path.parts[0] for path in paths if len(path.parts) > 1} <= TOP_LEVEL_FOLDERS


def test_source_files_are_short_enough_to_be_read_at_one_sitting() -> None:
    sources = [name for name in tracked_files() if name.endswith((".py", ".js", ".css"))]
    long = {name: count for name in sources if (count := len(source(name).splitlines())) > MAX_LINES}
    assert not long


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    # One letter of each stands in brackets, or this file would break its own rule.
    hosts = [r"pypi\.or[g]", r"pythonhosted\.or[g]", r"npmjs\.(com|or[g])", r"download\.pytorch\.or[g]", r"deb\.debian\.or[g]"]
    folders = ["/wor[k]/", "/roo[t]/", "/hom[e]/[a-z]", "/User[s]/", "/opt/wheel[s]"]
    forbidden = re.compile("|".join(hosts + folders))
    faults = []
    for name in tracked_files():
        text = (ROOT / name).read_bytes()
        if b"\0" not in text:
            faults += [f"{name}: {found.group()}" for found in forbidden.finditer(text.decode("utf-8", errors="replace"))]
    assert not faults


def lint(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the linter says of JavaScript."""
    command = [str(Path(sys.executable).with_name("biome")), "lint", "--colors=off", "--error-on-warnings", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_component_names_nothing_that_it_neither_declares_nor_imports(tmp_path: Path) -> None:
    checked = lint("app/components", "tests/js")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (tmp_path / "broken.js").write_text("export const box = make('div');\n")
    broken = lint(f"--config-path={ROOT / 'biome.jsonc'}", str(tmp_path / "broken.js"))
    assert "noUndeclaredVariables" in broken.stdout + broken.stderr
