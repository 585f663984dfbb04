"""The parts of the map page: the drawing with its files, the count as a formula, and GPT-2 beside GPT-3."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from app import counting, state, tellings, ui
from app.asked import likeliest
from app.chapters.map import drawing as map_drawing
from app.chapters.map import views
from app.chapters.map.views import ModelMap
from app.charts import Mode, html_page
from app.components.model_map import model_map as model_map_component
from app.runtime import Here
from app.shell import navigation
from app.writing.markup import escape_html
from app.writing.numbers import in_words, percent
from app.writing.worked import in_tex
from gptcore import parameters
from gptcore.config import GPT2_SMALL, GPT2_XL, GPT3_175B, NAMED_CONFIGS, GPTConfig
from gptcore.model import GPTModel
from gptcore.parameters import count_parameters

ROOM = 20  # characters of the prompt that a phone has room for
EXAMPLE, EXAMPLE_TOKENS = "Hello, I am", 4  # in GPT-2's vocabulary
COUNTED = {
    "token_embedding": "the token embedding",
    "position_embedding": "the position embedding",
    "attention": "attention",
    "feed_forward": "feed-forward",
}
_SHAPES = "with a batch of 1 in front: [batch, tokens, width]; attention weights are [batch, heads, query, key]. Bars: share of all parameters."


def shortened(text: str, room: int = ROOM) -> str:
    """A text as tokens, as far as there is room for it."""
    return text if len(text) <= room else f"{text[: room - 1]}…"


def of_model(here: Here) -> None:
    """The map of the model and the text in view."""
    tied, (best, probability) = here.model.tied, likeliest(here.trace.logits)
    text, answer = shortened("".join(here.tokens)), shortened(here.model.tokenizer.text_of(best), 14)
    found = views.model_map(here.config, tied, len(here.ids), text, answer, probability)
    _head(found, here.config)
    diagram(found)
    ui.note(f"Shapes are those of this text, {_SHAPES}")
    count(found)
    ui.self_check([views.shape_check(here.trace, views.shapes(here.config, len(here.ids))), counting.numbers_counted(here)])
    ui.source(GPTModel, parameters.component_counts)
    shared_and_grown(here.model.name, here.config, tied)
    _words()


def without_weights() -> None:
    """The map of a model that is known and not on this machine, for the published example of four tokens."""
    name = state.current().model
    config = NAMED_CONFIGS[name]
    found = views.model_map(config, True, EXAMPLE_TOKENS, EXAMPLE, "?", float("nan"))
    _head(found, config)
    diagram(found)
    ui.note(
        f"{name} is not on this machine, so nothing is predicted. Shapes are those of {EXAMPLE}, its {EXAMPLE_TOKENS} tokens, {_SHAPES}"
    )
    count(found)
    ui.source(GPTModel, parameters.component_counts)
    shared_and_grown(name, config, True)
    _words()


def _head(found: ModelMap, config: GPTConfig) -> None:
    ui.question("What does the whole model look like?", "currentColor")
    with st.container(key="finding"):
        st.markdown(says(found, config))


def says(found: ModelMap, config: GPTConfig) -> str:
    """What is built how often, and where most of the numbers are."""
    largest = max(COUNTED, key=found.share)
    built = f"{found.n_layers} blocks of the same build" if found.n_layers > 1 else "one block"
    said = f"A text becomes rows of numbers, {built} {'add' if found.n_layers > 1 else 'adds'} to them, and the last row gives a probability"
    return (
        f"{said} for each of {config.vocab_size:,} tokens. **{percent(found.share('block'))}** of the {found.total:,} learned numbers are in "
        f"the {'blocks' if found.n_layers > 1 else 'block'}; of all parts, {COUNTED[largest]} has most: {percent(found.share(largest))}."
    )


def _words() -> None:
    ui.terms(
        "token", "embedding", "residual stream", "transformer block", "shortcut connection", "output head", "weight tying", "parameter"
    )  # fmt: skip


def diagram(found: ModelMap) -> None:
    """The map; a click on a box opens its page. Then its files."""
    pages = tuple(entry.file for entry in navigation.PAGES)
    query = urlencode(state.to_query(state.current()))
    links = {page: page for page in pages}  # the component adds what they restore, which changes at every click
    drawings = {sheet.name: map_drawing.drawing(found, sheet, links) for sheet in (map_drawing.WIDE, map_drawing.NARROW)}
    boxes = [part.key for part in found.parts.values() if part.page in pages]
    mode = ui.mode()
    ui.figure_menu(
        "map", lambda: views.frame(found), lambda: html_file(found, mode), svg=lambda: svg_file(found, mode), code=lambda: ""
    )
    if opened := model_map_component(drawings, key="model_map", boxes=boxes, query=query):
        part = found.parts[opened]
        tellings.stay()  # it is opened for the sake of this text
        ui.open_page(part.page, part.shown)


def svg_file(found: ModelMap, mode: Mode) -> str:
    """The wide drawing as a file that needs nothing else."""
    return map_drawing.standalone(map_drawing.drawing(found, map_drawing.WIDE, {}), mode)


def html_file(found: ModelMap, mode: Mode) -> str:
    """The wide drawing in a page of its own."""
    return html_page(escape_html(map_drawing.alt(found)), svg_file(found, mode), mode)


def count(found: ModelMap) -> None:
    """All parameters as a sum, with this model's numbers."""
    st.header(f"{found.total:,} parameters", anchor=False)
    number = {key: in_tex(part.count) for key, part in found.parts.items()}
    head = "" if found.tied else rf" + \underbrace{{{number['output_head']}}}_{{\text{{head}}}}"
    ui.formula(
        rf"\begin{{gathered}} \underbrace{{{number['token_embedding']}}}_{{\text{{tokens}}}} + "
        rf"\underbrace{{{number['position_embedding']}}}_{{\text{{positions}}}} \\[0.5em] "
        rf"+\ {found.n_layers} \cdot \underbrace{{{number['block']}}}_{{\text{{block}}}} + "
        rf"\underbrace{{{number['final_norm']}}}_{{\text{{last norm}}}}{head} \\[0.5em] = {in_tex(found.total)} \end{{gathered}}"
    )


