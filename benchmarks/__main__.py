"""python -m benchmarks [part ...]: print the tables of core, interventions, devices, browser, load, classroom, flood, training; without a
name, all. On a machine at rest."""

from __future__ import annotations

import sys
from importlib import import_module

PARTS = ("core", "interventions", "devices", "browser", "load", "classroom", "flood", "training")

wanted = sys.argv[1:] or PARTS
if unknown := set(wanted) - set(PARTS):
    sys.exit(f"There is no {', '.join(sorted(unknown))}; choose from: {', '.join(PARTS)}.")
sys.argv = sys.argv[:1]  # each part reads its own options, and gets none from here
for part in wanted:
    import_module(f"benchmarks.{part}").main()
    print()
