"""A class in real browsers: a teacher, a student's laptop, a phone in the dark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.browser.server import Server
from tests.browser.visit import assert_silent, no_broken_words, no_horizontal_scroll, settled

Open = Callable[..., Page]


def start_class(page: Page) -> str:
    """The code of the class that this page's visitor begins to teach; the panel with the code is open."""
    page.locator("header.bar").get_by_role("button", name="Start a class").click()
    panel = page.get_by_role("dialog", name="Class")
    code = panel.locator(".class-code").inner_text().replace(" ", "")
    assert re.fullmatch(r"[2-9A-HJKMNP-Z]{6}", code)
    expect(panel.get_by_role("img", name="QR code of")).to_be_visible()
    return code


def follow(window: Open, server: Server, code: str, **options: object) -> Page:
    page = window(**options)
    page.goto(f"{server.url}/r/{code}", wait_until="domcontentloaded")
    page.locator(".stage-page h1").wait_for()
    return page


def test_a_class_sees_what_its_teacher_shows(visit, window: Open, server: Server) -> None:
    teacher = visit("/attention?prompt=The+old+king", width=1440)
    code = start_class(teacher)
    student = follow(window, server, code, width=1280)
    phone = follow(window, server, code, width=390, height=844, dark=True, touch=True)
    expect(teacher.locator(".class-count")).to_have_text("2 following, 0 exploring")
    teacher.get_by_role("button", name="Close").click()
    for page in (student, phone):
        expect(page.locator(".stage-page h1")).to_have_text(
            teacher.get_by_test_id("stMain").get_by_role("heading", level=1).inner_text()
        )
        expect(page.locator(".component.arcs .chip").first).to_be_visible()
        no_horizontal_scroll(page)
        no_broken_words(page)
    with settled(teacher):
        teacher.locator("footer").get_by_role("button", name="Next →").click()
    question = teacher.get_by_test_id("stMain").get_by_role("heading", level=1).inner_text()
    for page in (student, phone):
        expect(page.locator(".stage-page h1")).to_have_text(question)
    assert code not in urlsplit(teacher.url).query
    # A slider in mid-drag, which no script has heard of yet.
    with settled(teacher):
        teacher.locator("header.bar").get_by_role("link", name="1 Write").click()
    with settled(teacher):
        teacher.locator("footer").get_by_label("Part 2 of").click()
    temperature = teacher.get_by_role("slider", name="Temperature")
    followed = student.get_by_role("slider", name="Temperature")
    expect(followed).to_be_visible()
    before = followed.get_attribute("aria-valuetext")
    box = temperature.bounding_box()
    assert box
    teacher.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    teacher.mouse.down()
    teacher.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
    moved = temperature.get_attribute("aria-valuetext")
    assert moved != before
    expect(followed).to_have_attribute("aria-valuetext", moved or "")
    teacher.mouse.up()
    # Whoever moves it alone is alone until the way back.
    followed.focus()
    student.keyboard.press("Home")
    student.get_by_role("button", name="Back to class").click()
    expect(student.get_by_role("slider", name="Temperature")).to_have_attribute("aria-valuetext", moved or "")
    for page in (teacher, student, phone):
        assert_silent(page)


def test_whoever_explores_is_at_the_teachers_place_and_comes_back_when_called(visit, window: Open, server: Server) -> None:
    teacher = visit("/tokens?prompt=The+old+king&tokens=merges", width=1440)
    code = start_class(teacher)
    student = follow(window, server, code, width=1024)
    student.get_by_role("link", name="Explore on my own").click()
    student.wait_for_url(re.compile(rf"/tokens\?.*room={code}"))
    assert "tokens=merges" in student.url
    bar = student.locator(".class-back")
    expect(bar).to_contain_text(code)
    expect(teacher.locator(".class-count")).to_have_text("0 following, 1 exploring")
    with settled(student):
        student.get_by_role("button", name="Next token", exact=True).click()
    assert f"room={code}" in student.url
    teacher.get_by_role("button", name="Call everybody back").click()
    expect(bar).to_contain_text("asks everybody to come back")
    bar.get_by_role("link", name="Back to class").click()
    expect(student.locator(".stage-page h1")).to_be_visible()
    # The rights stay with the tab that has them, whatever happens to its session.
    teacher.reload()
    expect(teacher.locator(".class-chip")).to_have_text(f"{code[:3]} {code[3:]} · 1", timeout=30_000)
    teacher.locator(".class-chip").click()
    teacher.get_by_role("button", name="End the class").click()
    expect(student.locator(".stage-notice")).to_have_text("The class is over.")
    assert_silent(student)


