"""A model from the catalogue is downloaded from the page, from a small hub on this machine; without a hub, the page says so."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.server import running_app
from tests.browser.visit import assert_silent
from tests.gptcore.small_hub import Hub


@pytest.fixture
def app_of(tmp_path: Path):
    """A server of its own, with an empty cache, whose hub is at the address given."""

    def start(url: str):
        return running_app(
            tmp_path / "log.txt", HF_ENDPOINT=url, HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE="0", HF_HUB_DISABLE_XET="1"
        )

    return start


def test_a_model_is_downloaded_and_the_prompt_stays(visit, app_of, tiny_folder):
    hub = Hub({"openai-community/gpt2": {path.name: path.read_bytes() for path in tiny_folder.iterdir()}})
    stop = hub.start()
    try:
        with app_of(hub.url) as app:
            page = visit("/?model=gpt2&prompt=the+cat", app=app)
            expect(page.get_by_role("heading", level=1)).to_contain_text("not on this machine yet")
            page.get_by_role("button", name="Download, 548 MB").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Which token comes next?", timeout=60_000)
            page.get_by_role("button", name="Edit text").click()
            expect(page.get_by_role("textbox", name="Prompt")).to_have_value("the cat")
            assert_silent(page)
    finally:
        stop()


def test_without_a_network_a_clear_line_says_so_and_the_embedded_model_still_works(visit, app_of):
    with app_of("http://127.0.0.1:9") as app:  # nobody listens there
        page = visit("/?model=gpt2", app=app)
        page.get_by_role("button", name="Download, 548 MB").click()
        expect(page.get_by_test_id("stMain").get_by_text("could not be downloaded")).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Edit text").click()
        page.get_by_role("combobox", name="Model").click()
        page.get_by_role("option", name="Storyteller (embedded)").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Which token comes next?", timeout=30_000)


def test_a_signal_ends_the_server_at_once_in_the_middle_of_a_download(visit, app_of, tiny_folder):
    files = {path.name: path.read_bytes() for path in tiny_folder.iterdir()}
    hub = Hub({"openai-community/gpt2": files}, silent={"model.safetensors": 1000})
    stop = hub.start()
    try:
        with app_of(hub.url) as app:
            page = visit("/?model=gpt2", app=app)
            page.get_by_role("button", name="Download, 548 MB").click()
            expect(page.get_by_text(re.compile("^0 bytes of"))).to_be_visible(timeout=30_000)
            app.process.send_signal(signal.SIGTERM)
            app.process.wait(timeout=3)
            assert "Traceback" not in app.log()
    finally:
        stop()
