"""Whatever a browser sends to whatever a page has mounted, nothing comes of it but what the page offered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from app import choices, state
from app.shell.navigation import PAGES
from tests.pages.visit_page import ROOT, open_page

COMPONENTS = sorted((ROOT / "app" / "components").glob("*/__init__.py"))
EVENTS = {f"glass_{path.parent.name}": re.findall(r"\bon_(\w+)_change=", path.read_text("utf-8")) for path in COMPONENTS}
HUGE = 10**400
VALUES: list[Any] = [
    None, True, -1, 0, 7, 2**63, HUGE, -HUGE, 0.5, 1e308, float("nan"), "", "1", "x" * 30_000, [], [[1]], {}, {"row": {}},
]  # fmt: skip
# The names that components send their records by, so that each value stands in each of them too.
NAMES = sorted({name for path in COMPONENTS for name in re.findall(r"\.get\(\"(\w+)\"\)", path.read_text("utf-8"))})
# Kind of Streamlit's protocol -> what no honest widget of that kind says.
STATES: dict[str, list[Any]] = {
    "int_value": [-1, 2**62, -(2**62)],
    "double_value": [-1.0, 1e308, -1e308],  # the gate in front of the script drops what is not finite
    "double_array_value": [[-1.0], [1e308], [1.0, 2.0], []],
    "string_value": ["", "None", "-1", "x" * 30_000, "<b>"],
    "string_array_value": [["None"], ["x"] * 3, []],
    "json_value": ["null", "1", "[]", '{"edited_rows": [1]}', '{"edited_rows": {"0": {"maths": "x"}, "99": {"maths": 5}}}',
        '{"edited_rows": {"0": {"maths": 1e999, "x": 1}, "-1": {"maths": "78,5"}}}', '{"edited_rows": null}'],
}  # fmt: skip
MET: set[str] = set()  # what another part has shown already: once is enough


def mounted(at: AppTest) -> Iterator[tuple[str, Any]]:
    """(component name, or "" for a widget; its proto) of all that the page has on the screen and that can be told something."""

    def walk(block: Any) -> Iterator[Any]:
        for child in block.children.values():
            if hasattr(child, "children"):
                yield from walk(child)
            yield child

    for root in (at.main, at.sidebar):
        for node in walk(root):
            proto = getattr(node, "proto", None)
            if getattr(proto, "id", ""):
                yield getattr(proto, "component_name", ""), proto


def sent(at: AppTest, messages: list[WidgetState]) -> None:
    at._run(WidgetStates(widgets=messages))


def fine(at: AppTest, lines: list[str]) -> None:
    """No exception, no fault, and what the visitor looks at is something that a link can say."""
    assert not at.exception, [each.value for each in at.exception]
    assert not [line for line in lines if "Fault" in line], lines
    view = at.session_state["view"]
    assert state.from_query(state.to_query(view)).choices == {
        name: value for name, value in view.choices.items() if choices.fits(name, value)
    }
    assert all(type(value) is not bool for value in (view.layer, view.head, view.seed, view.step))


@pytest.mark.parametrize("page", [page.file for page in PAGES])
def test_what_no_honest_page_sends_changes_nothing_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, faults_logged: list[str], page: str
) -> None:
    for part in choices.ALL[page].options if page in choices.ALL else ("",):
        at = open_page(monkeypatch, tiny_folder, page, prompt="the cat sat", **({page: part} if part else {}))
        components = {proto.id: name for name, proto in mounted(at) if EVENTS.get(name) and name not in MET}
        MET.update(components.values())
        for value in VALUES if components else ():
            for payload in (value, dict.fromkeys(NAMES, value)):
                sent(at, [triggered(widget_id, EVENTS[name], payload) for widget_id, name in components.items()])
                fine(at, faults_logged)
        if components:
            at = open_page(monkeypatch, tiny_folder, page, prompt="the cat sat", **({page: part} if part else {}))
        honest = [each for each in at._tree.get_widget_states().widgets if each.id.rsplit("-", 1)[-1] not in MET]
        MET.update(each.id.rsplit("-", 1)[-1] for each in honest)
        for i in range(max(map(len, STATES.values())) if honest else 0):
            sent(at, [said for each in honest if (said := junk(each, i)) is not None])
            fine(at, faults_logged)


def triggered(widget_id: str, events: list[str], payload: Any) -> WidgetState:
    said = json.dumps([{"event": event, "value": payload} for event in events])
    return WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{widget_id}__events", json_trigger_value=said)


def junk(honest: WidgetState, i: int) -> WidgetState | None:
    """The i-th junk of the kind that this widget sends, None where there are not so many."""
    kind = honest.WhichOneof("value")
    if kind not in STATES or i >= len(STATES[kind]):
        return None
    said, value = WidgetState(id=honest.id), STATES[kind][i]
    if kind.endswith("_array_value"):
        getattr(said, kind).data.extend(value)
    else:
        setattr(said, kind, value)
    return said
