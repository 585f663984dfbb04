"""The parts of the embeddings page, in their order."""

from __future__ import annotations

from app import ui
from app.beats import Beat, Beats
from app.chapters.embeddings import sections, story
from app.runtime import Here
from app.writing import markup


def _token(here: Here) -> None:
    ui.note(f"Token {markup.quoted(here.tokens[here.position])} at position {here.position}. Choose another in the text above.")


PARTS: Beats = {
    "sum": Beat(
        "What goes in", "How does a token become numbers?", sections.the_sum, story.says_sum,
        steppers=_token, tries=story.try_sum, maths=sections.sum_maths, checks=sections.sum_checks,
        words=("embedding", "token id", "norm", "residual stream", "context length"),
    ),
    "similar": Beat(
        "Similar tokens", "Which tokens does it take for alike?", sections.the_neighbours, story.says_similar,
        steppers=_token, tries=story.try_similar, maths=sections.neighbour_maths, checks=sections.neighbour_checks,
        words=("embedding", "cosine", "vocabulary"),
    ),
    "positions": Beat(
        "Similar positions", "How does it know where a token stands?", sections.the_positions, story.says_positions,
        steppers=_token, tries=story.try_positions, maths=sections.position_maths, checks=sections.position_checks,
        words=("embedding", "cosine", "context length"),
    ),
    "lengths": Beat(
        "Vector norms", "How long are these rows?", sections.the_lengths, story.says_lengths,
        steppers=_token, tries=story.try_sum, maths=sections.length_maths, checks=sections.length_checks,
        words=("embedding", "weight tying"),
    ),
    "plane": Beat(
        "2-D projection (PCA)", "What lies near what?", sections.the_plane, story.says_plane,
        steppers=_token, tries=story.try_plane, maths=sections.plane_maths, checks=sections.plane_checks,
        words=("embedding", "vocabulary", "variance"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
