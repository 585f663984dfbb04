"""The lens of the comparison page: what both sides would say at each depth, and where they part."""

from __future__ import annotations

import numpy as np
import pandas as pd

from app import ui
from app.chapters.compare import sections, views
from app.chapters.compare.views import Depths
from app.charts import line_over_layers
from app.pinned import Pinned
from app.runtime import Here
from app.writing import markup
from app.writing.markup import code, quoted
from app.writing.numbers import counted, percent
from gptcore.lens import lens


def depth_names(n_depths: int) -> list[str]:
    """The places where the stream is read."""
    return ["embeddings", *(f"block {layer}" for layer in range(n_depths - 1))]


def padded(values: np.ndarray, n_depths: int) -> np.ndarray:
    """With nothing where the other model is deeper."""
    return np.concatenate([values, np.full(n_depths - len(values), np.nan)])


def the_lens(whole: Here) -> None:
    """One token's probability at each depth in A and in B, and what was likeliest there."""
    found = sections.both(whole)
    if isinstance(found, str):
        return
    side, (a, b) = sections.side_shown(), views.depths(*at_cursor(whole, *found))
    is_one_model = found[0].run.model == found[1].run.model
    if side == "difference" and not is_one_model:
        ui.note("Layers of two models are other layers, so nothing is subtracted.")
        return
    n_depths = max(len(a.probs), len(b.probs))
    names = depth_names(n_depths)
    lines = {"A": padded(a.target_probs, n_depths), "B": padded(b.target_probs, n_depths)}
    if side == "difference":
        lines = {"B minus A": lines["B"] - lines["A"]}
    elif side != "both":
        lines = {side.upper(): lines[side.upper()]}
    figure = line_over_layers(
        lines, title=f"Layer by layer, {sections.SIDES[side]}: {_followed(a, b)}{_where(whole, found[0])}",
        value_title="change of probability" if side == "difference" else "probability", unit="%",
        stages=("reference", "probability") if side == "both" else (sections.STAGES.get(side, "ablation"),), layer_names=names,
        layer_title="after", y_range=None if side == "difference" else (0.0, 1.02), mode=ui.mode(),
    )  # fmt: skip
    ui.chart(figure, name="compared-lens", data=lambda: lens_frame(a, b))
    ui.table(
        ("after", "A", "B"),
        [(name, _cell(a, depth), _cell(b, depth)) for depth, name in enumerate(names)],
    )


def at_cursor(whole: Here, a: Pinned, b: Pinned) -> tuple[Pinned, Pinned]:
    """Both at the cursor's position, where A has it too; with the cursor on the newest token both at their newest."""
    if whole.is_newest or whole.position >= len(a.run.ids):
        return a, b
    return a._replace(run=a.run.beginning(whole.position + 1)), b


def _followed(a: Depths, b: Depths) -> str:
    one, other = quoted(a.target), quoted(b.target)
    return one if one == other else f"A's {one} and B's {other}"


def _where(whole: Here, a: Pinned) -> str:
    """Which tokens' streams are read, where these are not the newest of both."""
    if whole.is_newest:
        return ""
    return (
        f", after position {whole.position}"
        if whole.position < len(a.run.ids)
        else f", after A's end and B's position {whole.position}"
    )


def _cell(side: Depths, depth: int) -> str:
    return f"{markup.chip(side.texts[depth])} {percent(float(side.probs[depth]))}" if depth < len(side.probs) else ""


def lens_frame(a: Depths, b: Depths) -> pd.DataFrame:
    """One row a depth of each side."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "side": name,
                    "after": depth_names(len(each.probs)),
                    "likeliest": each.texts,
                    "probability": each.probs,
                    "followed": each.target,
                    "probability_of_followed": each.target_probs,
                }
            )
            for name, each in (("A", a), ("B", b))
        ],
        ignore_index=True,
    )


def says_lens(whole: Here) -> str:
    """From which depth on the two say something else."""
    found = sections.both(whole)
    if isinstance(found, str):
        return found
    a, b = views.depths(*at_cursor(whole, *found))
    if len(a.texts) != len(b.texts):
        settled = [len(each.texts) - _settled(each) for each in (a, b)]
        return (
            f"A ends with {code(a.texts[-1])} and has said so over its last {counted(settled[0], 'depth')} of {len(a.texts)}; B with "
            f"{code(b.texts[-1])}, over its last {settled[1]} of {len(b.texts)}. Layers of two models are other layers."
        )
    names = depth_names(len(a.texts))
    if a.texts == b.texts:
        return (
            f"Here the same token is likeliest in A and B at every depth; {code(b.target)} ends at "
            f"{percent(float(a.target_probs[-1]))} in A and **{percent(float(b.target_probs[-1]))}** in B."
        )
    if a.texts[-1] == b.texts[-1]:
        apart = sum(x != y for x, y in zip(a.texts, b.texts, strict=True))
        return (
            f"Both end with {code(b.texts[-1])}, at {percent(float(a.probs[-1]))} and **{percent(float(b.probs[-1]))}**; on the way they "
            f"have another likeliest token at {counted(apart, 'depth')} of {len(names)}."
        )
    alike = [depth for depth, (x, y) in enumerate(zip(a.texts, b.texts, strict=True)) if x == y]
    since = alike[-1] + 1 if alike else 0
    where = f"After {names[since]}, and at every depth from there on," if since else "At every depth"
    return (
        f"{where} A and B have another likeliest token. A ends with {code(a.texts[-1])} ({percent(float(a.probs[-1]))}), B with "
        f"{code(b.texts[-1])} (**{percent(float(b.probs[-1]))}**)."
    )


def _settled(side: Depths) -> int:
    """The depth from which on the likeliest token is the final one."""
    others = [depth for depth, text in enumerate(side.texts) if text != side.texts[-1]]
    return others[-1] + 1 if others else 0


def lens_checks(whole: Here) -> None:
    """As on the other beats, and how the lens is computed."""
    sections.checks(whole)
    ui.source(lens)
