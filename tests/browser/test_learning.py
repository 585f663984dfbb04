"""The page on learning in a browser: the run follows the slider at once, and a training runs, is watched, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from gptcore.recorded_run import load_recorded_run
from tests.browser.server import Server, running_app
from tests.browser.test_class import follow, start_class
from tests.browser.visit import assert_silent, settled

BUDGET = 50  # ms from a moved slider to the new picture, in the browser
OWN_TEXT = "the cat sat on the mat and the dog ran after the cat again and again. " * 12


@pytest.fixture
def recorded(visit) -> Page:
    page = visit("/learning")
    page.wait_for_selector(".samples button")
    return page


def scrub(page: Page, index: int) -> None:
    slider = page.get_by_role("slider", name="Checkpoint")
    slider.evaluate("(it, index) => { it.value = index; it.dispatchEvent(new Event('input', { bubbles: true })); }", index)


def drawn(page: Page) -> list[float]:
    """Milliseconds of each drawing so far."""
    found: list[float] = page.evaluate("performance.getEntriesByName('glass-training-run').map((each) => each.duration)")
    return found


def test_every_checkpoint_shows_its_own_numbers_sample_and_map(recorded: Page) -> None:
    run = load_recorded_run()
    maps = set()
    for index in (0, 9, 17, 23):
        scrub(recorded, index)
        checkpoint = run.checkpoints[index]
        expect(recorded.locator(".scrub output")).to_have_text(f"step {checkpoint.step:,}")
        expect(recorded.locator("p.sample")).to_have_text(run.prompt + checkpoint.sample, use_inner_text=False)
        expect(recorded.locator(".state").first).to_contain_text(f"held-out loss {checkpoint.held_out_loss:.2f} nats")
        expect(recorded.locator("p.sample mark")).to_have_text(
            checkpoint.sample[checkpoint.copied.start :][: checkpoint.copied.length], use_inner_text=False
        )
        maps.add(recorded.locator("canvas.map").evaluate("(it) => it.toDataURL()"))
    assert len(maps) == 4
    assert_silent(recorded)


@pytest.mark.timing
def test_scrubbing_redraws_within_its_budget(recorded: Page) -> None:
    recorded.evaluate("performance.clearMeasures('glass-training-run')")
    for index in (*range(0, 24, 2), *range(23, 0, -2)):
        scrub(recorded, index)
    assert len(drawn(recorded)) >= 24 and statistics.median(drawn(recorded)) < BUDGET


def test_where_the_slider_came_to_rest_is_in_the_address_and_a_link_opens_there(recorded: Page, visit) -> None:
    with settled(recorded):
        recorded.locator(".samples button").nth(7).click()
    recorded.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("checkpoint") == ["7"])
    other = visit("/learning?checkpoint=7&toy_head=2")
    expect(other.locator(".scrub output")).to_have_text("step 12")
    expect(other.locator(".heads button").nth(2)).to_have_attribute("aria-pressed", "true")


def test_play_runs_from_noise_to_the_last_step(recorded: Page) -> None:
    scrub(recorded, 20)
    recorded.get_by_role("button", name="Play").click()
    expect(recorded.locator(".scrub output")).to_have_text("step 4,000")
    expect(recorded.get_by_role("button", name="Play")).to_be_visible()  # and stands there


def test_a_cell_of_the_map_says_its_weight(recorded: Page) -> None:
    run = load_recorded_run()
    scrub(recorded, 23)
    canvas = recorded.locator("canvas.map")
    cell = (canvas.bounding_box()["width"] - 15) / 32
    canvas.hover(position={"x": 15 + 4.5 * cell, "y": 15 + 9.5 * cell})
    ids = run.tokenizer.encode(run.training_text[run.training_text.find(run.prompt) :][:32])
    weight = run.model(23).trace(ids).attention(1).pattern[0, 9, 4]
    expect(recorded.locator(".maps .says")).to_contain_text(f"{100 * weight:.1f} %")


def training_processes(server: Server) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, parent = (folder / "cmdline").read_bytes(), (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if b"gptcore.training.live" in command and int(parent[1]) == server.process.pid and parent[0] != "Z":
            found.append(int(folder.name))
    return found


def wait_until(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It never came to that."
        time.sleep(0.05)


def start(page: Page) -> None:
    page.get_by_role("button", name="Train for").click()


@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are counted in /proc")
def test_one_training_runs_others_watch_and_wait_and_it_leaves_nothing_behind(visit, window, server: Server) -> None:
    anna, ben = (visit("/learning?learning=overfit") for _ in range(2))
    pupil = follow(window, server, start_class(anna))
    anna.get_by_role("button", name="Close").click()
    expect(pupil.locator(".live .status")).to_have_text("Nothing is running yet.")
    start(anna)
    expect(anna.locator(".samples button").first).to_be_visible(timeout=120_000)
    expect(pupil.locator(".live .samples button").first).to_be_visible(timeout=30_000)
    expect(pupil.locator(".live .status")).to_contain_text("The training (")
    expect(pupil.locator(".live .plane text").nth(30)).to_be_attached()  # its characters, where they lie
    expect(pupil.get_by_role("button", name="Stop")).to_be_hidden()
    (pid,) = training_processes(server)
    expect(ben.locator(".live .status")).to_contain_text("Somebody's training", timeout=30_000)
    expect(ben.locator(".samples button").first).to_be_visible(timeout=30_000)
    expect(ben.get_by_role("button", name="Stop")).to_be_hidden()
    start(ben)
    expect(ben.locator(".live .status")).to_contain_text("number 1 of 1 in the queue", timeout=30_000)
    assert training_processes(server) == [pid]
    anna.get_by_role("button", name="Pause").click()
    expect(anna.locator(".live .status")).to_contain_text("is paused", timeout=30_000)
    anna.get_by_role("button", name="Stop").click()
    expect(ben.locator(".live .status")).to_contain_text("Your training", timeout=30_000)
    assert pid not in training_processes(server)
    ben.close()  # a tab that is closed says nothing: it is missed
    wait_until(lambda: not training_processes(server), 90)
    for page in (anna, pupil):
        assert_silent(page)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are counted in /proc")
def test_the_end_of_the_server_ends_the_training(visit, tmp_path: Path) -> None:
    with running_app(tmp_path / "log.txt") as app:
        page = visit("/learning?learning=overfit", app=app)
        start(page)
        wait_until(lambda: len(training_processes(app)) == 1)
        (pid,) = training_processes(app)
        app.process.send_signal(signal.SIGTERM)
        app.process.wait(timeout=20)
        wait_until(lambda: not alive(pid), 20)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
