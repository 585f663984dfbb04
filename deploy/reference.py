"""make reference: the pages of gptcore's public names and modules, from their docstrings, into docs/reference."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from pkgutil import iter_modules

import pdoc

import gptcore

ROOT = Path(__file__).parents[1]


def main() -> int:
    for name in gptcore.__all__:  # they are imported when they are first used, and pdoc looks for those that are there
        vars(gptcore)[name] = getattr(gptcore, name)
    warnings.filterwarnings("ignore", "Error parsing type annotation")  # shapes and late imports stay as they are written
    modules = [f"gptcore.{found.name}" for found in iter_modules(gptcore.__path__) if not found.ispkg]
    pdoc.render.configure(docformat="markdown", show_source=True)
    pdoc.pdoc("gptcore", *modules, output_directory=ROOT / "docs/reference")
    sys.stdout.write(f"{len(gptcore.__all__)} names and {len(modules)} modules: open docs/reference/gptcore.html\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