def test_a_phone_turns_the_teachers_page_and_its_token_leaves_the_address(visit, window: Open, server: Server) -> None:
    teacher = visit("/tokens?prompt=The+old+king", width=1440)
    code = start_class(teacher)
    token = teacher.evaluate("() => JSON.parse(sessionStorage.getItem('glass-class')).token")
    assert token not in teacher.content() and token not in teacher.url
    phone = window(width=390, height=844, touch=True)
    phone.goto(f"{server.url}/r/{code}#remote={token}")
    expect(phone.get_by_role("heading", level=1)).to_have_text("2 Tokens")
    assert token not in phone.url and "#" not in phone.url
    phone.get_by_role("button", name="Next →").click()
    teacher.wait_for_url(re.compile("tokens=merges"))
    phone.get_by_role("button", name="← Back").click()
    teacher.wait_for_url(lambda url: "tokens=merges" not in url)
    stranger = window(width=390, height=844)
    stranger.goto(f"{server.url}/r/{code}#remote={'A' * 22}")
    expect(stranger.get_by_role("status")).to_contain_text("does not belong")
    assert not re.search(re.escape(token), server.log())


def test_without_a_code_one_is_typed(window: Open, server: Server) -> None:
    page = window(width=390, height=844)
    page.goto(f"{server.url}/r")
    page.get_by_role("textbox", name="Code of the class").fill("abc10o")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("alert")).to_contain_text("six letters and digits")
    page.get_by_role("textbox", name="Code of the class").fill("abc 234")
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(re.compile("/r/ABC234$"))
    expect(page.locator(".stage-notice")).to_contain_text("no such class now")


def test_a_class_guesses_together_and_sees_its_votes_beside_the_model(visit, window: Open, server: Server) -> None:
    teacher = visit("/tokens?prompt=The+old+king", width=1440)
    code = start_class(teacher)
    students = [
        follow(window, server, code, width=1280),
        follow(window, server, code, width=390, height=844, dark=True, touch=True),
    ]
    with settled(teacher):
        teacher.get_by_role("button", name="Guess the next token").click()
    chair = teacher.get_by_role("complementary", name="Question to the class")
    for student in students:
        student.get_by_role("button", name="Something else").click()
        expect(student.locator(".ask-status")).to_contain_text("Your vote: Something else")
    students[0].locator("button.ask-answer").first.press("Enter")
    expect(students[0].locator("button.ask-answer").first).to_have_attribute("aria-pressed", "true")
    expect(chair.locator(".ask-status")).to_have_text("2 of 2 have voted")
    students[1].reload()  # a vote is still seen by whoever gave it
    expect(students[1].locator(".ask-status")).to_contain_text("Your vote: Something else")
    chair.get_by_role("button", name="Close the vote").click()
    expect(students[0].locator("button.ask-answer").first).to_be_disabled()
    chair.get_by_role("button", name="Vote again").click()
    students[0].get_by_role("button", name="Something else").click()
    expect(chair.locator(".ask-status")).to_have_text("1 of 2 have voted")
    chair.get_by_role("button", name="Close and reveal").click()
    for page in (*students, teacher):
        bars = page.get_by_role("table", name="The class's votes and the model's probabilities")
        expect(bars.locator("tr.right")).to_have_count(1)
        expect(page.locator(".ask-said").first).to_contain_text("The model writes")
        no_horizontal_scroll(page)
        assert_silent(page)
    chair.get_by_role("button", name="Done").click()
    expect(students[0].locator(".ask")).to_be_hidden()


