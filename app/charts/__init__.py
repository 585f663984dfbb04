"""Arrays, DataFrames' columns and plain dataclasses in, figures in plotly's terms out. No streamlit, no torch, no gptcore.

Every builder takes `title` (says what is seen), axis titles, a unit ("%" stands for a probability between 0 and 1) and `mode`
("light" or "dark"). Text is plain: escaping happens here. Every figure carries in `layout["meta"]["alt"]` what a screen reader
reads. Series and parts take the colour of a stage, by the names in `STAGES`. Before plotly draws a figure, `dressed` gives it its
template.
"""

from app.charts.bars import grouped_bars, histogram
from app.charts.export import html_page, stand_alone
from app.charts.frame import Figure
from app.charts.heatmap import heatmap, parted_strip, strip
from app.charts.labels import escape
from app.charts.lines import VerticalLine, curves, line_over_layers, scatter_2d
from app.charts.theme import STAGES, Mode, Scale, colour, colour_scale, dressed
from app.charts.token_tree import Block, token_tree
from app.charts.treemap import Area, treemap
from app.charts.waterfall import waterfall

__all__ = [
    "STAGES",
    "Area",
    "Block",
    "Figure",
    "Mode",
    "Scale",
    "VerticalLine",
    "colour",
    "colour_scale",
    "curves",
    "dressed",
    "escape",
    "grouped_bars",
    "heatmap",
    "histogram",
    "html_page",
    "line_over_layers",
    "parted_strip",
    "scatter_2d",
    "stand_alone",
    "strip",
    "token_tree",
    "treemap",
    "waterfall",
]
