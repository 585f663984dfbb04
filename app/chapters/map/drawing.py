"""The map of the model as SVG text: for a wide column and for a phone, on the screen's own colours or with colours of its own.

Read from top to bottom. The spine is the residual stream; what leaves it to the right and comes back in a ring is a shortcut.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from urllib.parse import urlencode

from app.chapters.map.views import ModelMap, ModelPart
from app.charts import theme
from app.choices import in_address
from app.writing.markup import escape_html
from app.writing.numbers import percent

GAP = 40  # between boxes, where an arrow and its shape stand
SHEET_STEP = 5  # from one sheet of the block to the one behind it
SANS, MONO = "var(--sans)", "var(--mono)"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Sheet:
    """Where things stand across the page. left, right: edges of the boxes; tie: the line between the two uses of one matrix;
    frame_left, frame_right: of the block; notes: where the words begin, None where there is no room for them."""

    name: str
    width: int
    left: int
    right: int
    tie: int
    frame_left: int
    frame_right: int
    notes: int | None

    @property
    def spine(self) -> int:
        return (self.left + self.right) // 2


WIDE = Sheet("wide", 960, 96, 496, 40, 68, 560, 624)
NARROW = Sheet("narrow", 360, 32, 302, 7, 17, 349, None)


@dataclass
class _Pen:
    """What has been drawn, and how far down the page. links: page file -> address."""

    sheet: Sheet
    links: dict[str, str]
    parts: list[str] = field(default_factory=list)
    y: float = 10

    def text(self, x: float, y: float, words: str, size: float = 14, *, colour: str = "ink", font: str = SANS, weight: int = 400,
             anchor: str = "start", turned: bool = False) -> None:  # fmt: skip
        turn = f' transform="rotate(-90 {x} {y})"' if turned else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" font-family="{font}" font-weight="{weight}" text-anchor="{anchor}" '
            f'fill="var(--{colour})"{turn}>{escape_html(_NOT_XML.sub("", words))}</text>'
        )

    def line(self, path: str, colour: str = "residual", width: float = 1.6, dashed: bool = False, head: bool = False) -> None:
        more = ' stroke-dasharray="2 5" stroke-linecap="round"' if dashed else ""
        if head:
            more += f' marker-end="url(#{self.sheet.name}-head)"'
        self.parts.append(f'<path d="{path}" fill="none" stroke="var(--{colour})" stroke-width="{width}"{more}/>')

    def arrow(self, label: str, length: float = GAP, shown: str = "soft") -> None:
        """Down the spine, with a shape beside it."""
        x = self.sheet.spine
        self.line(f"M{x} {self.y}V{self.y + length - 7}", head=True)
        self.text(x + 12, self.y + length / 2 + 3, label, 12, colour=shown, font=MONO)
        self.y += length

    def plus(self) -> float:
        """The ring in which two arrows meet; gives the height of its middle."""
        x, y = self.sheet.spine, self.y + 11
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="11" fill="var(--paper)" stroke="var(--residual)" stroke-width="1.6"/>')
        self.line(f"M{x - 5} {y}h10M{x} {y - 5}v10")
        self.y += 22
        return y

    def open_link(self, part: ModelPart) -> None:
        href = self.links.get(part.page)
        label = escape_html(f"{part.title}. {'; '.join(part.details)}. {_counted(part)}.")
        if href:
            shown = urlencode(in_address(part.shown))
            self.parts.append(
                f'<a class="box" href="{escape_html(href)}" data-page="{part.page}" data-box="{part.key}" '
                f'data-choices="{escape_html(shown)}" aria-label="{label} Open its page.">'
            )
        else:
            self.parts.append(f'<g class="box" aria-label="{label}">')

    def close_link(self, part: ModelPart) -> None:
        self.parts.append("</a>" if part.page in self.links else "</g>")

    def box(self, part: ModelPart, left: float, right: float) -> None:
        """A part with its lines; its count stands at the right of the title, or below in a narrow box."""
        narrow = right - left < 360
        titles = part.title.split() if right - left < 160 else [part.title]
        lines = [(line, "soft") for line in part.details]
        repeated = f"{part.count:,} × {part.times} = {part.count * part.times:,}" if part.times > 1 else f"{part.count:,}"
        if narrow and part.count:
            lines.append((repeated, part.stage.replace("_", "-")))
        height = 17 + 19 * (len(titles) + len(lines))
        colour = part.stage.replace("_", "-")
        self.open_link(part)
        shape = f'x="{left}" y="{self.y}" width="{right - left}" height="{height}" rx="9"'
        self.parts.append(f'<rect {shape} fill="var(--paper)"/>')
        self.parts.append(
            f'<rect class="tint" {shape} fill="var(--{colour})" fill-opacity="0.1" stroke="var(--{colour})" stroke-opacity="0.45"/>'
        )
        for i, title in enumerate(titles):
            self.text(left + 14, self.y + 24 + 19 * i, title, 14.5, weight=600)
        if part.count and not narrow:
            self.text(right - 14, self.y + 24, f"{part.count:,}", 13, colour=colour, font=MONO, anchor="end")
        for i, (line, shown) in enumerate(lines):
            at = self.y + 25 + 19 * (len(titles) + i)
            self.text(left + 14, at, line, 12.5 if shown == "soft" else 12, colour=shown, font=SANS if shown == "soft" else MONO)
        self.close_link(part)
        self.y += height

    def notes(self, part: ModelPart, share: float) -> None:
        """What a part is for, and how much of the model it is, to the right of its box."""
        if self.sheet.notes is None:
            return
        x, y = self.sheet.notes, self.y + 24
        if part.count:
            room, used = 120, max(1.5, 120 * share)
            colour = part.stage.replace("_", "-")
            self.parts.append(
                f'<rect x="{x}" y="{y - 9}" width="{room}" height="8" rx="4" fill="var(--{colour})" fill-opacity="0.14"/>'
            )
            self.parts.append(
                f'<rect x="{x}" y="{y - 9}" width="{used:.1f}" height="8" rx="{min(4, used / 2):.1f}" fill="var(--{colour})"/>'
            )
            many = f" in all {part.times}" if part.times > 1 else ""
            self.text(x + room + 12, y, f"{percent(share)}{many}", 12.5, colour="soft")
            y += 21
        for line in textwrap.wrap(part.words, 48):
            self.text(x, y, line, 13, colour="soft")
            y += 18


def _counted(part: ModelPart) -> str:
    if not part.count:
        return "No parameters of its own"
    return f"{part.count:,} parameters" + (f", {part.times} times" if part.times > 1 else "")


def drawing(found: ModelMap, sheet: Sheet, links: dict[str, str]) -> str:
    """The map as one SVG element. links: page file -> address; a part whose page is not in it is drawn without a link."""
    pen = _Pen(sheet, links)
    _pill(pen, found.text, f"{found.n_tokens:,} token{'s' if found.n_tokens > 1 else ''}")
    pen.arrow("text", 34)
    _whole(pen, found, "tokenizer")
    token_row = _embeddings(pen, found)
    pen.arrow(found.stream, 46)
    _block(pen, found)
    pen.arrow(found.stream, 46)
    _whole(pen, found, "final_norm")
    pen.arrow(found.stream)
    head_row = pen.y + 28
    _whole(pen, found, "output_head")
    if found.tied:
        _tie(pen, token_row, head_row)
    pen.arrow(f"logits {found.parts['output_head'].output}")
    _whole(pen, found, "choice")
    pen.arrow(f"probabilities {found.parts['choice'].output}")
    _pill(pen, found.answer, f"most likely next, {percent(found.chance)}")
    pen.text(pen.sheet.right - 16, pen.y + 17, "the probability at temperature 1", 12, colour="soft", anchor="end")
    pen.y += 20
    return _svg(pen, found)


def _whole(pen: _Pen, found: ModelMap, key: str) -> None:
    """A box as wide as the column."""
    pen.notes(found.parts[key], found.share(key))
    pen.box(found.parts[key], pen.sheet.left, pen.sheet.right)


def _pill(pen: _Pen, words: str, below: str) -> None:
    """Text of the visitor or of the model."""
    sheet = pen.sheet
    width = sheet.right - sheet.left
    pen.parts.append(
        f'<rect x="{sheet.left}" y="{pen.y}" width="{width}" height="34" rx="17" fill="none" stroke="var(--line)" stroke-width="1.4"/>'
    )
    pen.text(sheet.left + 16, pen.y + 22, words, 13, font=MONO)
    pen.text(sheet.right - 16, pen.y + 22, below, 12, colour="soft", anchor="end")
    pen.y += 34


def _embeddings(pen: _Pen, found: ModelMap) -> float:
    """Two tables side by side, and their sum; gives the height at which the token embedding's left side is tied."""
    sheet, top = pen.sheet, pen.y
    gap = 14
    middle = (sheet.left + sheet.spine - gap / 2) / 2, (sheet.right + sheet.spine + gap / 2) / 2
    fork = top + 14
    pen.line(f"M{sheet.spine} {top}V{fork}")
    positions = f"[{found.n_tokens}]"
    for x, label in zip(middle, (found.ids, positions), strict=True):
        pen.line(f"M{sheet.spine} {fork}H{x}V{top + 43}", head=True)
        pen.text(x + 10, top + 36, label, 12, colour="soft", font=MONO)
    pen.y = top + 50
    pen.box(found.parts["token_embedding"], sheet.left, sheet.spine - gap / 2)
    bottom, pen.y = pen.y, top + 50
    pen.box(found.parts["position_embedding"], sheet.spine + gap / 2, sheet.right)
    pen.y = top + 50
    both = found.share("token_embedding") + found.share("position_embedding")
    pen.notes(found.parts["token_embedding"], both)
    ring = bottom + 40
    for x, side, name in zip(middle, (-1, 1), ("token_embedding", "position_embedding"), strict=True):
        pen.line(f"M{x} {bottom}V{ring}H{sheet.spine + side * 18}", head=True)
        pen.text(x + 10, bottom + 22, found.parts[name].output, 12, colour="soft", font=MONO)
    pen.y = ring - 11
    pen.plus()
    return top + 50 + 28


