"""The class load measures what it says: its visitors write text, and a step that does nothing is counted as an error."""

from __future__ import annotations

import time

import pytest

from benchmarks import load
from benchmarks.raw_visitor import RawVisitor
from tests.browser.server import Server


def test_every_visitor_opens_the_page_and_writes_as_many_tokens_as_it_presses(server: Server) -> None:
    seen, processor = load.turn(server, visitors=2, seconds=0.4, every=0.2)
    assert not seen.errors and len(seen.first) == 2 and len(seen.steps) == 4
    assert min(seen.first + seen.steps) > 0 and seen.step_bytes > 4 * 500 and not processor <= 0


@pytest.mark.parametrize(
    ("view", "n_tokens"),
    [({}, 0), ({"write": "choice"}, 0), ({"write": "choice", "prompt": "a " * 200}, 200), ({"write": "steps"}, 0)],
    ids=["guess", "choice", "long", "steps"],
)
def test_a_step_sends_at_most_40_kilobytes_and_16_bytes_a_token_of_a_long_text(
    server: Server, view: dict[str, str], n_tokens: int
) -> None:
    """All 8,192 logits among them, to the last bit."""
    seen = load.Seen()
    with RawVisitor(server.url, {"prompt": "Once upon a time"} | view) as visitor:
        visitor.open()
        for _ in range(3):
            seen.step_bytes = 0
            load.step(visitor, seen, time.monotonic())
            assert 500 < seen.step_bytes <= 40_000 + 16 * n_tokens
    assert not seen.errors


def test_a_step_where_nothing_can_follow_is_an_error(server: Server) -> None:
    seen = load.Seen()
    with RawVisitor(server.url, {"prompt": "a " * 256}) as visitor:  # as long as the context
        visitor.open()
        load.step(visitor, seen, time.monotonic())
    assert seen.errors


def test_errors_are_a_row_that_misses_its_budget() -> None:
    for seen in (load.Seen(errors=["no answer"]), load.Seen([0.1], [0.2], 100, ["no answer"])):
        missed = [row for row in load.rows(3, seen, 0.1) if row.met == "NO"]
        assert [row.ours for row in missed] == ["no answer"]
