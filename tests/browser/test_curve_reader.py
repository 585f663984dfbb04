"""The curves with the movable x: keys, mouse and finger move it, the numbers are right, and the link follows."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Locator, Page, expect

from tests.browser.visit import Visit, assert_silent

PATH = "/feed_forward?feed_forward=functions"
LINE = re.compile(r"([^:;]+): value (\S+), slope (\S+?)(?:;|$)")


def place(page: Page) -> Locator:
    return page.locator(".reader input").first


def read(page: Page) -> tuple[float, dict[str, tuple[float, float]]]:
    """x, and what the slider says of each curve: value and slope."""
    text = (place(page).get_attribute("aria-valuetext") or "").replace("\N{MINUS SIGN}", "-")
    x, _, rest = text.partition(";")
    return float(x), {name.strip(): (float(value), float(slope)) for name, value, slope in LINE.findall(rest)}


def expected(x: float) -> dict[str, tuple[float, float]]:
    """Value and slope at x by PyTorch."""
    out = {}
    for name, function in (("GELU, tanh form", lambda t: F.gelu(t, approximate="tanh")), ("ReLU", F.relu), ("SiLU", F.silu)):
        at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        value = function(at)
        value.backward()
        out[name] = (value.item(), at.grad.item())
    return out


def test_arrow_keys_move_x_read_every_curve_and_end_up_in_the_link(visit: Visit) -> None:
    page = visit(f"{PATH}&functions=gelu_tanh.relu.silu&functions_x=1")
    expect(place(page)).to_have_attribute("aria-valuetext", re.compile("^1.00"))
    place(page).focus()
    for key in ("ArrowRight", "ArrowRight", "PageDown", "Home", *["ArrowRight"] * 5):
        page.keyboard.press(key)
    x, found = read(page)
    assert x == -3.75
    assert found == {name: pytest.approx(numbers, abs=6e-4) for name, numbers in expected(x).items()}
    expect(page).to_have_url(re.compile("functions_x=-3.75"))
    assert read(page)[0] == -3.75  # what came back from the server moved nothing
    assert_silent(page)


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_the_picture_itself_can_be_taken_hold_of(visit: Visit, touch: bool) -> None:
    page = visit(PATH, width=390 if touch else 1280, touch=touch)
    picture = page.locator(".reader svg")
    left, right = (
        float(page.locator(".reader").evaluate(f"(reader) => parseFloat(reader.style.getPropertyValue('--{side}'))"))
        for side in ("left", "right")
    )
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    at = box["x"] + left + 0.75 * (box["width"] - left - right), box["y"] + 200
    (page.touchscreen.tap if touch else page.mouse.click)(*at)
    expect(place(page)).to_have_attribute("aria-valuetext", re.compile("^(1.95|2.00|2.05)"))
    x, found = read(page)
    assert found["ReLU"] == (x, 1)
    expect(page).to_have_url(re.compile("functions_x="))
    assert_silent(page)


def test_the_second_input_moves_swiglu_alone_and_has_no_slider_without_it(visit: Visit) -> None:
    page = visit(f"{PATH}&functions=relu.swiglu&functions_x=2")
    tap = page.locator(".reader input").nth(1)
    _, before = read(page)
    tap.focus()
    page.keyboard.press("End")
    _, after = read(page)
    assert after["ReLU"] == before["ReLU"]
    assert after["SwiGLU"] == pytest.approx([2 * number for number in expected(2)["SiLU"]], abs=6e-4)
    expect(page).to_have_url(re.compile("swiglu_input=2"))
    page.get_by_test_id("stMain").get_by_role("button", name="SwiGLU", exact=True).click()
    expect(tap).to_be_hidden()


def test_the_saved_picture_is_a_file_of_its_own(visit: Visit) -> None:
    page = visit(f"{PATH}&functions_x=2")
    page.get_by_role("button", name="Menu: activation functions").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture as SVG").click()
    text = download.value.path().read_text("utf-8")
    assert download.value.suggested_filename == "value-and-slope-of-each-function.svg"
    assert all(word in text for word in ("Value and slope", "x = 2.00", ">2.000<", "viewBox=", ">● value, solid<"))
    assert "var(" not in text and "color-mix" not in text