def _block(pen: _Pen, found: ModelMap) -> None:
    """The block in its frame, with sheets behind it for its repeats, and its two shortcuts."""
    sheet, place, block = pen.sheet, len(pen.parts), found.parts["block"]
    top = pen.y + SHEET_STEP * _sheets_behind(found)
    pen.y = top + 62
    for norm, work in (("ln_1", "attention"), ("ln_2", "feed_forward")):
        start = pen.y + 10
        pen.arrow(found.stream, 46)
        _whole(pen, found, norm)
        pen.arrow(found.stream)
        _whole(pen, found, work)
        pen.arrow(found.stream)
        ring = pen.plus()
        _shortcut(pen, start, ring, found.stream)
    pen.line(f"M{sheet.spine} {pen.y}v24")
    bottom = pen.y + 24
    head = _Pen(sheet, pen.links, y=top)
    _block_frame(head, found, block, bottom)
    pen.parts[place:place] = head.parts
    pen.line(f"M{sheet.spine} {top + 54}v9")
    pen.y = bottom


def _sheets_behind(found: ModelMap) -> int:
    """Sheets that show from behind the block: two stand for all its repeats."""
    return min(2, found.n_layers - 1)


def _block_frame(pen: _Pen, found: ModelMap, block: ModelPart, bottom: float) -> None:
    sheet, top = pen.sheet, pen.y
    width, height = sheet.frame_right - sheet.frame_left, bottom - top
    for i in range(_sheets_behind(found), -1, -1):
        step = SHEET_STEP * i
        pen.parts.append(
            f'<rect x="{sheet.frame_left + step}" y="{top - step}" width="{width}" height="{height}" rx="14" fill="var(--paper)" '
            f'stroke="var(--residual)" stroke-opacity="{0.55 - 0.15 * i:.2f}"/>'
        )
    pen.open_link(block)
    pen.parts.append(
        f'<rect class="tint" x="{sheet.frame_left}" y="{top}" width="{width}" height="54" rx="14" fill="var(--residual)" fill-opacity="0.08"/>'
    )
    pen.text(sheet.frame_left + 18, top + 24, block.title, 15.5, weight=600)
    pen.text(sheet.frame_left + 18, top + 43, f"{block.details[0]}; {block.count:,} parameters each", 12, colour="soft")
    pen.text(sheet.frame_right - 18, top + 35, f"× {block.times}", 22, colour="residual", weight=600, anchor="end")
    pen.close_link(block)
    pen.notes(block, found.share("block"))