def test_a_lesson_is_stepped_through_with_the_keys_and_its_notes_stay_with_the_teacher(
    visit, window: Open, server: Server, tmp_path: Path
) -> None:
    steps: list[dict[str, object]] = [
        {"link": "tokens?prompt=The+cat&tokens=merges", "title": "First", "note": "For the teacher alone."},
        {"title": "Second", "ask": "yes_no", "asked": "Is it cut?", "right": "Yes"},
        {"link": "attention?prompt=The+old+king&layer=2", "title": "Third", "note": "Another note."},
    ]
    file = tmp_path / "lesson.json"
    file.write_text(json.dumps({"title": "Of cats", "minutes": 5, "steps": steps}))
    teacher = visit("/lens?prompt=The+old+king", width=1440)
    code = start_class(teacher)
    token = teacher.evaluate("() => JSON.parse(sessionStorage.getItem('glass-class')).token")
    teacher.get_by_role("button", name="Close").click()
    student = follow(window, server, code, width=390, height=844, touch=True)
    phone = window(width=390, height=844, touch=True)
    phone.goto(f"{server.url}/r/{code}#remote={token}")
    teacher.get_by_role("button", name="Lesson", exact=True).click()
    teacher.get_by_label("Open a lesson file").set_input_files(file)
    expect(teacher.get_by_text("All 3 steps were opened ahead.")).to_be_visible(timeout=30_000)
    teacher.get_by_role("button", name="Begin").click()
    teacher.wait_for_url(re.compile("tokens=merges"))
    strip = teacher.get_by_role("complementary", name="Lesson, for you alone")
    expect(strip).to_contain_text("1 of 3: First")
    with settled(teacher):
        teacher.keyboard.press("l")
    expect(strip).to_be_hidden()  # the projector shows it when it is asked for
    teacher.keyboard.press("n")
    expect(strip).to_contain_text("For the teacher alone.")
    expect(phone.get_by_role("heading", level=1)).to_have_text("1 of 3: First")
    expect(phone.locator(".remote-note")).to_have_text("For the teacher alone.")
    teacher.keyboard.press("PageDown")
    student.get_by_role("button", name="Yes").click()
    expect(phone.locator(".remote-tally")).to_have_text("1 of 1 have voted")
    phone.get_by_role("button", name="Close the vote").click()
    expect(phone.locator(".remote-tally")).to_contain_text("closed")
    teacher.keyboard.press("PageDown")  # the question goes on before the page is turned
    expect(student.get_by_role("table", name="The class's votes")).to_be_visible()
    assert "tokens=merges" in teacher.url
    teacher.keyboard.press("PageDown")
    teacher.wait_for_url(re.compile("attention.*layer=2"))
    expect(student.locator(".ask")).to_be_hidden()
    with settled(teacher):
        teacher.reload()
    expect(teacher.locator(".lesson-chip")).to_have_text("Lesson 3 / 3", timeout=30_000)
    teacher.keyboard.press("PageUp")
    teacher.wait_for_url(re.compile("tokens=merges"))
    expect(student.locator(".ask")).to_be_hidden()  # on the way back nothing is asked
    # The pointer, by its share of the panel; the code in a corner; Blank, which comes to followers too.
    panel = teacher.locator(".st-key-finding")
    box = panel.bounding_box()
    assert box
    teacher.keyboard.press("p")
    teacher.mouse.move(box["x"] + 10, box["y"] + 10)
    teacher.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    dot = student.locator(".pointer-dot:not(.gone)")
    dot.wait_for(state="attached")
    expect(student.locator(".pointer-dot.gone")).to_be_attached()  # it fades by itself
    teacher.keyboard.press("c")
    expect(teacher.get_by_role("complementary", name="How to join the class").get_by_role("img")).to_be_visible()
    teacher.keyboard.press("b")
    expect(student.locator(".stage-blank")).to_be_visible()
    phone.get_by_role("button", name="Blank").click()
    expect(student.locator(".stage-blank")).to_be_hidden()
    assert "For the teacher" not in student.content()
    for page in (teacher, student, phone):
        no_horizontal_scroll(page)
        assert_silent(page)


def test_a_class_looks_where_its_teacher_looks_in_the_recorded_training(visit, window: Open, server: Server) -> None:
    teacher = visit("/learning?learning=recorded", width=1440)
    code = start_class(teacher)
    student = follow(window, server, code, width=1280)
    teacher.get_by_role("button", name="Close").click()
    step = student.locator(".component.training_run .scrub output")
    expect(step).to_have_text(teacher.locator(".scrub output").inner_text())
    slider = teacher.get_by_role("slider", name="Checkpoint")
    slider.evaluate("(it) => (it.value = 9, it.dispatchEvent(new Event('input')))")  # a drag, which no script has heard of yet
    moved = teacher.locator(".scrub output").inner_text()
    expect(step).to_have_text(moved)
    with settled(teacher):
        slider.evaluate("(it) => it.dispatchEvent(new Event('change'))")
    teacher.locator(".maps .head").nth(3).click()
    expect(student.locator(".maps .head").nth(3)).to_have_attribute("aria-pressed", "true")
    expect(step).to_have_text(moved)
    for page in (teacher, student):
        assert_silent(page)
