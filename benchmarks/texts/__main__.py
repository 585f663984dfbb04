"""Choose anew what the pages bring along: `python -m benchmarks.texts`, for the embedded model or a folder, writes app/texts.json.

It prints the ranking of each role's candidates with their figures, and writes nothing where some role has none that shows it. "*" is the
text that the pages have now.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from app import offered, texts
from benchmarks.texts.candidate import Candidate
from benchmarks.texts.roles import ROLES
from benchmarks.texts.survey import NothingShowsItError, Ranked, better, chosen, judged, survey, written
from gptcore.checkpoints import EMBEDDED


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texts", description=__doc__)
    parser.add_argument("--model", default=EMBEDDED.name, help="a model of the catalogue, or a folder (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="only say whether the file has the texts that would be chosen")
    parser.add_argument("--continue", dest="goes_on", action="store_true", help="print what the presets' best are continued with")
    said = parser.parse_args()
    if Path(said.model).is_dir():
        os.environ[offered.ALLOWED_MODELS_VARIABLE] = said.model = str(Path(said.model).resolve())
    if said.check:
        return _check(said.model)
    rankings = survey(said.model)
    for role, found in rankings.items():
        _print(role, found, said.model)
        if said.goes_on and role.startswith("preset"):
            _print_continuations(found[0])
    try:
        best = chosen(rankings)
    except NothingShowsItError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    texts.FILE.write_text(written(best), encoding="utf-8")
    return 0


def _check(model: str) -> int:
    found = {role: better(model, role, now) for role, now in texts.TEXTS.items()}
    for role, text in found.items():
        print(f"{role}: “{text}” shows it better than “{texts.TEXTS[role]}”." if text else f"{role}: as chosen.")
    return int(any(found.values()))


def _print(role: str, found: list[Ranked], model: str) -> None:
    needs = ROLES[role]
    print(f"\n{role}: " + "; ".join(f"{need.name} {'≤' if need.at_most else '≥'} {need.bound:g}" for need in needs))
    now = texts.TEXTS[role]
    if now not in {each.text for each in found}:
        found = [*found, judged(Candidate(now, model), needs)]
    for place, each in enumerate(found, 1):
        figures = [f"{figure:8.3g}" for figure in each.figures] + ["       –"] * (len(needs) - len(each.figures))
        mark = "*" if each.text == now else " "
        text = each.text if len(each.text) <= 100 else f"…{each.text[-99:]}"
        print(f"{place if each.meets_all else '–':>3}{mark} {each.margin:5.2f} {''.join(figures)}  {text}")


def _print_continuations(best: Ranked) -> None:
    for ids in best.measured.continuations:
        print(f"      {best.text} … {best.measured.here.model.tokenizer.decode(ids)}".replace("\n", "↵"))


if __name__ == "__main__":
    sys.exit(main())
