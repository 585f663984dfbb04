"""The palette, the two scales and the two plotly templates.

The hex values are those of .streamlit/config.toml (a test holds both together), so that a figure, a component and Streamlit's own
text show one stage in one colour. Chosen so that text in any of them has a contrast of 4.5 on both backgrounds, and so that any
two differ for every kind of colour vision (tests simulate Machado et al. 2009, https://doi.org/10.1109/TVCG.2009.113).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from app.palette import STAGES as STAGES
from app.palette import Mode as Mode
from app.palette import colour as colour

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from app.charts.frame import Figure

Scale = Literal["probability", "attention", "signed"]
ColourScale = list[tuple[float, str]]

SURFACES: dict[Mode, dict[str, str]] = {
    "light": {"paper": "#fbfaf7", "card": "#f2f0ea", "ink": "#1d2126", "line": "#e0dbd0"},
    "dark": {"paper": "#14171b", "card": "#1e2329", "ink": "#e9e6df", "line": "#2f363d"},
}
# Ten steps of even lightness from the background on; the background itself is 0.
SEQUENTIAL: dict[Mode, tuple[str, ...]] = {
    "light": ("#d4e7ea", "#b2d3d8", "#92bec5", "#72aab3", "#5296a0", "#2e828e", "#036e7a", "#025862", "#01434b", "#002f35"),
    "dark": ("#192c2d", "#1d4144", "#22575b", "#286e74", "#2e858c", "#359da6", "#3db6c0", "#52cfd9", "#6de7f1", "#b0f8ff"),
}
# The same steps in the hue of the attention page, for its weights; components read them from shared.css.
ATTENTION: dict[Mode, tuple[str, ...]] = {
    "light": ("#e9ddf6", "#d7c2ec", "#c4a7de", "#b18dd2", "#9f74c3", "#8c5bb4", "#7845a0", "#613681", "#4a2864", "#341a48"),
    "dark": ("#2b233a", "#41315b", "#57407b", "#6e509c", "#8560bd", "#9d71e0", "#b586fe", "#c7a8fe", "#d9c6ff", "#ede4ff"),
}
# Blue below 0, orange above, five even steps each; the background itself is 0.
DIVERGING: dict[Mode, tuple[str, ...]] = {
    "light": ("#08348a", "#2c5ab2", "#5881cf", "#89aae5", "#bdd2f7", "#f1cbb5", "#db9f7a", "#c27441", "#a14d03", "#713402"),
    "dark": ("#a4c5ff", "#6c9cf4", "#5077be", "#3a5486", "#26344f", "#492f17", "#7a4b1c", "#ad6923", "#e08c37", "#feba7e"),
}
FONT = '"Source Sans", sans-serif'  # Streamlit's own, which the page has loaded
MONO = '"Source Code Pro", monospace'


def colour_scale(scale: Scale, mode: Mode) -> ColourScale:
    """Stops (position from 0 to 1, colour) as plotly takes them.

    "probability", "attention": 0 is the background. The steps are spaced by the square root of the value, since most attention weights and
    probabilities are small and a reader must tell 1 % from 5 %. "signed": the middle is the background, steps are even.
    """
    paper = SURFACES[mode]["paper"]
    if scale != "signed":
        stops = (paper, *(ATTENTION if scale == "attention" else SEQUENTIAL)[mode])
        return [((i / 10) ** 2, stop) for i, stop in enumerate(stops)]
    stops = (*DIVERGING[mode][:5], paper, *DIVERGING[mode][5:])
    return [(i / 10, stop) for i, stop in enumerate(stops)]


def blend(front: str, back: str, share: float) -> str:
    """The opaque colour of `share` (0 to 1) of `front` over `back`, both hexadecimal."""
    pairs = ((int(front[i : i + 2], 16), int(back[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def ink_on(tone: str) -> str:
    """Black or white, hexadecimal, whichever stands out more on a colour: on any by at least 4.58 (WCAG 2). The page's own ink and
    paper would reach 3.8 in the middle of the scales. As `inkOn` in shared/elements.js."""
    parts = [int(tone[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


@cache
def template(mode: Mode) -> go.layout.Template:
    """What every figure has by default in this mode."""
    import plotly.graph_objects as go  # here, since most pages are drawn without plotly

    surface = SURFACES[mode]
    soft = blend(surface["ink"], surface["paper"], 0.74)
    axis = {
        "gridcolor": blend(surface["line"], surface["paper"], 0.8),
        "linecolor": surface["line"],
        "zerolinecolor": blend(surface["ink"], surface["paper"], 0.35),
        "zerolinewidth": 1,
        "ticks": "",
        "automargin": True,
        "tickfont": {"color": soft, "size": 12},
        "title": {"font": {"color": soft, "size": 13}, "standoff": 8},
    }
    layout = go.Layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "color": surface["ink"], "size": 14},
        title={"font": {"size": 16, "weight": 600}, "x": 0, "xref": "container", "xanchor": "left", "yref": "container"},
        colorway=[pair[mode == "dark"] for pair in STAGES.values()],
        colorscale={"sequential": colour_scale("probability", mode), "diverging": colour_scale("signed", mode)},
        hoverlabel={
            "bgcolor": surface["card"],
            "bordercolor": surface["line"],
            "font": {"family": FONT, "color": surface["ink"], "size": 13},
            "align": "left",
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": blend(surface["ink"], surface["paper"], 0.45), "activecolor": soft},
        legend={"orientation": "h", "xref": "container", "x": 0, "yref": "container", "y": 0, "font": {"color": soft}},
        xaxis=axis,
        yaxis=axis,
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
        hovermode="closest",
        dragmode=False,  # on a phone a drag must scroll the page, not zoom the figure
    )
    return go.layout.Template(layout=layout)


def dressed(figure: Figure, mode: Mode) -> go.Figure:
    """The figure with the template of its mode, for plotly to draw."""
    return figure.plotly().update_layout(template=template(mode))
