"""What one session shows, read off the messages by which Streamlit tells its browser: question, finding, figures, in their order.

A follower's page has no Streamlit, and draws three kinds of things: our own components, from the bytes that they were handed; texts, as
HTML; and of controls what is chosen by them, in words. Buttons, menus and exports are left out, and for what only Streamlit can draw
stands a text: a figure by plotly has its alternative text, a table that can be edited says that the projector shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

from streamlit.proto.Block_pb2 import Block
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.Markdown_pb2 import Markdown

from app.writing import markup
from app.writing.numbers import significant

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

Path = tuple[int, ...]
Item = dict[str, Any]

_MAIN = 0  # the root of what stands on the page; others hold the sidebar and messages that pass
_MADE = re.compile(r"\$\$ID-[0-9a-f]+-")  # before the key that a caller gave
# Components that are about the session itself.
_OF_THE_SESSION = {"glass_frame", "glass_address", "glass_address_line"}
# What only who sits before the app can use: by the keys of their containers.
_LEFT_OUT = {"tries", "chapter_beats"}
_BESIDE = {"beat_aside", "beat_aside_below"}  # app.beats: the column beside a figure, or what stands below a wide one
_OFFERS = "guess_offers"  # buttons whose words are part of the question
_STRUT, _GAP = re.compile(r"\\rule\{[^}]*\}\{[^}]*\}"), re.compile(r"\\\\\s*\[[\d.]+em\]")
_ICON, _COLOUR = re.compile(r":material/\w+: ?"), re.compile(r":[a-z]+(?:-background|-badge)?\[((?:[^\]\\]|\\.)*)\]")


@dataclass
class _Placed:
    """An element or a block, by the fragment that wrote it, "" for the page."""

    what: Element | Block
    fragment: str


@dataclass
class _Recording:
    """What one run has drawn so far. number: runs in the order in which they began; written, fragments: what it has drawn anew."""

    number: int
    nodes: dict[Path, _Placed]
    written: set[Path] = field(default_factory=set)
    fragments: set[str] = field(default_factory=set)


@dataclass
class Mirror:
    """All that one session shows, by its place. A run of the page begins anew, a run of a fragment replaces what it had written.

    A run that was given up may still be on its way out, in a thread of its own, when the next has begun: each is recorded by itself.
    """

    nodes: dict[Path, _Placed] = field(default_factory=dict)
    _open: dict[int, _Recording] = field(default_factory=dict)  # by thread
    _begun: int = 0
    _shown: int = 0  # the number of the run that is shown
    _lock: Any = field(default_factory=Lock)

    @property
    def is_open(self) -> bool:
        """Whether a run of this thread has begun and not ended."""
        return get_ident() in self._open

    def begin(self, is_page: bool) -> None:
        """A run begins, of the page or of a fragment."""
        with self._lock:
            self._begun += 1
            self._open[get_ident()] = _Recording(self._begun, {} if is_page else dict(self.nodes))

    def take(self, path: Path, delta: Delta) -> None:
        """A message of this thread's run: something new at a place."""
        run = self._open.get(get_ident())
        if run is None or not path or path[0] != _MAIN:
            return
        kind = delta.WhichOneof("type")
        if kind == "new_element":
            for below in [each for each in run.nodes if each[: len(path)] == path]:
                del run.nodes[below]
            node = _Placed(Element(), delta.fragment_id)
            node.what.CopyFrom(delta.new_element)
        elif kind == "add_block":
            node = _Placed(Block(), delta.fragment_id)
            node.what.CopyFrom(delta.add_block)
        else:
            return
        run.nodes[path] = node
        run.written.add(path)
        if delta.fragment_id:
            run.fragments.add(delta.fragment_id)

    def end(self) -> bool:
        """The run is over: what its fragments had written before, and not again, is gone. Whether it is the newest."""
        with self._lock:
            run = self._open.pop(get_ident())
            if run.number < self._shown:
                return False
            self._shown = run.number
            self.nodes = {
                path: node for path, node in run.nodes.items() if path in run.written or node.fragment not in run.fragments
            }
            return True

    def drop(self) -> None:
        """The run was given up for another; what stood there stays."""
        with self._lock:
            self._open.pop(get_ident(), None)

    def shown(self) -> tuple[list[Item], dict[str, bytes]]:
        """(what stands on the page, top to bottom; the bytes of each component by the name of its part)."""
        children: dict[Path, list[Path]] = {}
        for path in sorted(self.nodes):
            children.setdefault(path[:-1], []).append(path)
        parts: dict[str, bytes] = {}
        return _arranged(list(self._items((_MAIN,), children, parts))), parts

    def _items(self, parent: Path, children: dict[Path, list[Path]], parts: dict[str, bytes]) -> Iterator[Item]:
        for path in children.get(parent, ()):
            what = self.nodes[path].what
            if isinstance(what, Block):
                if (block := _block(what)) is not None:
                    inside = list(self._items(path, children, parts))
                    if block.get("key") == _OFFERS:
                        inside = self._offered(children.get(path, ()))
                    if inside:
                        yield {**block, "items": inside}
            elif (item := _element(what, parts)) is not None:
                yield item

    def _offered(self, paths: Sequence[Path]) -> list[Item]:
        """What buttons offer to choose from, as words."""
        buttons = [what for path in paths if isinstance(what := self.nodes[path].what, Element) and what.HasField("button")]
        return [{"kind": "offer", "text": _plain(each.button.label)} for each in buttons]


