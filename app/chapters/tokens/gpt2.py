"""The beat about GPT-2's own vocabulary: "Hello, I am" in four tokens, beside what the model in view makes of it.

The vocabulary is there, or is fetched with one click; until then the four ids are those that were published with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from threading import Lock

import pandas as pd
import streamlit as st

from app import choices, offered, palette, ui
from app.asked import likeliest
from app.beats import Try
from app.chapters.tokens import views
from app.runtime import Here
from app.writing import markup
from app.writing.markup import NumberBar, code
from app.writing.numbers import counted, fixed, percent
from gptcore.errors import CheckpointError
from gptcore.tokenizer import Tokenizer

TEXT = "Hello, I am"
PUBLISHED = {15496: "Hello", 11: ",", 314: "␣I", 716: "␣am"}  # GPT-2's ids of it, and their texts
SIZE = 50_257  # tokens in GPT-2's vocabulary
PATIENCE = 30.0  # seconds that a visitor waits for 1.5 MB
LONGEST_SHOWN = 64  # tokens of the text in view


class Vocabularies:
    """GPT-2's vocabulary, once for everybody: as it is on this machine, or as it is fetched."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: Tokenizer | None = None
        self._on_its_way: Future[Tokenizer] | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vocabulary")

    def at_hand(self) -> Tokenizer | None:
        """None where it would have to be fetched."""
        with self._lock:
            if self._kept is None:
                self._kept = Tokenizer.gpt2_at_hand()
            return self._kept

    def fetch(self, patience: float = PATIENCE) -> Tokenizer:
        """From the network; two who ask wait for the same bytes. Raises CheckpointError if it cannot be had, or not so soon."""
        with self._lock:
            if self._on_its_way is None or self._on_its_way.done():
                self._on_its_way = self._executor.submit(Tokenizer.gpt2)
            coming = self._on_its_way
        try:
            found = coming.result(patience)
        except Late as error:
            raise CheckpointError(
                f"GPT-2's vocabulary did not come within {fixed(patience, 0)} seconds. It may still be on its way: try again in a moment."
            ) from error
        with self._lock:
            self._kept = found
        return found


@st.cache_resource(show_spinner=False)
def vocabularies() -> Vocabularies:
    """The one of this server."""
    return Vocabularies()


def gpt2_of(here: Here) -> Tokenizer | None:
    """GPT-2's vocabulary, where it is at hand: the model's own, if it is that one."""
    return here.model.tokenizer if is_gpt2s(here) else vocabularies().at_hand()


def is_gpt2s(here: Here) -> bool:
    """Whether the model in view has GPT-2's vocabulary."""
    return here.model.tokenizer.vocab_size >= SIZE and here.model.tokenizer.encode_text(TEXT) == tuple(PUBLISHED)


def hello(here: Here) -> None:
    """Both cuts of "Hello, I am", and of the text in view."""
    tokenizer, gpt2 = here.model.tokenizer, gpt2_of(here)
    ids = gpt2.encode_text(TEXT) if gpt2 else tuple(PUBLISHED)
    texts = [gpt2.text_of(i) for i in ids] if gpt2 else list(PUBLISHED.values())
    mine, name = tokenizer.encode_text(TEXT), markup.escape_html(offered.called(here.model.name))
    own = f"{name}<br><small>{tokenizer.vocab_size:,} tokens</small>"
    theirs = f"GPT-2<br><small>{SIZE:,} tokens{'' if gpt2 else '; published ids'}</small>"
    cuts = [(theirs, ids, texts)]
    if not is_gpt2s(here):
        cuts.append((own, mine, [tokenizer.text_of(i) for i in mine]))
    lines = [(vocabulary, i, text) for vocabulary, cut, words in cuts for i, text in zip(cut, words, strict=True)]
    data = pd.DataFrame(lines, columns=["vocabulary", "token_id", "token"])
    data["vocabulary"] = data["vocabulary"].map(lambda text: text.split("<")[0])
    ui.figure_menu("hello-i-am", data)
    ui.bars(["Vocabulary", f"{TEXT}, cut into tokens", "How many"], _rows(cuts))
    if gpt2:
        _text_in_view(here, gpt2, theirs, own)
    else:
        _offer()