def _shortcut(pen: _Pen, start: float, ring: float, label: str) -> None:
    """From the spine to the right, past both boxes, and back into the ring."""
    sheet = pen.sheet
    x = sheet.right + (28 if sheet.notes else 20)
    pen.line(f"M{sheet.spine} {start}H{x - 10}q10 0 10 10V{ring - 10}q0 10 -10 10H{sheet.spine + 18}", width=2.2, head=True)
    pen.text(x + 16, (start + ring) / 2, f"shortcut {label}", 11.5, colour="soft", anchor="middle", turned=True)


def _tie(pen: _Pen, token_row: float, head_row: float) -> None:
    """The output head is the token embedding: one matrix in two places."""
    sheet = pen.sheet
    x = sheet.tie
    pen.line(
        f"M{sheet.left} {head_row}H{x + 9}q-9 0 -9 -9V{token_row + 9}q0 -9 9 -9H{sheet.left}",
        colour="embeddings",
        width=1.8,
        dashed=True,
    )
    if sheet.notes is not None:
        pen.text(x - 9, (token_row + head_row) / 2, "the same matrix", 12, colour="embeddings", anchor="middle", turned=True)


def _svg(pen: _Pen, found: ModelMap) -> str:
    sheet = pen.sheet
    height = pen.y + 12
    label = escape_html(alt(found))
    head = (
        f'<defs><marker id="{sheet.name}-head" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8Z" fill="var(--residual)"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{sheet.name}" viewBox="0 0 {sheet.width} {height:.0f}" role="group" '
        f'aria-label="{label}">{head}{"".join(pen.parts)}</svg>'
    )


