"""What anybody can cause a thousand times stands in the log once a minute, with its number."""

from __future__ import annotations

import logging

import pytest

from app.server.log import Seldom


def test_a_flood_is_one_line_a_minute_that_counts_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    line = Seldom(clock=lambda: now[0])
    with caplog.at_level(logging.WARNING, "glass"):
        for second in range(150):
            now[0] = second
            line.warn("Refused %s", "that")
    assert [record.getMessage() for record in caplog.records] == [
        "Refused that",
        "Refused that (and 59 more since the last such line)",
        "Refused that (and 59 more since the last such line)",
    ]