def _arranged(items: list[Item]) -> list[Item]:
    """What is set beside a beat's figure, such as the layer, goes in a line under the finding: a follower has no controls that would need
    a column. What is unfolded there stays beside the figure."""
    settings: list[Item] = []
    kept = list(_without_settings(items, settings))
    return list(_with_settings(kept, settings)) if settings else kept


def _without_settings(items: list[Item], settings: list[Item], beside: bool = False) -> Iterator[Item]:
    for item in items:
        within = beside or item.get("key") in _BESIDE
        if "items" in item and item["kind"] != "fold":
            if inside := list(_without_settings(item["items"], settings, within)):
                yield {**item, "items": inside}
        elif within and item["kind"] != "fold":
            settings.append(item)
        else:
            yield item


def _with_settings(items: list[Item], settings: list[Item]) -> Iterator[Item]:
    for item in items:
        yield {**item, "items": list(_with_settings(item["items"], settings))} if "items" in item else item
        if item.get("key") == "finding":
            yield {"kind": "block", "key": "settings", "row": True, "items": settings}


@cache
def _writer() -> MarkdownIt:
    """Markdown to HTML; HTML in it stays text."""
    from markdown_it import MarkdownIt  # here: only a class needs it

    return MarkdownIt("commonmark", {"html": False})


def _key(made: str) -> str:
    """The key that a caller gave to what has this id; the whole of it where none was given."""
    return _MADE.sub("", made)


def _block(block: Block) -> Item | None:
    """A block without what is in it; None for one that is left out."""
    kind, key = block.WhichOneof("type"), _key(block.id)
    if kind in {"popover", "dialog", "form"} or key in _LEFT_OUT:
        return None
    found: Item = {"kind": "block"} | ({"key": key} if key else {})
    if kind == "expandable":
        is_open = block.expandable.expanded
        return found | {"kind": "fold", "label": _plain(block.expandable.label), "open": bool(is_open)}
    if kind == "column":
        return found | {"weight": round(block.column.weight, 4)}
    if kind == "flex_container" and block.flex_container.direction == Block.FlexContainer.Direction.HORIZONTAL:
        return found | {"row": True}
    return found


