"""The page that a class opens: the HTML around components/room/stage.js, the same for every class."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from streamlit import file_util

from app.charts import theme
from app.palette import STAGES, Mode
from app.server import assets

# The fonts come with Streamlit, under names that change with their content: family -> beginning of the file's name, weights.
FONTS = {
    "Source Sans": ("SourceSansVF-Upright", "200 900"),
    "Source Serif": ("SourceSerifVariable-Roman", "200 900"),
    "Source Code Pro": ("SourceCodeVF-Upright", "200 900"),
}
# What components know their colours by (shared/shared.css), and whose colour it is.
_STAGE_OF = {
    "yellow": "tokens", "blue": "embeddings", "violet": "attention", "green": "layer_norm", "orange": "feed_forward",
    "gray": "residual", "primary": "probability", "red": "dart",
}  # fmt: skip
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Class · Glass GPT</title>
<style>
{fonts}
:root {{ color-scheme: light; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {dark} }} }}
</style>
<link rel="stylesheet" href="{assets}shared/page.css">
<link rel="stylesheet" href="{assets}room/stage.css">
<link rel="stylesheet" href="{assets}room/question.css">
<script type="application/json" id="colours">{colours}</script>
<script type="module" src="{assets}room/stage.js"></script>
</head>
<body><noscript>This page needs JavaScript.</noscript></body>
</html>
"""


def answer(depth: int) -> Response:
    """depth: how many folders below the app the page's address lies. Nothing on it belongs to a class, so a browser may ask whether
    it has changed, and not again."""
    return HTMLResponse(page(depth), headers={"Cache-Control": "no-cache"})


@cache
def page(depth: int) -> str:
    """The HTML; its addresses are relative, as Streamlit's own are."""
    up = "../" * depth or "./"
    return _PAGE.format(
        fonts="\n".join(_fonts(up)), light=_variables("light"), dark=_variables("dark"), assets=f"{up}{assets.folder()}",
        colours=json.dumps(pairs()),
    )  # fmt: skip


def _fonts(up: str) -> list[str]:
    static = Path(file_util.get_static_dir())
    found = []
    for family, (beginning, weights) in FONTS.items():
        for path in sorted(static.glob(f"static/media/{beginning}*.woff2"))[:1]:
            address = f"{up}{path.relative_to(static).as_posix()}"
            found.append(
                f'@font-face {{ font-family: "{family}"; src: url("{address}") format("woff2"); font-weight: {weights}; '
                "font-display: swap; }"
            )
    return found


def _variables(mode: Mode) -> str:
    """What Streamlit tells its components of the theme."""
    surface = theme.SURFACES[mode]
    said = {
        "background-color": surface["paper"],
        "secondary-background-color": surface["card"],
        "text-color": surface["ink"],
        "border-color": surface["line"],
        "font": '"Source Sans", sans-serif',
        "code-font": '"Source Code Pro", monospace',
        "chart-sequential-colors": ",".join(theme.SEQUENTIAL[mode]),
        "chart-diverging-colors": ",".join(theme.DIVERGING[mode]),
    } | {f"{name}-color": STAGES[stage][mode == "dark"] for name, stage in _STAGE_OF.items()}
    return " ".join(f"--st-{name}: {value};" for name, value in said.items())


def pairs() -> list[tuple[str, str]]:
    """Every colour of the app as (light, dark): what a teacher's browser drew in one, a follower's may need in the other."""
    tables: list[tuple[str, str]] = list(STAGES.values())
    tables += [(theme.SURFACES["light"][name], theme.SURFACES["dark"][name]) for name in theme.SURFACES["light"]]
    for scale in (theme.SEQUENTIAL, theme.ATTENTION, theme.DIVERGING):
        tables += zip(scale["light"], scale["dark"], strict=True)
    soft = 0.74, 0.72, 0.7, 0.68, 0.45, 0.4, 0.35  # as charts blend ink and paper
    blends = [
        [theme.blend(theme.SURFACES[m]["ink"], theme.SURFACES[m]["paper"], share) for m in ("light", "dark")] for share in soft
    ]
    tables += [(light, dark) for light, dark in blends]
    return list(dict.fromkeys(tables))
