"""What is switched off or moved, in words, and how a switch changes it. A visitor has one intervention at a time (`View.intervention`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from app.writing.numbers import counted
from gptcore.run import Ablation, Intervention, Patch, Replacement

PartKind = Literal["head", "attention", "feed_forward", "position_embedding"]
MOST_NAMED = 6  # parts by name; more are counted


def ablation_of(intervention: Intervention | None) -> Ablation:
    """What is switched off: an empty Ablation where nothing is, or where cells are patched instead."""
    return intervention if isinstance(intervention, Ablation) else Ablation()


def switched(intervention: Intervention | None, part: PartKind, layer: int = 0, head: int = 0) -> Intervention | None:
    """With this part off if it was on, and on if it was off; None where then nothing is off. A patch ends with it."""
    before = ablation_of(intervention)
    if part == "position_embedding":
        after = replace(before, position_embedding=not before.position_embedding)
    elif part == "head":
        after = replace(before, heads=before.heads ^ {(layer, head)})
    elif part == "attention":
        after = replace(before, attention=before.attention ^ {layer})
    else:
        after = replace(before, feed_forward=before.feed_forward ^ {layer})
    return after or None


def replaced_by(intervention: Intervention | None, replacement: Replacement) -> Intervention | None:
    """The same parts off, replaced otherwise."""
    return replace(intervention, replacement=replacement) if isinstance(intervention, Ablation) else intervention


def is_off(intervention: Intervention | None, part: PartKind, layer: int = 0, head: int = 0) -> bool:
    """Whether this very part was switched off."""
    off = ablation_of(intervention)
    among = {"head": (layer, head) in off.heads, "attention": layer in off.attention, "feed_forward": layer in off.feed_forward}
    return off.position_embedding if part == "position_embedding" else among[part]


def is_replaced(intervention: Intervention | None, layer: int, head: int, position: int) -> bool:
    """Whether something else stands in for what this head has gathered at this position."""
    if isinstance(intervention, Patch) and intervention.site == "z":
        return any(cell[0] == layer and cell[1] == head and cell[-1] == position for cell in intervention.cells)
    return is_off(intervention, "head", layer, head) or is_off(intervention, "attention", layer)


def summary(intervention: Intervention) -> str:
    """In a few words: "2 heads off", "head 5.1 off", "3 cells patched"."""
    if isinstance(intervention, Patch):
        return f"{counted(len(intervention.cells), 'cell')} patched"
    parts = _names(intervention)
    if len(parts) == 1:
        return f"{parts[0]} off"
    kinds = [
        bool(intervention.heads),
        bool(intervention.attention or intervention.feed_forward or intervention.position_embedding),
    ]
    return f"{counted(len(parts), 'part' if kinds[1] else 'head')} off"


def explanation(intervention: Intervention) -> str:
    """What exactly is so, in whole sentences."""
    if isinstance(intervention, Patch):
        source, n_cells = counted(len(intervention.source), "token"), counted(len(intervention.cells), "cell")
        return (
            f"{n_cells} of this run come from what the model does with another text of {source}. All pages show the patched run."
        )
    names = _names(intervention)
    named = (
        ", ".join(names) if len(names) <= MOST_NAMED else f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
    )
    writes = "write nothing" if intervention.replacement == "zero" else "write what they usually write, whatever the text"
    return f"Off: {named}. They {writes}. All pages, and the text that is written on, follow."


def _names(off: Ablation) -> list[str]:
    names = [f"head {layer}.{head}" for layer, head in sorted(off.heads)]
    names += [f"attention {layer}" for layer in sorted(off.attention)]
    names += [f"feed-forward {layer}" for layer in sorted(off.feed_forward)]
    return [*names, *(["position embedding"] if off.position_embedding else [])]
