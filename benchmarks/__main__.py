"""python -m benchmarks [core] [browser]: print the table; without a name, all of it. On a machine with nothing else to do."""

from __future__ import annotations

import sys
from importlib import import_module

from benchmarks.table import markdown

PARTS = ("core", "browser")

wanted = sys.argv[1:] or PARTS
if unknown := set(wanted) - set(PARTS):
    sys.exit(f"There is no {', '.join(sorted(unknown))}; choose from: {', '.join(PARTS)}.")
print(markdown([row for part in wanted for row in import_module(f"benchmarks.{part}").rows()]))
