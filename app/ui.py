"""The furniture that repeats on every page: header, chart, self-check, formula, source, terms.

The only module that writes HTML; what it is given as text is escaped here, by app.writing.markup.
"""

from __future__ import annotations

import inspect
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, TypeVar
from urllib.parse import urlencode

import streamlit as st

from app import charts, faults, palette, state
from app.choices import Choice, Shown
from app.components import figure as figures
from app.figure_menu import drawer as drawer  # pages ask for these here
from app.figure_menu import figure_menu as figure_menu
from app.figure_menu import mode as mode
from app.glossary import GLOSSARY
from app.shell import navigation
from app.writing import markup
from app.writing.numbers import counted, percent, significant

if TYPE_CHECKING:  # the first page draws without pandas, and starts that much sooner
    import pandas as pd

    from app.runtime import Here
    from gptcore.checks import Check

_NEXT_PIECE = 0.1  # seconds until the next one is computed
_SOON = 0.5  # seconds for which nobody needs a bar
LONGEST_LINK = 2_000  # characters of a view in a link; beyond, a page would send a long prompt once for each of its words
WHOLE = "whole"  # what belongs to no single stage has the colour of the text


def page_header(stage: str, question: str, answer: str) -> None:
    """The page's question as the title, marked with its stage's colour, and the plain answer."""
    colour = "currentColor" if stage == WHOLE else palette.colour(stage, mode())
    st.html(
        f'<div class="glass-header"><h1 style="border-color: {colour}">{markup.escape_html(question)}</h1>'
        f"<p>{markup.escape_html(answer)}</p></div>"
    )


def question(asked: str, colour: str) -> None:
    """A beat's question, as the title of the page; what a hyphen joins, such as top-p, stays on one line."""
    title = re.sub(r"\b\w+-\w\b", r'<span class="pair-word">\g<0></span>', markup.escape_html(asked))
    st.html(f'<div class="glass-header"><h1 style="border-color: {colour}">{title}</h1></div>')


Parts = Mapping[str, tuple[str, "Callable[[Here], None]"]]  # part -> what stands on its button, what draws it


def parts(choice: Choice[str], table: Parts, here: Here) -> str:
    """The buttons of a page's parts, and below them the one that is chosen, so that each is there at once; returns which."""
    part = st.segmented_control(
        "Part of this page", list(table), format_func=lambda part: table[part][0], required=True, wrap=True,
        label_visibility="collapsed", **state.choice(choice),
    )  # fmt: skip
    table[part][1](here)
    return part


def layer_slider(here: Here, place: Any = st, disabled: bool = False) -> None:
    """The layer in focus, where the model has more than one; place: the column or the page."""
    if here.config.n_layers > 1:
        place.slider("Layer", 0, here.config.n_layers - 1, disabled=disabled, **state.widget("layer", here.config.n_layers - 1))


def layer_and_token(here: Here) -> None:
    """The slider of the layer, and under it which token is looked at."""
    layer_slider(here)
    note(
        f"Layer {here.layer}, token {markup.quoted(here.tokens[here.position])} at position {here.position}. Choose another in the text above."
    )


def open_page(file: str, shown: Shown = ()) -> NoReturn:
    """Go to a page (its file in pages/, without .py), with this chosen there."""
    for choice, value in shown:
        state.take(choice, value)
    st.switch_page(navigation.page(file))


def prose(text: str, following: str) -> None:
    """A text in large type, with a gap for what comes next, or with what came, a token's visible text."""
    end = f"<ins>{markup.escape_html(markup.as_read(following))}</ins>" if following else '<span class="gap">?</span>'
    st.html(f'<p class="glass-prose">{markup.escape_html(text)}{end}</p>')


def bar_list(rows: Sequence[tuple[str, float, str]], label: str) -> None:
    """Probabilities as bars on one axis from 0 to 100 %: (token, probability, what is said of it)."""

    def row(token: str, p: float, said: str) -> str:
        mark = f"<em>{markup.escape_html(said)}</em>" if said else ""
        css = ' class="chosen"' if "chosen" in said else ""
        return f'<tr{css}><th>{markup.chip(token)}</th><td><i style="--p: {p}"></i></td><td>{percent(p)}</td><td>{mark}</td></tr>'

    body = "".join(row(*each) for each in rows)
    st.html(f'<table class="glass-bars" aria-label="{markup.escape_html(label)}"><tbody>{body}</tbody></table>')


