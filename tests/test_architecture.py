"""The rules of the house, read off the source: who may import what, what may stand where, what is never written.

Each rule is also shown a source that breaks it, so that none can pass by looking at nothing.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from app import choices
from app.shell.navigation import PAGES

ROOT = Path(__file__).parents[1]
MAX_LINES = 420
TOP_LEVEL_FILES = {".gitignore", "LICENSE", "Makefile", "README.md", "pyproject.toml"}
TOP_LEVEL_FILES |= {"constraints.txt", "requirements-dev.txt", "requirements.txt"}
TOP_LEVEL_FOLDERS = {".ci", ".streamlit", "app", "benchmarks", "docs", "gptcore", "pages", "tests"}

# What the modules of each folder may import besides the standard library; the longest folder that fits decides.
ALLOWED_IMPORTS = {
    "gptcore": {"gptcore", "torch", "numpy", "tiktoken", "safetensors", "huggingface_hub", "jaxtyping", "regex"},
    "gptcore/training": {"gptcore", "torch", "numpy", "jaxtyping", "regex", "tokenizers", "tqdm"},
    "app": {"app", "gptcore", "streamlit", "plotly", "pandas", "numpy", "torch", "PIL"},
    "app/server": {"app.server", "streamlit", "starlette", "google.protobuf"},
    "app/charts": {"app.charts", "app.palette", "plotly", "pandas", "numpy"},
    "pages": {"app", "gptcore", "streamlit", "pandas", "numpy"},
}
TORCH_IN_APP = {"app/engine/local.py", "app/chapters/layer_norm/lessons.py", "app/chapters/feed_forward/activations.py"}
TORCH_IN_APP |= {"app/chapters/parameters/checks.py", "app/chapters/scale/checks.py"}  # torch's own size of a number
RANDOM_MODULES = {"random", "secrets", "uuid"}
# Names (dotted, as written) that only one module may use.
ONE_HOME = {
    "st.session_state": "app/state.py",
    "st.query_params": "app/state.py",
    "st.html": "app/ui.py",
    "unsafe_allow_html": "app/ui.py",
}
RANDOM_NAMES = ("np.random", "numpy.random", "torch.rand", "torch.manual_seed", "torch.Generator", "os.urandom")
Rule = Callable[[str, str], list[str]]  # name and text of a source -> what is wrong with it
RANDOM_IN_JS = re.compile(r"Math\s*\.\s*random|getRandomValues|randomUUID")


def files(ending: str, *folders: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob(f"*.{ending}"))


def python_files(*folders: str) -> list[str]:
    return files("py", *folders)


@cache
def source(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """Every node of the source's syntax tree."""
    return tuple(ast.walk(ast.parse(text)))


def allowed_imports(name: str) -> set[str]:
    """What the module of this name may import."""
    room = max((folder for folder in ALLOWED_IMPORTS if name.startswith(folder + "/")), key=len)
    return ALLOWED_IMPORTS[room] | set(sys.stdlib_module_names) - RANDOM_MODULES


def imported_names(text: str) -> Iterator[str]:
    """Everything imported anywhere in the source, dotted: `from a import b` gives a.b."""
    for node in nodes(text):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


@cache
def used_names(text: str) -> set[str]:
    """Every dotted name, keyword and `from x import y` in the source: np.random.default_rng gives itself and its beginnings."""
    names = {f"st.{name.removeprefix('streamlit.')}" for name in imported_names(text) if name.startswith("streamlit.")}
    for node in nodes(text):
        if isinstance(node, ast.Attribute):
            names.add(ast.unparse(node))
        elif isinstance(node, ast.keyword) and node.arg:
            names.add(node.arg)
    return names


def import_faults(name: str, text: str) -> list[str]:
    allowed, faults = allowed_imports(name), []
    for found in imported_names(text):
        if not any(found == package or found.startswith(package + ".") for package in allowed):
            faults.append(f"{name} may not import {found}")
        if not name.startswith("gptcore/") and re.match(r"gptcore\.(.+\.)?_", found):
            faults.append(f"{name} imports {found}, which is private")
        if name.startswith("app/") and found.split(".")[0] == "torch" and name not in TORCH_IN_APP:
            faults.append(f"{name} imports torch, which belongs to {', '.join(sorted(TORCH_IN_APP))}")
        if name.startswith("app/chapters/") and name.endswith("views.py") and found.split(".")[0] == "streamlit":
            faults.append(f"{name} imports {found}: views are data, which sections draw")
    return faults