def _element(element: Element, parts: dict[str, bytes]) -> Item | None:
    """An element as a follower's page draws it; None for what is left out. parts: takes the bytes of a component."""
    kind = element.WhichOneof("type") or ""
    if kind == "bidi_component":
        return _component(element.bidi_component, parts)
    if kind == "html":
        return {"kind": "html", "html": element.html.body}
    if kind == "markdown":
        return _markdown(element.markdown)
    if kind == "heading":
        level = element.heading.tag if element.heading.tag in {"h1", "h2", "h3"} else "h2"
        return {"kind": "html", "html": f"<{level}>{_inline(element.heading.body)}</{level}>"}
    if kind == "alert":
        return {"kind": "html", "html": f'<div class="alert">{_writer().render(_undirected(element.alert.body))}</div>'}
    if kind == "code":
        return {"kind": "html", "html": f"<pre><code>{markup.escape_html(element.code.code_text)}</code></pre>"}
    if kind == "plotly_chart":
        return {"kind": "instead", "text": element.plotly_chart.alt or "A figure: the projector shows it."}
    if kind == "dataframe":
        return {"kind": "instead", "text": "A table that can be edited: the projector shows it."}
    if (read := _CHOSEN.get(kind)) is not None and (said := read(getattr(element, kind))) is not None:
        label = "" if getattr(element, kind).label_visibility.value else said[0]  # one that is not shown is for ears alone
        return {"kind": "chosen", "label": _plain(label), "text": _plain(said[1])} if said[1] else None
    return None


def _component(component: Any, parts: dict[str, bytes]) -> Item | None:
    name = component.component_name.rsplit(".", 1)[-1]
    if name in _OF_THE_SESSION:
        return None
    key = _key(component.id)
    parts[f"part:{key}"] = component.bytes
    return {"kind": "component", "key": key, "name": name.removeprefix("glass_")}


def _markdown(said: Markdown) -> Item | None:
    if said.element_type == Markdown.Type.LATEX:
        return {"kind": "html", "html": f'<div class="formula">{_formula(said.body)}</div>'}
    if said.element_type == Markdown.Type.DIVIDER:
        return None
    body = _writer().render(_undirected(said.body))
    caption = said.element_type == Markdown.Type.CAPTION
    return {"kind": "html", "html": f'<div class="{"caption" if caption else "words"}">{body}</div>'}


def _formula(latex: str) -> str:
    """LaTeX as our formulas use it -> MathML, which browsers draw by themselves; without what is about room alone."""
    from latex2mathml.converter import convert  # here: only a class needs it

    text = _STRUT.sub("", latex.strip().strip("$"))
    text = _GAP.sub(r"\\\\", text).replace("{aligned}", "{align*}").replace(r"\operatorname*{arg\,max}", r"\text{arg max}")
    if r"\\" in text and r"\begin{" not in text:
        text = rf"\begin{{align*}}{text}\end{{align*}}"
    return str(convert(text, display="block"))


def _undirected(text: str) -> str:
    """Markdown without what Streamlit alone knows: icons, and the colours of words."""
    return _COLOUR.sub(r"\1", _ICON.sub("", text))


def _inline(text: str) -> str:
    return str(_writer().renderInline(_undirected(text)))


def _plain(text: str) -> str:
    """Markdown as plain text."""
    return "".join(
        child.content
        for token in _writer().parseInline(_undirected(text))
        for child in token.children or ()
        if child.type in {"text", "code_inline", "softbreak"}
    )


Chosen = tuple[str, str] | None  # what is chosen by a control: its label, the words


def _slider(said: Any) -> Chosen:
    values = said.value if said.set_value else said.default
    if list(said.options):
        return said.label, ", ".join(said.options[int(each)] for each in values)
    whole = said.data_type == said.DataType.INT
    return said.label, " to ".join(str(int(each)) if whole else significant(each) for each in values)


def _one(said: Any) -> Chosen:
    """A menu or a list of which one is chosen."""
    if said.set_value:
        return said.label, said.raw_value
    return (said.label, said.options[said.default]) if said.HasField("default") and said.default < len(said.options) else None


def _buttons(said: Any) -> Chosen:
    names = [option.content for option in said.options]
    if said.set_value:
        return said.label, ", ".join(said.raw_values)
    return said.label, ", ".join(names[index] for index in said.default if index < len(names))


def _tick(said: Any) -> Chosen:
    return (said.label, "on") if (said.value if said.set_value else said.default) else (said.label, "off")


_CHOSEN: dict[str, Callable[[Any], Chosen]] = {
    "slider": _slider,
    "selectbox": _one,
    "radio": _one,
    "button_group": _buttons,
    "checkbox": _tick,
}