def note(text: str) -> None:
    """A quiet remark under a figure. Plain text."""
    st.html(f'<p class="glass-note">{markup.escape_html(text)}</p>')


def passage(title: str, before: str, lit: str, after: str) -> None:
    """A piece of running text with a part of it lit. Plain text."""
    texts = [markup.escape_html(text) for text in (title, before, lit, after)]
    st.html('<figure class="glass-passage"><figcaption>{}</figcaption><p>{}<mark>{}</mark>{}</p></figure>'.format(*texts))


@contextmanager
def progress(said: str) -> Iterator[Callable[[float], None]]:
    """While something is computed: what, and for how long already. Gives what to tell which share is done, from 0 to 1; where that
    goes on for a while, it is a bar."""
    began = time.monotonic()
    with st.spinner(said, show_time=True):
        place = st.empty()

        def tell(share: float) -> None:
            if time.monotonic() - began > _SOON:
                place.progress(min(share, 1.0))

        yield tell
        place.empty()


class Filled(Protocol):
    """What comes in pieces. n_missing: how many are still to be computed."""

    @property
    def n_missing(self) -> int: ...


Pieces = TypeVar("Pieces", bound=Filled)


def filling(look: Callable[[int], Pieces], draw: Callable[[Pieces], None]) -> None:
    """Draw what takes long as far as it is there, again and again until all is, while the rest of the page can be used.

    look(most): all pieces that are kept, and at most so many new ones.
    """
    is_filling = look(0).n_missing > 0

    def fill() -> None:
        found = look(1)
        if is_filling and not found.n_missing:
            st.rerun()  # once more without a clock
        draw(found)

    (faults.fragment(fill, run_every=_NEXT_PIECE) if is_filling else fill)()


def layer_and_head(here: Here) -> None:
    """The sliders of the layer and the head in focus, where there are several."""
    layer_slider(here)
    if here.config.n_heads > 1:
        st.slider("Head", 0, here.config.n_heads - 1, **state.widget("head", here.config.n_heads - 1))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = (), marked: int | None = None) -> None:
    """A small printed table; see markup.table."""
    st.html(markup.table(columns, rows, numeric, marked))


def bars(
    columns: Sequence[str], rows: Sequence[Sequence[str | markup.NumberBar]], faded: Sequence[int] = (), marked: int | None = None
) -> None:
    """A picture of numbers as bars; see markup.bars."""
    st.html(markup.bars(columns, rows, faded, marked))


def model_missing(name: str, broken: str = "") -> None:
    """The page of a model that is not on this machine yet, or, with the reason, of one that cannot be used."""
    if broken:
        page_header(WHOLE, "This model cannot be used", f"{broken} Choose another model under Edit text. Your prompt stays.")
        return
    page_header(
        WHOLE,
        "This model is not on this machine yet",
        f"Download {name} here, or choose the embedded Storyteller under Edit text, which needs no network. Your prompt stays.",
    )


def chart(
    figure: charts.Figure,
    *,
    name: str,
    data: pd.DataFrame | Callable[[], pd.DataFrame],
    key: str | None = None,
    code: Callable[[], str] | None = None,
) -> None:
    """A figure, and in its corner the menu with its pictures, its data, the link and the code.

    name: file name of exports, without ending; data: the numbers that are drawn, or a function that gives them when asked; code: lines
    of gptcore that give them.
    Raises ValueError if the figure has no alt text.
    """
    figure_menu(name, data, [figure], code=code)
    draw(figure, name=name, key=key)