def shared_and_grown(name: str, config: GPTConfig, tied: bool) -> None:
    """What GPT-2 shares with GPT-3, and what only grows."""
    st.header("What GPT-2 shares with GPT-3, and what only grows", anchor=False)
    st.markdown(
        """
- **Shared.** The whole drawing: the tokenizer with its 50,257 tokens, learned positions, LayerNorm before each part, attention
  that sees no future, a feed-forward network four times as wide, two shortcuts per block.
- **Only grows.** How many blocks, how wide the stream, how many heads and how wide each is, how long the context.
- **Differs.** One thing: GPT-3's layers alternate dense attention with locally banded sparse attention, which attends to only part of
  what came before (Brown et al. 2020, section 2.1)."""
    )
    models = ((name, config, tied), ("GPT-2 small", GPT2_SMALL, True), ("GPT-2 XL", GPT2_XL, True), ("GPT-3", GPT3_175B, True))
    configs = [c for _, c, _ in models]
    rows = [
        ["Blocks", *(f"{c.n_layers}" for c in configs)],
        ["Width of the stream", *(f"{c.emb_dim:,}" for c in configs)],
        ["Heads per block", *(f"{c.n_heads}" for c in configs)],
        ["Width of a head", *(f"{c.head_dim}" for c in configs)],
        ["Context, in tokens", *(f"{c.context_length:,}" for c in configs)],
        ["Vocabulary, in tokens", *(f"{c.vocab_size:,}" for c in configs)],
        ["Parameters", *(in_words(count_parameters(c, t)) for _, c, t in models)],
    ]
    ui.table(["", *(label for label, _, _ in models)], rows, numeric=(1, 2, 3, 4), marked=len(rows) - 1)
    ui.note("GPT-3's count is that of this architecture at its size, with a tied output head.")
    st.page_link(navigation.page("scale"), label="More sizes, and what they cost: GPT-2 and GPT-3")