def _rows(cuts: Sequence[tuple[str, Sequence[int], Sequence[str]]]) -> list[list[str | NumberBar]]:
    most, colour = max(len(ids) for _, ids, _ in cuts) or 1, palette.colour("tokens", ui.mode())
    return [
        [name, _chips(ids, texts), NumberBar(str(len(ids)), 0, len(ids) / most, colour)] for name, ids, texts in cuts
    ]  # fmt: skip


def _chips(ids: Sequence[int], texts: Sequence[str]) -> str:
    pairs = zip(ids[:LONGEST_SHOWN], texts[:LONGEST_SHOWN], strict=True)
    chips = " ".join(f'<span class="pair">{markup.chip(text)} <small>{i:,}</small></span>' for i, text in pairs)
    return f'<div class="chips">{chips}{" …" if len(ids) > LONGEST_SHOWN else ""}</div>'


def _text_in_view(here: Here, gpt2: Tokenizer, theirs: str, own: str) -> None:
    text, tokenizer = here.view.prompt, here.model.tokenizer
    if not text or is_gpt2s(here):
        return
    cuts = [
        (name, ids, [each.text_of(i) for i in ids])
        for name, each in ((theirs, gpt2), (own, tokenizer))
        if (ids := each.encode_text(text))
    ]
    ui.bars(["Vocabulary", "The text above, cut into tokens", "How many"], _rows(cuts))


def _offer() -> None:
    ui.note(
        "GPT-2's vocabulary is not on this machine. The four ids are the published ones: they are not computed here. With the "
        "vocabulary, the text above is cut by it too."
    )
    if st.button("Fetch GPT-2's vocabulary, 1.5 MB", icon=":material/download:", key="fetch_gpt2_vocabulary"):
        try:
            with ui.progress("Fetching GPT-2's vocabulary …"):
                vocabularies().fetch()
        except CheckpointError as error:
            st.warning(markup.escape_markdown(str(error)), icon=":material/error:")
        else:
            st.rerun()


def says_hello(here: Here) -> str:
    """How many tokens, in both vocabularies."""
    gpt2, mine = gpt2_of(here), here.model.tokenizer.encode_text(TEXT)
    ids = gpt2.encode_text(TEXT) if gpt2 else tuple(PUBLISHED)
    said = (
        f"GPT-2, which OpenAI published in 2019, has a vocabulary of {SIZE:,} tokens and cuts {code(TEXT)} into **{len(ids)}**: "
        f"{', '.join(str(i) for i in ids)}."
    )
    if is_gpt2s(here):
        return f"{said} The model in view has this vocabulary."
    said += f" This model's vocabulary has {here.model.tokenizer.vocab_size:,} and needs **{len(mine)}**"
    said += ", but with other numbers: an id means something only in its own vocabulary." if len(mine) == len(ids) else "."
    if gpt2 and here.view.prompt:
        theirs, own = (len(each.encode_text(here.view.prompt)) for each in (gpt2, here.model.tokenizer))
        said += f" The text above takes {counted(theirs, 'token')} with GPT-2's vocabulary and {own:,} with this one."
    if here.view.prompt == TEXT and not here.view.chosen:
        best, probability = likeliest(here.trace.logits)
        said += f" After it, it expects {code(here.model.tokenizer.text_of(best))} most: {percent(probability)}."
    return said


def try_hello(here: Here) -> Sequence[Try]:
    """The same text for the model in view, and other things to cut."""
    tries = []
    if here.view.prompt != TEXT:
        tries.append(Try(f"Put {code(TEXT)} above. What does this model expect next?", {"prompt": TEXT}))
    return [*tries, Try("Rare words, numbers and emoji in this model's vocabulary", shown=((choices.TOKENS_PART, "other"),))]


def checks(here: Here) -> None:
    """That the cut loses nothing, and that GPT-2's ids are the published ones, where its vocabulary is at hand."""
    gpt2 = gpt2_of(here)
    for tokenizer in [each for each in (gpt2, here.model.tokenizer) if each]:
        ui.self_check(views.self_checks(tokenizer, TEXT, tokenizer.encode_text(TEXT)))
    if gpt2:
        ui.self_check(views.published_check(gpt2.encode_text(TEXT), tuple(PUBLISHED)))
    ui.source(Tokenizer.gpt2_at_hand, Tokenizer.encode)