def chapter_faults(name: str, text: str) -> list[str]:
    """A chapter imports no other, a page its own alone, and what stands around the pages imports none."""
    folder, file = name.rsplit("/", 1)
    own = Path(name).parts[2] if folder.startswith("app/chapters/") else file.removesuffix(".py") if folder == "pages" else ""
    met = {found.split(".")[2] for found in imported_names(text) if re.match(r"app\.chapters\.", found)}
    return [f"{name} imports the chapter {other}" for other in sorted(met - {own})]


def home_faults(name: str, text: str) -> list[str]:
    strays = [used for used, home in ONE_HOME.items() if used in used_names(text) and name != home]
    return [f"{name} uses {used}, which belongs in {ONE_HOME[used]}" for used in strays]


def cache_faults(name: str, text: str) -> list[str]:
    """A cache that counts its entries is as large as visitors make them: app.recent counts bytes. Streamlit's own holds single things
    (a function without arguments)."""
    faults = []
    for node in nodes(text):
        for decorator in getattr(node, "decorator_list", ()):
            said = ast.unparse(decorator)
            single = isinstance(node, ast.FunctionDef) and not (node.args.args or node.args.kwonlyargs)
            if re.match(r"(functools\.)?lru_cache|st\.cache_", said) and not single:
                faults.append(f"{name}: {node.name} is cached by {said}; use app.recent.keeping, which counts bytes")
    return faults


def unguarded_faults(name: str, text: str) -> list[str]:
    """What Streamlit calls by itself goes through app.faults or app.state.guarded: an error in it would take down the whole page."""
    found = []
    for node in nodes(text):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "st.fragment" and name != "app/faults.py":
            found.append(f"{name} uses st.fragment; app.faults.fragment says what goes wrong in it")
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or ast.unparse(node.func.value) != "st":
            continue
        for keyword in node.keywords:
            value = ast.unparse(keyword.value)
            if keyword.arg in {"on_click", "on_change", "on_select"} and not value.startswith(
                ("state.guarded(", "guarded(", "'")
            ):
                found.append(f"{name} gives {value} to st.{node.func.attr}; hand it state.guarded({value})")
        if node.func.attr == "download_button" and not ast.unparse(node.args[1]).startswith("faults.export("):
            found.append(f"{name}: a download button's data are made by faults.export(...)")
    return found


def random_faults(name: str, text: str) -> list[str]:
    if name.endswith(".js"):
        return [f"{name} calls {found.group()}" for found in RANDOM_IN_JS.finditer(text)]
    return [f"{name} uses {used}" for used in used_names(text) if used.startswith(RANDOM_NAMES)]


# Each rule, and the files that it holds for.
RULES: dict[Rule, list[str]] = {
    import_faults: python_files("gptcore", "app", "pages"),
    chapter_faults: python_files("app", "pages"),
    home_faults: python_files("app", "pages"),
    random_faults: [*python_files("app", "pages"), *files("js", "app")],
    unguarded_faults: python_files("app", "pages"),
    cache_faults: python_files("app", "pages"),
}


@pytest.mark.parametrize("faults", RULES, ids=lambda rule: rule.__name__)
def test_no_source_breaks_the_rule(faults: Rule) -> None:
    assert not [fault for name in RULES[faults] for fault in faults(name, source(name))]


def test_page_chapter_and_the_choice_of_its_part_have_one_name() -> None:
    pages = {entry.file for entry in PAGES}
    assert {Path(name).stem for name in python_files("pages")} == pages
    chapters = {path.name for path in (ROOT / "app/chapters").iterdir() if (path / "__init__.py").is_file()}
    assert chapters == pages - {"glossary"}  # which is one list of words
    in_parts = {page for page in pages if "ui.parts(" in source(f"pages/{page}.py")}
    assert all(f"choices.{choice_constant(page)}" in source(f"pages/{page}.py") for page in in_parts)


def choice_constant(page: str) -> str:
    """The name in app/choices.py of the choice that a link calls as it calls the page."""
    return next(name for name, value in vars(choices).items() if isinstance(value, choices.Choice) and value.name == page)


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
    (import_faults, "app/chapters/lens/views.py", "import torch"),
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
