"""The first minute: what the terminal says, and what the first visitor of a fresh server gets."""

from __future__ import annotations

from pathlib import Path

from tests.browser.server import running_app
from tests.browser.visit import Visit, assert_silent, no_error_box


def test_a_normal_start_and_a_first_visit_log_the_url_and_nothing_else(tmp_path: Path, visit: Visit) -> None:
    with running_app(tmp_path / "log.txt") as app:
        page = visit(app=app)
        no_error_box(page)
        assert_silent(page)
        said = [line.strip() for line in app.log().splitlines() if line.strip()]
        assert said == ["You can now view your Streamlit app in your browser.", f"URL: {app.url}"]