def alt(found: ModelMap) -> str:
    """What a screen reader reads before it goes through the boxes."""
    return (
        f"Diagram of the whole model: text, tokenizer, token and position embedding, {found.n_layers} transformer blocks, final "
        f"LayerNorm, output head, choice. {found.total:,} parameters. The residual stream has the shape {found.stream}. Each block "
        "has two shortcuts, past LayerNorm and attention and past LayerNorm and feed-forward."
    )


def standalone(svg: str, mode: theme.Mode) -> str:
    """The drawing with colours and fonts of its own and without links, for a file."""
    surface = theme.SURFACES[mode]
    values = {
        **surface,
        **{name.replace("_", "-"): theme.colour(name, mode) for name in theme.STAGES},
        "soft": theme.blend(surface["ink"], surface["paper"], 0.68),
        "sans": "'Source Sans 3', 'Source Sans', sans-serif",
        "mono": "'Source Code Pro', monospace",
    }
    plain = re.sub(r"</?a\b[^>]*>", lambda m: "</g>" if m.group().startswith("</") else "<g>", svg)
    coloured = re.sub(r"var\(--([a-z-]+)\)", lambda m: values[m.group(1)], plain)
    return re.sub(r"(<svg [^>]*>)", rf'\1<rect width="100%" height="100%" fill="{surface["paper"]}"/>', coloured, count=1)