def draw(figure: charts.Figure, *, name: str, key: str | None = None) -> None:
    """A figure with its pictures in its own bar and its alt text from `layout["meta"]["alt"]`, for those that share one menu.

    Drawn by our own component where it knows everything in the figure, else by plotly (treemaps).
    name: file name of the pictures, without ending. Raises ValueError if the figure has no alt text.
    """
    alt = figure.layout.get("meta", {}).get("alt")
    if not alt:
        raise ValueError(f"The figure {name!r} has no alt text in layout['meta']['alt'].")
    key = key or f"chart_{name}"
    if figures.can_draw(figure):
        figures.figure(figure, key=key, name=name)
    else:
        config = {
            "displaylogo": False,
            "toImageButtonOptions": {"format": "svg", "filename": name},
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        }
        st.plotly_chart(charts.dressed(figure, mode()), theme=None, alt=alt, key=key, config=config)


def self_check(checks: Check | Sequence[Check]) -> None:
    """One tick for all of them; on click each: what was checked, the largest deviation, and what it may be."""
    listed = checks if isinstance(checks, Sequence) else [checks]
    failed = [check for check in listed if not check.ok]
    if failed:
        said, icon = f"{len(failed)} of {counted(len(listed), 'check')} failed", ":material/error:"
    else:
        said, icon = f"{counted(len(listed), 'check')} passed", ":material/check_circle:"
    with st.popover(said, type="tertiary", icon=icon):
        for check in listed:
            colour: Literal["green", "red"] = "green" if check.ok else "red"
            icon = ":material/check_circle:" if check.ok else ":material/error:"
            st.badge(markup.escape_markdown(f"{check.name}: {deviates(check)}"), icon=icon, color=colour)
            st.caption(check.description)


def deviates(check: Check) -> str:
    """By how much two ways to the same numbers differ, and by how much they may."""
    if check.deviation == 0:
        return "exactly equal"
    return f"off by {significant(check.deviation)} at most, allowed {significant(check.tolerance)}"


def formula(latex: str) -> None:
    """A formula with this step's numbers put in. The LaTeX is the page's own; numbers only, never a token's text."""
    st.latex(latex)


def latex_lines(*lines: str) -> str:
    """Lines of a formula under each other, aligned at their &."""
    # Gaps count from a line's foot, not from the fraction's; the strut keeps the top of the first fraction inside its box.
    return r"\begin{aligned} \rule{0pt}{1.9em} " + r" \\[1.3em] ".join(lines) + r" \end{aligned}"


def source(*objects: Any) -> None:
    """The lines of gptcore that compute what is shown: place and code, from the running program."""
    with st.popover("How it is computed", type="tertiary", icon=":material/code:"):
        for thing in objects:
            place, code = _source(thing)
            st.caption(place)
            st.code(code, language="python")


def snippet(code: str) -> None:
    """A few lines of gptcore that give the numbers in view."""
    with st.popover("This view as code", type="tertiary", icon=":material/terminal:"):
        st.caption("From the project's folder, with its requirements installed.")
        st.code(code, language="python")


@cache
def _source(thing: Any) -> tuple[str, str]:
    """(file and lines, code)."""
    thing = inspect.unwrap(thing)  # what a decorator made of it stands elsewhere
    lines, start = inspect.getsourcelines(thing)
    module = sys.modules[thing.__module__].__name__  # the file's place whatever folder it is installed in
    path = Path(*module.split(".")).with_suffix(".py")
    return f"{path}, lines {start} to {start + len(lines) - 1}", "".join(lines)


def words(names: Sequence[str]) -> None:
    """Some words of the glossary, each a link to its entry there, which opens beside this page and brings the visitor's view along;
    and the way to all words. Raises KeyError for a word that it does not explain."""
    query = state.to_query(state.current())
    room = len(urlencode(query)) <= LONGEST_LINK

    def word(name: str) -> str:
        return f"[**{name}.**](glossary?{urlencode({**query, 'find': name})})" if room else f"**{name}.**"

    st.markdown("\n\n".join(f"{word(name)} {GLOSSARY[name]}" for name in names))
    st.page_link(navigation.page("glossary"), label="All words: the glossary")


def terms(*names: str) -> None:
    """`words` in a menu."""
    with st.popover("Words on this page", type="tertiary", icon=":material/menu_book:"):
        words(names)
