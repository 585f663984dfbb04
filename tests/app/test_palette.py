"""The palette and the two scales: equal to Streamlit's theme, readable, and told apart by every kind of colour vision."""

from __future__ import annotations

import re
import tomllib
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from app import charts, picture_files
from app.charts import theme
from app.charts.lens_grid import lens_grid
from app.charts.theme import Mode

ROOT = Path(__file__).parents[2]
MODES: tuple[Mode, ...] = ("light", "dark")
LINEAR_FROM_SRGB_STEP = 0.04045
# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
VISIONS = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
LEAST_DIFFERENCE = 5.0  # in OKLab, times 100; about 2 is just noticeable side by side


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= LINEAR_FROM_SRGB_STEP, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, vision: str) -> np.ndarray:
    """OKLab (Ottosson 2020) times 100, as an eye with this vision sees the colour."""
    rgb = np.clip(VISIONS[vision] @ linear(colour), 0, 1)
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.793617785, -0.0040720468],
        [1.9779984951, -2.428592205, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.808675766],
    ]
    return 100 * np.asarray(to_lab) @ np.cbrt(np.asarray(to_cones) @ rgb)


@pytest.mark.parametrize("mode", MODES)
def test_text_on_the_deepest_chip_is_readable_on_the_page_and_in_its_file(mode: Mode) -> None:
    ink, paper = theme.SURFACES[mode]["ink"], theme.SURFACES[mode]["paper"]
    chip = theme.blend(theme.colour("tokens", mode), theme.blend(ink, paper, 0.04), picture_files.DEEPEST)
    assert contrast(chip, ink) >= 4.5
    style = (ROOT / "app" / "components" / "token_text" / "component.css").read_text(encoding="utf-8")
    assert set(re.findall(r"--shade\) \* (\d+%)", style)) == {f"{picture_files.DEEPEST:.0%}"}


def difference(a: str, b: str, vision: str) -> float:
    return float(np.linalg.norm(seen(a, vision) - seen(b, vision)))


def stage_colours(mode: Mode) -> list[str]:
    return [charts.colour(stage, mode) for stage in charts.STAGES]


@pytest.mark.parametrize("mode", MODES)
def test_the_palette_is_the_one_of_streamlits_theme(mode: Mode) -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"][mode]
    named = {
        "probability": "primaryColor",
        "tokens": "yellowColor",
        "embeddings": "blueColor",
        "attention": "violetColor",
        "layer_norm": "greenColor",
        "feed_forward": "orangeColor",
        "residual": "grayColor",
        "dart": "redColor",
    }
    assert {stage: charts.colour(stage, mode) for stage in named} == {stage: config[key] for stage, key in named.items()}
    assert stage_colours(mode) == config["chartCategoricalColors"]
    assert list(theme.SEQUENTIAL[mode]) == config["chartSequentialColors"]
    assert list(theme.DIVERGING[mode]) == config["chartDivergingColors"]
    surfaces = ("backgroundColor", "secondaryBackgroundColor", "textColor", "borderColor")
    assert list(theme.SURFACES[mode].values()) == [config[key] for key in surfaces]


@pytest.mark.parametrize("mode", MODES)
def test_components_and_files_draw_weights_in_the_same_steps(mode: Mode) -> None:
    style = (ROOT / "app" / "components" / "shared" / "shared.css").read_text(encoding="utf-8")
    found = re.search(rf"--attention-{mode}-steps: (.+);", style)
    assert found and tuple(found[1].split(", ")) == theme.ATTENTION[mode]


@pytest.mark.parametrize("mode", MODES)
def test_text_in_every_stage_colour_can_be_read_on_both_backgrounds(mode: Mode) -> None:
    surface = theme.SURFACES[mode]
    for colour in [*stage_colours(mode), surface["ink"]]:
        assert min(contrast(colour, surface["paper"]), contrast(colour, surface["card"])) >= 4.5, colour


