"""The parts of the attention page, in their order."""

from __future__ import annotations

from app import ui
from app.beats import Beat, Beats
from app.chapters.attention import closer, newest, sections, sink, stops, story, weight
from app.runtime import Here


def _weight_focus(here: Here) -> None:
    closer.look_control()
    ui.layer_and_head(here)


def _map_focus(here: Here) -> None:
    sections.controls(here)
    stops.stops(here)  # all heads stand side by side, and a click chooses


def _newest_focus(here: Here) -> None:
    ui.layer_and_head(here)
    newest.hide_first()


PARTS: Beats = {
    "lookup": Beat(
        "A look back", "How does it know what comes next?", story.lookup, story.says_lookup,
        steppers=ui.layer_and_head, tries=story.try_lookup, maths=story.maths, checks=story.checks,
        words=("attention", "attention head", "weight", "attention sink"),
    ),
    "closer": Beat(
        "One weight", "How is a weight made?", closer.closer_look, weight.says,
        steppers=_weight_focus, tries=weight.tries, maths=closer.maths, checks=closer.checks,
        words=("query", "key", "value", "causal mask", "softmax", "entropy"),
    ),
    "head": Beat(
        "All heads", "What do the other heads look at?", sections.one_head, story.says_heads,
        steppers=_map_focus, tries=story.try_heads, maths=sections.formula, checks=sections.head_checks,
        words=("attention head", "query", "key", "value", "causal mask", "softmax", "attention", "attention sink", "entropy", "induction head"),
    ),
    "sink": Beat(
        "The first token", "Where does weight go that is not needed?", sink.sink, sink.says_sink,
        steppers=ui.layer_and_head, tries=sink.try_sink, maths=sink.maths, checks=sink.checks,
        words=("attention sink", "value", "softmax"),
    ),
    "newest": Beat(
        "The newest token", "What has the newest token taken from the others?", newest.newest, story.says_newest,
        steppers=_newest_focus, tries=story.try_newest, maths=newest.maths, checks=newest.checks,
        words=("attention", "attention head", "softmax", "vector"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
