"""The main page as a visitor uses it: type, step, run, stop, drag, rewind, branch, and share the link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from app.texts import TEXTS
from tests.browser.visit import assert_silent, at_rest, embedded_mark, no_error_box, no_horizontal_scroll, prompt_field, settled


def chips(page: Page, kind: str) -> list[str]:
    """Texts of the chips of this kind above the rail."""
    page.get_by_test_id("stMain").locator(".chips .chip.next").wait_for()
    return page.get_by_test_id("stMain").locator(f".chips .chip.{kind}").all_inner_texts()


def button(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)


def bars(page: Page) -> list[str]:
    """What a screen reader is told of the candidates."""
    rows = page.get_by_role("group", name="The best candidates for the next token").locator("button")
    rows.first.wait_for()
    return [label for row in rows.all() if (label := row.get_attribute("aria-label"))]


def step(page: Page, times: int = 1) -> None:
    chosen = page.get_by_test_id("stMain").locator(".chips .chip.chosen")
    for _ in range(times):
        before = len(chips(page, "chosen"))
        with settled(page):
            button(page, "Next token").click()
        expect(chosen).to_have_count(before + 1)


def stop(page: Page) -> None:
    """Stop a run. A step that is already being taken is still written; what stands there then is final."""
    button(page, "Stop").click()
    expect(button(page, "Stop")).to_be_disabled()
    at_rest(page)


def test_a_typed_prompt_becomes_tokens(visit):
    page = visit("/?write=choice")
    prompt = prompt_field(page)
    prompt.fill("The old king")
    with settled(page):
        prompt.press("Control+Enter")
    assert "".join(chips(page, "prompt")).replace("␣", " ") == "The old king"
    assert "prompt=The+old+king" in page.url
    assert_silent(page)


def test_an_example_is_taken_once_and_does_not_come_back_over_a_prompt_of_ones_own(visit):
    page = visit("/?write=choice")
    prompt_field(page)
    with settled(page):
        page.get_by_role("combobox", name="Examples").click()
        page.get_by_role("option", name="Many ways to go on").click()
    prompt = prompt_field(page)
    expect(prompt).to_have_value(TEXTS["preset_open"])
    prompt.fill("The cat")
    with settled(page):
        prompt.press("Control+Enter")
    step(page, 2)
    expect(prompt_field(page)).to_have_value("The cat")
    assert "".join(chips(page, "prompt")).replace("␣", " ") == "The cat"


def test_step_appends_the_token_that_the_panel_had_chosen(visit):
    page = visit("/?write=choice")
    for _ in range(3):
        chosen = next(label for label in bars(page) if label.endswith(", chosen"))
        step(page)
        assert chips(page, "chosen")[-1] == chosen.split(", rank")[0]
    assert len(chips(page, "chosen")) == 3
    assert_silent(page)


def test_dragging_the_temperature_changes_the_bars_before_it_is_let_go(visit):
    page = visit("/?write=choice")
    before = bars(page)
    slider = page.get_by_role("slider", name="Temperature")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=4)
    during = bars(page)
    assert during != before
    assert "temperature" not in page.url, "the drag itself is not sent"
    with settled(page):
        page.mouse.up()
    page.wait_for_url(re.compile("temperature="))
    assert bars(page) == during
    assert_silent(page)


def test_arrow_keys_move_top_k(visit):
    page = visit("/?top_k=5")
    slider = page.get_by_role("slider", name="Top-k")
    slider.focus()
    with settled(page):
        slider.press("ArrowLeft")
    page.wait_for_url(re.compile("top_k=4"))
    assert sum("cut by" not in label for label in bars(page) if ", rank" in label) == 4


def test_run_writes_token_by_token_and_stop_works_at_once(visit):
    page = visit("/?write=choice")
    button(page, "Run 50").click()
    for count in (1, 2, 3):  # one after the other, not all at the end
        expect(page.get_by_test_id("stMain").locator(".chips .chip.chosen").nth(count - 1)).to_be_visible(timeout=20_000)
    stop(page)
    written = len(chips(page, "chosen"))
    assert 3 <= written < 50
    with settled(page):  # any other run of the script
        page.get_by_role("slider", name="Top-k").press("Home")
    assert len(chips(page, "chosen")) == written
    assert len(page.url.split("chosen=")[1].split("&")[0].split(".")) == written
    assert_silent(page)


def test_a_run_ends_by_itself_after_its_count(visit):
    page = visit("/?write=choice")
    page.get_by_test_id("stMain").get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("slider", name="Tokens in a run").press("Home")
    expect(button(page, "Run 5")).to_be_visible()
    page.keyboard.press("Escape")
    button(page, "Run 5").click()
    expect(page.locator(".chips .chip.chosen")).to_have_count(5, timeout=20_000)
    expect(button(page, "Run 5")).to_be_enabled()
    at_rest(page)
    assert len(chips(page, "chosen")) == 5


# Notes every frame in which the main part of the page has not exactly one timeline and one panel.
WATCH_MOUNTS = """() => { window.others = []; const look = () => {
  const roots = [...document.querySelectorAll("[data-testid=stMain] *")].map((element) => element.shadowRoot).filter(Boolean);
  const seen = [".chips", ".panel"].map((inside) => roots.filter((root) => root.querySelector(inside)).length);
  if (seen.join() !== "1,1") window.others.push(seen.join());
  requestAnimationFrame(look); }; look(); }"""


def test_nothing_is_mounted_anew_when_a_run_begins_is_stopped_or_ends(visit):
    page = visit("/?write=choice")
    assert chips(page, "prompt") and bars(page)  # both are there
    page.evaluate(WATCH_MOUNTS)
    button(page, "Run 50").click()
    expect(page.get_by_test_id("stMain").locator(".chips .chip.chosen").nth(1)).to_be_visible(timeout=20_000)
    stop(page)
    step(page)
    assert page.evaluate("() => window.others") == []


def test_the_sentence_bar_and_the_page_show_the_same_chips_whatever_is_in_focus(visit):
    page = visit("/?prompt=The+old+king+went+home")
    step(page, 3)
    for index in (2, 6):
        with settled(page):
            page.locator(".prose .chip").nth(index).click()
        both = [
            page.locator(f"{form} .chip").evaluate_all(
                "(chips) => chips.map((c) => [c.className, c.textContent.replace('␣', ' '), c.title])"
            )
            for form in (".prose", ".chips")
        ]
        assert both[0] == both[1] and len(both[0]) > 8
        assert sum("focus" in name for name, _, _ in both[0]) == 1


def focus(page: Page) -> str:
    """The token under the cursor."""
    return page.locator(".chips .chip.focus").inner_text()


def test_looking_back_drops_nothing_and_another_candidate_begins_a_branch(visit):
    page = visit("/?write=choice")
    step(page, 3)
    written = chips(page, "chosen")
    assert focus(page) == written[2]
    with settled(page):
        page.locator(".prose .chip.chosen").nth(0).click()
    assert chips(page, "chosen") == written and focus(page) == written[0]
    assert "position=4" in page.url
    follows = page.get_by_role("group", name="The best candidates for the next token").locator("button.followed")
    expect(follows).to_have_attribute("aria-label", re.compile("follows in the text"))
    with settled(page):
        follows.click()  # along the text
    assert chips(page, "chosen") == written and focus(page) == written[1]
    with settled(page):
        button(page, "Back").click()
    other = page.get_by_role("group", name="The best candidates for the next token").locator("button:not(.followed)").nth(4)
    text = (other.get_attribute("aria-label") or "").split(", rank")[0]
    with settled(page):
        other.click()
    assert chips(page, "chosen") == [written[0], text] and focus(page) == text
    with settled(page):
        button(page, "Branches (1)").click()
    with settled(page):
        page.get_by_test_id("stPopoverBody").get_by_role("button").first.click()
    assert chips(page, "chosen") == written
    assert_silent(page)


def test_next_token_goes_along_the_text_and_appends_at_its_end(visit):
    page = visit(f"/?chosen=1.2.3&vocabulary={embedded_mark()}&position=4")
    texts = chips(page, "chosen")
    on = page.get_by_role("button", name="Next token", exact=True)
    for expected in texts[1:]:
        with settled(page):
            on.click()
        assert focus(page) == expected and chips(page, "chosen") == texts
    with settled(page):
        on.click()
    assert chips(page, "chosen")[:3] == texts and len(chips(page, "chosen")) == 4


def test_an_old_link_with_a_step_puts_the_cursor_where_the_step_was(visit):
    page = visit(f"/?chosen=1.2.3&vocabulary={embedded_mark()}&step=1")
    assert len(chips(page, "chosen")) == 3 and focus(page) == chips(page, "chosen")[0]
    assert "step" not in page.url and "position=4" in page.url


def test_enter_on_a_bar_continues_with_its_token(visit):
    page = visit("/?write=choice")
    row = page.get_by_role("group", name="The best candidates for the next token").locator("button").nth(2)
    text = (row.get_attribute("aria-label") or "").split(", rank")[0]
    row.focus()
    with settled(page):
        row.press("Enter")
    assert chips(page, "chosen") == [text]


def test_the_link_restores_the_view_in_a_fresh_browser(visit):
    page = visit("/?temperature=1.3&seed=9&top_k=12")
    step(page, 4)
    with settled(page):
        button(page, "Back").click()
    other = visit("/" + page.url.split("/", 3)[3])
    for kind in ("prompt", "chosen"):
        assert chips(other, kind) == chips(page, kind)
    assert focus(other) == focus(page) == chips(page, "chosen")[2]
    assert bars(other) == bars(page)
    assert other.get_by_role("slider", name="Temperature").get_attribute("aria-valuetext") == page.get_by_role(
        "slider", name="Temperature"
    ).get_attribute("aria-valuetext")
    assert_silent(other)


def test_guess_first_gives_nothing_away(visit):
    page = visit("/?write=choice")
    with settled(page):
        page.get_by_text("Guess first", exact=True).click()
    assert not any("probability" in label for label in bars(page))
    ahead = page.locator(".st-key-sentence .chip.next")
    expect(ahead).to_have_text("?")
    page.get_by_role("button", name="Reveal").click()
    expect(ahead).not_to_have_text("?")
    assert any("chosen" in label for label in bars(page))


def test_every_one_of_the_seven_steps_opens(visit):
    page = visit("/?write=steps")
    for number in range(1, 8):
        tab = page.get_by_role("tab").nth(number - 1)
        if tab.get_attribute("aria-selected") != "true":
            with settled(page):
                tab.click()
        expect(page.get_by_test_id("stMain").get_by_role("heading", level=2).first).to_contain_text(f"{number}. ")
        no_error_box(page)
    assert_silent(page)


@pytest.mark.parametrize(
    "prompt",
    ["", "a", "the the the the", "🙂 half", "<b>bold</b> $x^2$ **md** :red[x]\n\n\ttab", "<|endoftext|>"],
    ids=["empty", "one token", "repeated", "emoji", "markup", "special"],
)
def test_any_prompt_is_shown_as_what_it_is(visit, prompt):
    from urllib.parse import quote

    page = visit(f"/?prompt={quote(prompt)}", width=390, height=844, touch=True)
    no_error_box(page)
    no_horizontal_scroll(page)
    if prompt:
        shown = "".join(chips(page, "prompt")).replace("␣", " ").replace("↵", "\n").replace("⇥", "\t")
        assert shown.startswith(prompt.split("🙂")[0])
        assert len(shown) >= len(prompt)
    else:
        expect(page.get_by_test_id("stMain").get_by_text("The prompt is empty")).to_be_visible()
    assert bars(page)
    assert_silent(page)


def test_a_run_ends_at_the_context_length_and_nothing_offers_to_go_on(visit):
    page = visit("/?prompt=" + "a+" * 254 + "a&temperature=0")
    button(page, "Run 50").click()
    expect(page.get_by_text("fills the context of 256 tokens")).to_be_visible()
    for name in ("Next token", "Run 50"):
        expect(button(page, name)).to_be_disabled()
    page.get_by_role("group", name="The best candidates for the next token").locator("button").first.hover()
    expect(page.get_by_text("Chosen. No place is left for it")).to_be_visible()
    with settled(page):
        page.get_by_text("The seven steps", exact=True).click()
    append = page.get_by_test_id("stMain").get_by_role("tab", name=re.compile("Append"))
    expect(append).to_contain_text("256: full")
    with settled(page):
        append.click()
    expect(page.get_by_role("heading", name="6. The context is full: nothing is appended")).to_be_visible()
    assert page.get_by_text("257").count() == 0
    with settled(page):
        button(page, "Back").click()
    expect(button(page, "Next token")).to_be_enabled()
    assert_silent(page)


def test_the_text_of_a_full_sequence_ends_with_its_own_last_token(visit):
    page = visit("/?write=steps&prompt=" + "a+" * 255 + "a")
    last = page.get_by_test_id("stMain").get_by_role("tab", name=re.compile("Ids to text"))
    with settled(page):
        last.click()
    shown = page.get_by_test_id("stText").inner_text()
    assert shown.split() == ["a"] * 256
    expect(page.get_by_text("Shorten the prompt to go on")).to_be_visible()
    no_error_box(page)
