"""The class load does what it says it measures: its visitors write text, and one that cannot is counted."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect

from benchmarks import load
from tests.browser.server import Server


def test_every_visitor_opens_the_page_and_writes_as_many_tokens_as_it_presses(server: Server) -> None:
    seen, processor = asyncio.run(load.turn(server, visitors=2, seconds=0.4, every=0.2))
    assert not seen.errors and len(seen.first) == 2 and len(seen.steps) == 4
    assert min(seen.first + seen.steps) > 0 and seen.step_bytes > 4 * 500 and not processor <= 0
    assert all(row.met != "NO" for row in load.rows(2, seen, processor) if "errors" in row.what)


def test_a_step_that_adds_nothing_is_an_error(server: Server) -> None:
    async def press_where_the_context_is_full() -> None:
        async with connect(
            f"{server.url.replace('http', 'ws')}/_stcore/stream", origin=server.url, subprotocols=["streamlit"], max_size=None
        ) as socket:
            visitor = load.Visitor(socket, "prompt=" + "a+" * 600)
            await visitor.open()
            await visitor.step()

    with pytest.raises(load.LoadError):
        asyncio.run(press_where_the_context_is_full())


def test_errors_are_a_row_that_misses_its_budget() -> None:
    for seen in (load.Seen(errors=["no answer"]), load.Seen([0.1], [0.2], 100, ["no answer"])):
        missed = [row for row in load.rows(3, seen, 0.1) if row.met == "NO"]
        assert [row.ours for row in missed] == ["no answer"]
