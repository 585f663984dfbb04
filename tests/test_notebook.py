"""The notebook in docs/: every cell runs, says what is printed below it, and finds what its text claims."""

from __future__ import annotations

import contextlib
import io
import json
import re
from typing import Any

import numpy as np
import pytest

from tests.house_rules import ROOT

NUMBER = re.compile(r"[-+]?\d+\.\d+")


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "docs/induction.ipynb").read_text("utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def test_every_cell_runs_and_prints_what_stands_below_it_within_rounding(cells: list[dict[str, Any]]) -> None:
    space: dict[str, Any] = {}
    for cell in cells:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec("".join(cell["source"]), space)
        kept = "".join(line for output in cell["outputs"] for line in output.get("text", []))
        assert NUMBER.sub("#", said.getvalue()) == NUMBER.sub("#", kept)
        numbers = [[float(number) for number in NUMBER.findall(text)] for text in (said.getvalue(), kept)]
        np.testing.assert_allclose(*numbers, atol=0.06)
    assert space["scores"].max() > 0.5 > 10 * np.median(space["scores"])  # a few heads, and not all
    assert space["without"] > 10 * space["with_control"]  # they are the cause
