"""The first minute: what the terminal says, and what the first visitor of a fresh server gets."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.server import running_app
from tests.browser.visit import Visit, assert_silent, no_error_box


def test_a_normal_start_and_a_first_visit_log_the_url_and_nothing_else(tmp_path: Path, visit: Visit) -> None:
    with running_app(tmp_path / "log.txt") as app:
        page = visit(app=app)
        no_error_box(page)
        assert_silent(page)
        said = [line.strip() for line in app.log().splitlines() if line.strip()]
        assert said == ["You can now view your Streamlit app in your browser.", f"URL: {app.url}"]


def test_the_first_visitor_has_something_to_look_at_until_the_model_is_there(tmp_path: Path, visit: Visit) -> None:
    with running_app(tmp_path / "log.txt") as app:
        page = visit(app=app, wait=False)
        expect(page.get_by_role("heading", name="Write")).to_be_visible(timeout=20_000)
        expect(page.get_by_text("loads the model")).to_be_visible()
        expect(page.get_by_role("heading", name="What comes next?")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("loads the model")).to_have_count(0)
        assert_silent(page)
