"""The address that answers questions about the training that runs."""

from __future__ import annotations

import json

import pytest
from starlette.routing import Router
from starlette.testclient import TestClient

from app.server import answers


def client(base: str = "") -> TestClient:
    return TestClient(Router([answers.route(base, lambda *numbers: json.dumps(numbers).encode())]))


@pytest.mark.parametrize("base", ["", "glass", "/a/b/"])
def test_a_question_is_answered_below_the_base_path_too_and_kept_by_nobody(base: str) -> None:
    below = f"/{base.strip('/')}" if base else ""
    answer = client(base).get(f"{below}/{answers.ADDRESS}", params={"visitor": 3, "training": 2, "rows": 17})
    assert answer.json() == [3, 2, 17]
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("rows", ["-1", "x", "1e3", "9" * 5000, str(answers.MOST), ""])
def test_what_is_no_number_of_an_honest_page_is_refused(rows: str) -> None:
    assert client().get(f"/{answers.ADDRESS}", params={"visitor": "1", "training": "1", "rows": rows}).status_code == 400


def test_a_question_without_its_numbers_is_refused_and_nothing_can_be_sent() -> None:
    assert client().get(f"/{answers.ADDRESS}").status_code == 400
    assert client().post(f"/{answers.ADDRESS}").status_code == 405
