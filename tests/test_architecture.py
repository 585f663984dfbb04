"""The rules of the house, read off the source: who may import what, what may stand where, what is never written.

Each rule is also shown a source that breaks it, so that none can pass by looking at nothing.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from app import choices
from app.shell.navigation import PAGES

ROOT = Path(__file__).parents[1]
MAX_LINES = 420
TOP_LEVEL_FILES = {".gitignore", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "pyproject.toml"}
TOP_LEVEL_FILES |= {"constraints.txt", "requirements-dev.txt", "requirements.txt"}
TOP_LEVEL_FOLDERS = {".ci", ".streamlit", "app", "benchmarks", "docs", "gptcore", "pages", "tests"}

# What the modules of each folder may import besides the standard library; the longest folder that fits decides.
ALLOWED_IMPORTS = {
    "gptcore": {"gptcore", "torch", "numpy", "tiktoken", "safetensors", "huggingface_hub", "jaxtyping", "regex"},
    "gptcore/training": {"gptcore", "torch", "numpy", "jaxtyping", "regex", "tokenizers", "tqdm"},
    "app": {"app", "gptcore", "streamlit", "plotly", "pandas", "numpy", "torch", "PIL"},
    "app/charts": {"app.charts", "app.palette", "app.writing.numbers", "plotly", "pandas", "numpy"},
    "app/server": {"app.server", "streamlit", "starlette", "google.protobuf"},
    "pages": {"app", "gptcore", "streamlit", "pandas", "numpy"},
}
TORCH_IN_APP = {"app/engine/local.py"}  # where traces come from
RANDOM_MODULES = {"random", "secrets", "uuid"}
# Names (dotted, as written) that only one module may use.
ONE_HOME = {
    "st.session_state": "app/state.py",
    "st.query_params": "app/state.py",
    "st.html": "app/ui.py",
    "unsafe_allow_html": "app/ui.py",
}
RANDOM_NAMES = ("np.random", "numpy.random", "torch.rand", "torch.manual_seed", "torch.Generator", "os.urandom")
DIGITS = re.compile(r"(?:^|[^a-z])[eEfFgGn%]['\"]?$")  # the format of a number with decimals, at its end
DIGITS_IN_JS = re.compile(r"\.toLocaleString|\.to(?:Fixed|Precision)\([^)]*\)(?:\.replace|\} %)")
# Who writes digits for others than readers: links, and style sheets and drawings, which count pixels.
NUMBERS_OF_THEIR_OWN = {
    "app/choices.py",
    "app/configurations.py",
    "app/state.py",
    "app/picture_files.py",
    "app/chapters/map/drawing.py",
}
RANDOM_IN_JS = re.compile(r"Math\s*\.\s*random|getRandomValues|randomUUID")


def files(ending: str, *folders: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob(f"*.{ending}"))


def python_files(*folders: str) -> list[str]:
    return files("py", *folders)


def source(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def allowed_imports(name: str) -> set[str]:
    """What the module of this name may import."""
    room = max((folder for folder in ALLOWED_IMPORTS if name.startswith(folder + "/")), key=len)
    return ALLOWED_IMPORTS[room] | set(sys.stdlib_module_names) - RANDOM_MODULES


def imported_names(text: str) -> Iterator[str]:
    """Everything imported anywhere in the source, dotted: `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def used_names(text: str) -> set[str]:
    """Every dotted name, keyword and `from x import y` in the source: np.random.default_rng gives itself and its beginnings."""
    names = {f"st.{name.removeprefix('streamlit.')}" for name in imported_names(text) if name.startswith("streamlit.")}
    for node in ast.walk(ast.parse(text)):
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


def figure_faults(name: str, text: str) -> list[str]:
    """What a figure shows is said to its builder; nobody writes into it afterwards."""
    touched = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute) and node.attr in {"layout", "data"}]
    return [f"{name} reaches into a figure: {ast.unparse(node)}" for node in touched]


def number_faults(name: str, text: str) -> list[str]:
    """How many digits a number on the screen has is decided in one place."""
    if name.endswith(".js"):
        return [f"{name} writes numbers its own way: {found.group()}" for found in DIGITS_IN_JS.finditer(text)]
    specs = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FormattedValue) and node.format_spec]
    return [
        f"{name} writes digits by itself: {ast.unparse(node)}" for node in specs if DIGITS.search(ast.unparse(node.format_spec))
    ]


def class_faults(sources: Mapping[str, str]) -> list[str]:
    """Two classes of one name, wherever they stand: name of a file -> its source."""
    homes: dict[str, list[str]] = {}
    for name, text in sources.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name)
    return [f"{name} is a class in {' and in '.join(found)}" for name, found in homes.items() if len(found) > 1]


def test_no_two_classes_have_one_name() -> None:
    assert not class_faults({name: source(name) for name in python_files("app", "gptcore")})
    assert class_faults({"app/a.py": "class Picture: ...", "app/b.py": "class Part: ...", "app/c.py": "class Picture(Part): ..."})


def cache_faults(name: str, text: str) -> list[str]:
    """A cache that counts its entries is as large as visitors make them: app.recent counts bytes. Streamlit's own holds single things
    (a function without arguments)."""
    faults = []
    for node in ast.walk(ast.parse(text)):
        for decorator in getattr(node, "decorator_list", ()):
            said = ast.unparse(decorator)
            single = isinstance(node, ast.FunctionDef) and not (node.args.args or node.args.kwonlyargs)
            if re.match(r"(functools\.)?lru_cache|st\.cache_", said) and not single:
                faults.append(f"{name}: {node.name} is cached by {said}; use app.recent.keeping, which counts bytes")
    return faults


def unguarded_faults(name: str, text: str) -> list[str]:
    """What Streamlit calls by itself goes through app.faults or app.state.guarded: an error in it would take down the whole page."""
    found = []
    for node in ast.walk(ast.parse(text)):
        said = ast.unparse(node)
        if isinstance(node, ast.Attribute) and said == "st.fragment" and name != "app/faults.py":
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


@pytest.mark.parametrize("name", python_files("gptcore", "app", "pages"))
def test_a_module_imports_only_what_its_room_allows(name: str) -> None:
    assert not import_faults(name, source(name))


@pytest.mark.parametrize("name", python_files("app", "pages"))
def test_no_chapter_knows_another(name: str) -> None:
    assert not chapter_faults(name, source(name))


def test_page_chapter_and_the_choice_of_its_part_have_one_name() -> None:
    pages = {entry.file for entry in PAGES}
    assert {Path(name).stem for name in python_files("pages")} == pages
    chapters = {path.name for path in (ROOT / "app/chapters").iterdir() if (path / "__init__.py").is_file()}
    assert chapters == pages - {"glossary"}  # which is one list of words


def in_parts() -> list[str]:
    """The pages that are told in parts."""
    return sorted(entry.file for entry in PAGES if entry.file in choices.ALL)


def page_faults(name: str, text: str) -> list[str]:
    """A page in parts has one way to the part that is drawn: the table of its chapter."""
    page = Path(name).stem
    dispatch = f"ui.parts(choices.{choice_constant(page)}, PARTS, here)"
    faults = [] if text.count(dispatch) == 1 else [f"{name} draws its parts otherwise than by {dispatch}"]
    return faults + [
        f"{name} decides by itself: {ast.unparse(node.test)}" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.If)
    ]


@pytest.mark.parametrize("page", in_parts())
def test_a_page_draws_its_parts_from_the_table_of_its_chapter(page: str) -> None:
    table = importlib.import_module(f"app.chapters.{page}.parts").PARTS
    assert tuple(table) == choices.ALL[page].options
    assert not page_faults(f"pages/{page}.py", source(f"pages/{page}.py"))


def choice_constant(page: str) -> str:
    """The name in app/choices.py of the choice that a link calls as it calls the page."""
    return next(name for name, value in vars(choices).items() if isinstance(value, choices.Choice) and value.name == page)


@pytest.mark.parametrize("name", python_files("app", "pages"))
def test_session_state_and_raw_html_have_one_home_each(name: str) -> None:
    assert not home_faults(name, source(name))


@pytest.mark.parametrize("name", [*python_files("app", "pages"), *files("js", "app")])
def test_nothing_that_is_drawn_comes_from_a_random_number(name: str) -> None:
    assert not random_faults(name, source(name))


@pytest.mark.parametrize("name", python_files("app/chapters", "pages"))
def test_chapters_give_figures_to_the_page_as_their_builders_made_them(name: str) -> None:
    assert not figure_faults(name, source(name))


@pytest.mark.parametrize("name", [*python_files("app", "pages"), *files("js", "app")])
def test_numbers_on_the_screen_have_one_writer(name: str) -> None:
    if name not in NUMBERS_OF_THEIR_OWN and not name.startswith(("app/writing/", "app/components/shared/numbers.js")):
        assert not number_faults(name, source(name))


@pytest.mark.parametrize("name", python_files("app", "pages"))
def test_whatever_streamlit_calls_says_what_goes_wrong_in_it(name: str) -> None:
    assert not unguarded_faults(name, source(name))


@pytest.mark.parametrize("name", python_files("app", "pages"))
def test_every_cache_is_bounded_in_bytes(name: str) -> None:
    assert not cache_faults(name, source(name))


@pytest.mark.parametrize(
    ("faults", "name", "text"),
    [
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
        (page_faults, "pages/lens.py", "part = ui.parts(choices.LENS_PART, PARTS)"),
        (page_faults, "pages/lens.py", "if ui.parts(choices.LENS_PART, PARTS, here) == 'grid':\n    pass"),
        (figure_faults, "app/chapters/lens/sections.py", "figure.layout['yaxis']['range'] = (0, 1)"),
        (figure_faults, "app/chapters/lens/sections.py", "cells = figure.data[0]"),
        (number_faults, "pages/broken.py", "f'{probability:.1%}'"),
        (number_faults, "app/charts/broken.py", "f'{value:,.2f} bits'"),
        (number_faults, "app/ui.py", "f'{value:g}'"),
        (number_faults, "app/components/broken.js", "shown.textContent = n.toLocaleString()"),
        (number_faults, "app/components/broken.js", "return x.toFixed(3).replace('-', '−')"),
        (number_faults, "app/components/broken.js", "return `${(100 * p).toFixed(1)} %`"),
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
    ],
)  # fmt: skip
def test_each_rule_catches_the_source_that_breaks_it(faults: Callable[[str, str], list[str]], name: str, text: str) -> None:
    assert faults(name, text)


def test_every_room_of_the_house_is_looked_at() -> None:
    assert all(python_files(room) for room in ("gptcore", "gptcore/training", "app", "app/charts", "app/server", "pages"))


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
