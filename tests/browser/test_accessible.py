"""Every page and beat, on one walk through the app: against the WCAG 2.2 AA rules that a program can check (axe-core), in light and in
dark, and for what no page may show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app import choices
from app.shell.navigation import PAGES
from tests.browser.visit import assert_silent, settled, wait_ready

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ALSO = {name: {"enabled": True} for name in ("heading-order", "empty-heading", "empty-table-header", "page-has-heading-one")}
N_STOPS = sum(len(choices.ALL[entry.file].options) if entry.file in choices.ALL else 1 for entry in PAGES)
STOP_WITH_MENU = 2  # where the menu of the figure is open: link, files, code
# A target inside a sentence may be smaller than 24 px (WCAG 2.5.8, exception "Inline"): the words of the text in the sentence bar.
INLINE = ".st-key-sentence_text"


def violations(page: Page, rules: list[str], **also: Any) -> list[str]:
    """What breaks a rule: the rule, where, and why."""
    options = {"runOnly": {"type": "tag", "values": rules}, "rules": also, "resultTypes": ["violations"]}
    if rules == ["color-contrast"]:
        options = {"runOnly": {"type": "rule", "values": rules}, "resultTypes": ["violations"]}
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("async (options) => (await axe.run(options)).violations", options)
    broken = [(rule["id"], json.dumps(node["target"]), node) for rule in found for node in rule["nodes"]]
    return [
        f"{rule}: {where} {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for rule, where, node in broken
        if not (rule == "target-size" and INLINE in where)
        and not (rule == "color-contrast" and is_disabled(page, node["target"]))
    ]


def is_disabled(page: Page, target: list[Any]) -> bool:
    """Whether what axe found is the label of a control that is disabled: it needs no contrast (WCAG 1.4.3, exception "Incidental"), but its
    markup does not say whose it is."""
    if not isinstance(target[0], str):
        return False
    found = page.locator(target[0]).first
    return bool(
        found.evaluate("(e) => Boolean(e.closest('.stElementContainer')?.querySelector('[disabled], [aria-disabled=\"true\"]'))")
    )


def on(page: Page) -> bool:
    """Go to the next stop; False at the end."""
    way = page.locator("footer button.on")
    if not way.is_visible():
        return False
    heading = page.get_by_test_id("stMain").get_by_role("heading", level=1).first
    before = heading.inner_text()
    for patience in (5_000, 30_000):  # a change of colours draws the page again, and a click in between goes nowhere
        with settled(page):
            way.click()
        try:
            heading.filter(has_not_text=before).wait_for(timeout=patience)
        except PlaywrightTimeout:
            continue
        wait_ready(page)
        page.wait_for_selector('[data-stale="true"]', state="detached")  # what is old is pale until the run is over
        return True
    raise AssertionError(f"Nothing came after {before!r}.")


@pytest.mark.timeout(600)
def test_no_page_or_beat_breaks_a_rule_of_accessibility(visit):
    page = visit("/?write=guess&prompt=Once+upon+a+time")
    broken: list[str] = []
    stops = 1
    while True:
        menu = page.locator('[class*="st-key-figure_menu_"] button').first
        with_menu = stops == STOP_WITH_MENU
        if with_menu:
            with settled(page):
                menu.click()
            page.get_by_test_id("stCode").wait_for()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour half way to its new one
            rules = RULES if scheme == "light" else ["color-contrast"]
            broken += [f"{page.url.split('?')[0]} stop {stops}, {scheme}: {each}" for each in violations(page, rules, **ALSO)]
        page.emulate_media(color_scheme="light")
        if with_menu:
            with settled(page):
                menu.click()
        if not on(page):
            break
        stops += 1
    assert stops == N_STOPS
    assert_silent(page)
    assert not broken, "\n".join(broken)


def test_the_check_sees_what_is_wrong(visit):
    page = visit("/glossary")
    page.get_by_test_id("stMainBlockContainer").evaluate(
        "(e) => e.insertAdjacentHTML('afterbegin', '<h5></h5><p style=\"color: #ccc; background: #fff\">pale</p>')"
    )
    assert {each.split(":")[0] for each in violations(page, RULES, **ALSO)} >= {"color-contrast", "empty-heading"}