@pytest.mark.parametrize("scale", ["probability", "attention", "signed"])
@pytest.mark.parametrize("mode", MODES)
def test_text_on_every_shade_of_a_scale_can_be_read(mode: Mode, scale: theme.Scale) -> None:
    stops = [stop for _, stop in charts.colour_scale(scale, mode)]
    shades = {theme.blend(after, before, i / 100) for before, after in pairwise(stops) for i in range(101)}
    assert min(contrast(theme.ink_on(shade), shade) for shade in shades) >= 4.5


@pytest.mark.parametrize("mode", MODES)
def test_the_words_of_the_lens_as_a_file_can_be_read_on_the_shades_that_plotly_paints(mode: Mode) -> None:
    shares = np.linspace(0, 1, 301) ** 2
    drawn = lens_grid(
        shares[None],
        texts=[["word"] * len(shares)],
        facts=[[["fact"]] * len(shares)],
        settled=[None] * len(shares),
        row_names=["block 0"],
        col_tokens=["token"] * len(shares),
        title="t",
        value_title="v",
        unit="%",
        top=1.0,
        mode=mode,
    )
    stops = drawn.data[0]["colorscale"]
    channels = zip(*([int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour in stops), strict=True)
    painted = np.stack([np.interp(shares, [place for place, _ in stops], channel) for channel in channels], 1).round().astype(int)
    words = drawn.data[1]["textfont"]["color"]
    assert min(contrast(word, "#" + bytes(shade.tolist()).hex()) for word, shade in zip(words, painted, strict=True)) >= 4.5


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("mode", MODES)
def test_every_pair_of_the_ten_colours_differs_for_every_kind_of_vision(mode: Mode, vision: str) -> None:
    near = {pair: d for pair in combinations(stage_colours(mode), 2) if (d := difference(*pair, vision)) < LEAST_DIFFERENCE}
    assert not near


def test_the_simulation_knows_a_pair_that_only_the_colour_blind_confuse() -> None:
    red, green = "#b05030", "#75701f"
    assert difference(red, green, "full") > 2 * LEAST_DIFFERENCE
    assert difference(red, green, "deuteranopia") < LEAST_DIFFERENCE


@pytest.mark.parametrize("hues", [theme.SEQUENTIAL, theme.ATTENTION], ids=["probability", "attention"])
@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("mode", MODES)
def test_a_scale_from_zero_leaves_the_background_in_even_steps_of_one_hue(
    mode: Mode, vision: str, hues: dict[Mode, tuple[str, ...]]
) -> None:
    stops = [theme.SURFACES[mode]["paper"], *hues[mode]]
    lightness = np.array([seen(stop, vision)[0] for stop in stops])
    steps = np.diff(lightness) * np.sign(lightness[-1] - lightness[0])
    assert steps.min() > 4
    assert steps.max() < 1.5 * steps.min()


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("mode", MODES)
def test_the_signed_scale_tells_the_sign_from_the_first_step_on(mode: Mode, vision: str) -> None:
    paper, stops = theme.SURFACES[mode]["paper"], theme.DIVERGING[mode]
    assert all(difference(stops[4 - i], stops[5 + i], vision) > LEAST_DIFFERENCE for i in range(5))
    away = [[abs(seen(stop, vision)[0] - seen(paper, vision)[0]) for stop in side] for side in (stops[4::-1], stops[5:])]
    assert all(near < far for side in away for near, far in pairwise(side))


def test_zero_is_the_background_and_small_probabilities_get_most_of_the_scale() -> None:
    probability, signed = charts.colour_scale("probability", "light"), charts.colour_scale("signed", "light")
    paper = theme.SURFACES["light"]["paper"]
    assert probability[0] == (0, paper)
    assert probability[1] == (pytest.approx(0.01), theme.SEQUENTIAL["light"][0])
    assert signed[5] == (0.5, paper)
    assert [len(probability), len(signed)] == [11, 11]


def test_both_templates_have_ten_colours_on_a_transparent_ground() -> None:
    for mode in MODES:
        layout = theme.template(mode).layout
        assert list(layout.colorway) == stage_colours(mode)
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
