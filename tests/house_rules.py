"""The rules of the house as functions: name and text of a source in, what is wrong with it out.

tests/test_architecture.py holds every source to them, and shows each of them one that breaks it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from app import choices

ROOT = Path(__file__).parents[1]
# What the modules of each folder may import besides the standard library; the longest folder that fits decides.
ALLOWED_IMPORTS = {
    "gptcore": {"gptcore", "torch", "numpy", "tiktoken", "safetensors", "huggingface_hub", "jaxtyping", "regex"},
    "gptcore/training": {"gptcore", "torch", "numpy", "jaxtyping", "regex", "safetensors", "tokenizers", "tqdm"},
    "app": {"app", "gptcore", "streamlit", "plotly", "pandas", "numpy", "torch", "PIL"},
    "app/engine": {"app", "gptcore", "numpy", "ray", "torch"},
    "app/server": {"app.server", "streamlit", "starlette", "uvicorn", "google.protobuf"},
    "app/room": {"app", "streamlit", "starlette", "latex2mathml", "markdown_it", "segno"},
    "app/charts": {"app.charts", "app.palette", "app.writing.numbers", "plotly", "pandas", "numpy"},
    "pages": {"app", "gptcore", "streamlit", "pandas", "numpy"},
}
TORCH_IN_APP = {"app/engine/local.py"}  # where traces come from
RAY_IN = "app/engine/ray_serve.py"  # imported where a cluster is asked for, and nowhere else
RANDOM_MODULES = {"random", "secrets", "uuid"}
# Where chance has nothing to do with a model: a class's code and token, the name of a tab, and when a browser tries again.
SECRETS_IN = "app/room/codes.py"
CHANCE_IN = "app/components/room/"
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
WRITERS = ("app/writing/", "app/components/shared/numbers.js")
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
    secrets = {"secrets"} if name == SECRETS_IN else set()
    return ALLOWED_IMPORTS[room] | set(sys.stdlib_module_names) - RANDOM_MODULES | secrets


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
        if found.split(".")[0] == "ray" and name != RAY_IN:
            faults.append(f"{name} imports ray, which belongs to {RAY_IN}")
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
        if name.startswith(CHANCE_IN):
            return []
        return [f"{name} calls {found.group()}" for found in RANDOM_IN_JS.finditer(text)]
    return [f"{name} uses {used}" for used in used_names(text) if used.startswith(RANDOM_NAMES)]


def figure_faults(name: str, text: str) -> list[str]:
    """What a figure shows is said to its builder; nobody writes into it afterwards."""
    touched = [node for node in nodes(text) if isinstance(node, ast.Attribute) and node.attr in {"layout", "data"}]
    return [f"{name} reaches into a figure: {ast.unparse(node)}" for node in touched]


def number_faults(name: str, text: str) -> list[str]:
    """How many digits a number on the screen has is decided in one place."""
    if name in NUMBERS_OF_THEIR_OWN or name.startswith(WRITERS):
        return []
    if name.endswith(".js"):
        return [f"{name} writes numbers its own way: {found.group()}" for found in DIGITS_IN_JS.finditer(text)]
    specs = [node for node in nodes(text) if isinstance(node, ast.FormattedValue) and node.format_spec]
    return [
        f"{name} writes digits by itself: {ast.unparse(node)}" for node in specs if DIGITS.search(ast.unparse(node.format_spec))
    ]


def page_faults(name: str, text: str) -> list[str]:
    """A page in parts has one way to the part that is drawn: the table of its chapter."""
    page = Path(name).stem
    if page not in choices.ALL:
        return []
    dispatch = f"(choices.{choice_constant(page)}, PARTS, here)"
    ways = [f"ui.parts{dispatch}", f"beats.tell{dispatch}"]
    faults = [] if sum(map(text.count, ways)) == 1 else [f"{name} draws its parts otherwise than by {' or '.join(ways)}"]
    return faults + [f"{name} decides by itself: {ast.unparse(node.test)}" for node in nodes(text) if isinstance(node, ast.If)]


def choice_constant(page: str) -> str:
    """The name in app/choices.py of the choice that a link calls as it calls the page."""
    return next(name for name, value in vars(choices).items() if isinstance(value, choices.Choice) and value.name == page)


def class_faults(sources: Mapping[str, str]) -> list[str]:
    """Two classes of one name, wherever they stand: name of a file -> its source."""
    homes: dict[str, list[str]] = {}
    for name, text in sources.items():
        for node in nodes(text):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name)
    return [f"{name} is a class in {' and in '.join(found)}" for name, found in homes.items() if len(found) > 1]


# Each rule, and the files that it holds for.
RULES: dict[Rule, list[str]] = {
    import_faults: python_files("gptcore", "app", "pages"),
    chapter_faults: python_files("app", "pages"),
    home_faults: python_files("app", "pages"),
    random_faults: [*python_files("app", "pages"), *files("js", "app")],
    unguarded_faults: python_files("app", "pages"),
    cache_faults: python_files("app", "pages"),
    figure_faults: python_files("app/chapters", "pages"),
    number_faults: [*python_files("app", "pages"), *files("js", "app")],
    page_faults: python_files("pages"),
}
