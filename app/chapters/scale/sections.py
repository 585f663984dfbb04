"""The parts of the page on GPT-2 and GPT-3: sizes, memory, training time, each with its sources."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app import choices, counting, model_card, offered, state, ui
from app.chapters.scale import checks, views
from app.charts import Figure, Mode
from app.charts.dots import log_dots
from app.counting import ModelFacts
from app.recent import MB, keeping
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import in_bytes, in_words
from app.writing.worked import in_tex
from gptcore import hardware as gpu
from gptcore import parameters
from gptcore.checkpoints import EMBEDDED
from gptcore.checks import Check
from gptcore.config import GPT3_175B

GPT3_TRAINING_TOKENS = 300_000_000_000  # Brown et al. 2020, table D.1, as the next
GPT3_PUBLISHED_COUNT = 174_600_000_000
CARDS = {"8": 8, "24": 24, "80 GB": 80}  # the names of the lines; on a phone there is no room for more
NUMBERS = ("float32", "float16", "int8")
PURPOSES = ("Running", "Training")
BATCHES = ("1", "2", "4", "8", "16", "32", "64")


@dataclass(frozen=True)
class Quantity:
    """What can be compared. label: on its button; title: of its picture; column: of views.scale; written: how a value is written."""

    label: str
    title: str
    column: str
    written: Callable[[float], str] = in_words


QUANTITIES: dict[str, Quantity] = {
    "parameters": Quantity("Parameters", "Parameters, a tied output head counted once", "parameters"),
    "layers": Quantity("Layers", "Transformer blocks, one above the other", "layers"),
    "width": Quantity("Width", "Width of the residual stream", "width"),
    "heads": Quantity("Heads", "Attention heads in each layer", "heads"),
    "context": Quantity("Context", "Most tokens in one pass", "context"),
    "cache": Quantity("Cache", "K/V cache for each token, in float16", "cache bytes a token", in_bytes),
    "work": Quantity("Work", "Operations for each token of a full context", "FLOPs a token"),
}


def models(here: Here) -> dict[str, ModelFacts]:
    """The loaded model and the published ones, under the names that links have for them."""
    trained = round(1e6 * model_card.card().tokens) if here.view.model == EMBEDDED.name else None
    loaded = ModelFacts(
        offered.called(here.model.name), here.config, trained, "on this machine", here.model.tied, "not known here"
    )
    return dict(zip(choices.PRESETS, (loaded, *counting.PUBLISHED), strict=False))


def quantity(_: Here) -> None:
    """What is compared."""
    st.pills(
        "Compare",
        list(QUANTITIES),
        format_func=lambda name: QUANTITIES[name].label,
        required=True,
        **state.choice(choices.SCALE_QUANTITY),
    )


def sizes(here: Here) -> None:
    """One quantity as dots, and the table of all models."""
    compared = tuple(models(here).values())
    frame = views.scale(compared)
    ui.chart(_dots(compared, state.chosen(choices.SCALE_QUANTITY), ui.mode()), name="model_sizes", data=frame)
    rows = [
        [
            markup.wrapping(markup.escape_html(row["model"])),
            f"{row['parameters']:,}",
            *(f"{value:,}" for value in (row["layers"], row["width"], row["heads"], row["context"])),
            markup.wrapping(markup.escape_html(row["training"])),
            markup.wrapping(row["weights"]),
        ]
        for row in frame.assign(training=[_training_tokens(model) for model in compared]).to_dict("records")
    ]
    heads = ["Model", "Parameters", "Layers", "Width", "Heads", "Context", "Training tokens", "Weights"]
    ui.table(heads, rows, numeric=(1, 2, 3, 4, 5), marked=0)
    ui.note(
        "The paper of GPT-2 prints 117M, 345M, 762M and 1542M parameters; OpenAI later called these counts an error. Counted here from "
        "the configurations. GPT-2's training tokens were never published, only the size of its text: 40 GB. The embedded "
        "Storyteller's stand on its card. The dots count GPT-3's attention as dense; the work "
        "of its sparse layers is less."
    )


def sizes_in_numbers(_: Here) -> None:
    """GPT-2's formula with GPT-3's sizes."""
    vectors, config = (13 if GPT3_175B.qkv_bias else 10), GPT3_175B
    ui.formula(
        rf"\begin{{gathered}} VE + CE + L\,(12E^2 + {vectors}E) + 2E \\ = "
        rf"{in_tex(parameters.count_parameters(config))} \text{{ for GPT-3}} \\[0.4em] "
        rf"V = {in_tex(config.vocab_size)} \quad C = {in_tex(config.context_length)} \\ "
        rf"E = {in_tex(config.emb_dim)} \quad L = {config.n_layers} \end{{gathered}}"
    )


def sizes_checks(_: Here) -> None:
    """The count against the paper's; the code and the sources."""
    ui.self_check(gpt3_counted())
    ui.source(parameters.count_parameters, parameters.component_counts)
    sources("radford", "brown")


@keeping(2 * MB)
def _dots(compared: tuple[ModelFacts, ...], name: str, mode: Mode) -> Figure:
    quantity, frame = QUANTITIES[name], views.scale(compared)
    return log_dots(
        {quantity.label: frame[quantity.column]},
        labels=list(frame.model),
        title=quantity.title,
        value_title=quantity.column,
        written=quantity.written,
        stages=("feed_forward",),
        mode=mode,
    )


def _training_tokens(model: ModelFacts) -> str:
    return model.unknown if model.training_tokens is None else in_words(model.training_tokens)


def gpt3_counted() -> Check:
    """GPT-2's formula with GPT-3's sizes against the paper's own count."""
    ours = parameters.count_parameters(GPT3_175B)
    apart = abs(ours - GPT3_PUBLISHED_COUNT) / GPT3_PUBLISHED_COUNT
    description = f"GPT-2's formula with GPT-3's sizes: {ours:,}; the paper says 174,600 million. Deviation as a share of that."
    return Check("174.6 billion parameters, as published", description, apart, 1e-3)


def memory_controls(here: Here) -> None:
    """The numbers' type and the sequences at once, and which model is broken down."""
    st.segmented_control("Weights, for running", NUMBERS, required=True, **state.choice(choices.SCALE_NUMBER))
    st.select_slider("Sequences at once", BATCHES, **state.choice(choices.SCALE_BATCH))
    compared = models(here)
    st.selectbox("Breakdown", list(compared), format_func=lambda name: compared[name].title, **state.choice(choices.SCALE_APART))


def _asked() -> tuple[str, int]:
    """The type of the weights' numbers, and how many sequences run at once."""
    return str(state.chosen(choices.SCALE_NUMBER)), int(state.chosen(choices.SCALE_BATCH))


def memory(here: Here) -> None:
    """What is in memory at once, for running and for training, and how many cards hold it."""
    number, batch = _asked()
    compared = models(here)
    every = tuple(compared.values())
    frame = views.hardware(every, number, batch)
    ui.chart(_memory_figure(every, number, batch, ui.mode()), name="memory_needed", data=frame)
    apart = str(state.chosen(choices.SCALE_APART))
    st.header(f"Breakdown: {markup.escape_markdown(compared[apart].title)}", anchor=False)
    _parts(frame[frame.model == compared[apart].title].drop_duplicates(["purpose", "part"]))
    ui.note(
        "float32 and float16 are numbers of 32 and 16 bits, int8 whole numbers of 8. "
        "Running: weights, keys and values of the whole context, and the working memory of one layer. Training: mixed precision with "
        "Adam, 16 bytes per parameter, and the activations of every layer, nothing recomputed. Cards are counted by memory alone, with "
        "1 GB as 10⁹ bytes; splitting a model over cards costs more."
    )


def memory_in_numbers(here: Here) -> None:
    """Running and training, with the numbers of the model that is broken down."""
    _memory_formula(models(here)[str(state.chosen(choices.SCALE_APART))], *_asked())
    ui.note(
        "B sequences of N tokens, L layers of A heads, width E, V tokens known. Working: 9 numbers for each of E, and a row of logits in "
        "float32. Activations: in each layer 34 bytes for each of E, and 5 for each cell of its attention maps, N by N for each head. "
        "Running counts no attention maps: the row of a token is used once, when it attends to the values, and can be dropped. Going "
        "backward, training keeps all of them."
    )


def memory_checks(here: Here) -> None:
    """The bytes counted another way; the code and the sources."""
    every = tuple(models(here).values())
    recounted = checks.memory_recounted(every, *_asked(), views.hardware(every, *_asked()))
    ui.self_check([counting.bytes_counted(here), recounted])
    ui.source(gpu.inference_memory, gpu.training_memory, gpu.activation_bytes)
    sources("rajbhandari", "korthikanti")


@keeping(2 * MB)
def _memory_figure(compared: tuple[ModelFacts, ...], number: str, batch: int, mode: Mode) -> Figure:
    frame = views.hardware(compared, number, batch)
    totals = frame[frame.part == "total"]
    return log_dots(
        {purpose: totals.bytes[totals.purpose == purpose] for purpose in PURPOSES},
        labels=[model.title for model in compared],
        title="Bytes in memory at once, with a full context",
        value_title="memory",
        written=in_bytes,
        limits={name: size * gpu.GIGABYTE for name, size in CARDS.items()},
        stages=("attention", "feed_forward"),
        mode=mode,
    )


def _memory_formula(model: ModelFacts, number: str, batch: int) -> None:
    """Running and training, with the numbers of the model that is taken apart; beside each other where there is room."""
    config, n, length = model.config, in_tex, model.config.context_length
    running = gpu.inference_memory(config, number, batch, length, model.tied)
    needs = gpu.training_memory(config, batch, length, model.tied)
    each, other = parameters.number_bytes(number), parameters.number_bytes(gpu.beside(number))
    layers, heads, emb, tokens, vocab = map(n, (config.n_layers, config.n_heads, config.emb_dim, length, config.vocab_size))
    with st.container(horizontal=True, key="memory_formulas"):
        ui.formula(
            rf"\begin{{aligned}} & \text{{weights}} = {n(model.n_parameters)} \cdot {each} \\ "
            rf"&\quad = {n(running.weights)} \\[0.4em] "
            rf"& \text{{K/V cache}} = 2LENB \cdot {other} \\ "
            rf"&\quad = 2 \cdot {layers} \cdot {emb} \cdot {tokens} \cdot {batch} \cdot {other} \\ "
            rf"&\quad = {n(running.kv_cache)} \\[0.4em] "
            rf"& \text{{working}} = B\,(9EN \cdot {other} + 4V) \\ "
            rf"&\quad = {batch} \cdot (9 \cdot {emb} \cdot {tokens} \cdot {other} \\ &\quad\quad + 4 \cdot {vocab}) \\ "
            rf"&\quad = {n(running.working)} \\[0.4em] "
            r"& \text{running} = \text{the sum of these} \\ "
            rf"&\quad = {n(running.total)} \text{{ bytes}} \end{{aligned}}"
        )
        ui.formula(
            r"\begin{aligned} & \text{activations} \\ &\quad = BN\,(L\,(34E + 5AN) + 5E + 4V) \\ "
            rf"&\quad = {batch} \cdot {tokens} \cdot ({layers} \cdot (34 \cdot {emb} \\ "
            rf"&\quad\quad + 5 \cdot {heads} \cdot {tokens}) \\ "
            rf"&\quad\quad + 5 \cdot {emb} + 4 \cdot {vocab}) \\ "
            rf"&\quad = {n(needs.activations)} \\[0.4em] "
            r"& \text{training} \\ &\quad = 16 \cdot \text{parameters} + \text{activations} \\ "
            rf"&\quad = 16 \cdot {n(model.n_parameters)} \\ &\quad\quad + {n(needs.activations)} \\ "
            rf"&\quad = {n(needs.total)} \text{{ bytes}} \end{{aligned}}"
        )


_PART_NAMES = {
    "weights": "Weights",
    "kv_cache": "Keys and values",
    "working": "Working memory",
    "gradients": "Gradients",
    "optimizer": "Optimiser states",
    "activations": "Activations",
    "total": "All",
}


def _parts(frame: pd.DataFrame) -> None:
    """What one model needs, part by part, running beside training; under it the cards that hold it."""
    needs = {purpose: part.set_index("part").bytes for purpose, part in frame.groupby("purpose")}
    rows = [
        [name, *(in_bytes(needs[purpose][part]) if part in needs[purpose] else "–" for purpose in PURPOSES)]
        for part, name in _PART_NAMES.items()
    ]
    total = len(rows) - 1
    for size in CARDS.values():
        cards = [math.ceil(needs[purpose]["total"] / (size * gpu.GIGABYTE)) for purpose in PURPOSES]
        rows.append([f"Cards of {size} GB", *(f"{n:,}" for n in cards)])
    ui.table(["Part", *PURPOSES], rows, numeric=(1, 2), marked=total)


_SOURCES = {
    "radford": "Radford et al. 2019, *Language Models are Unsupervised Multitask Learners*: section 2.1 and table 2. The correction of "
    "its counts: OpenAI's README of GPT-2.",
    "brown": "Brown et al. 2020, [*Language Models are Few-Shot Learners*](https://arxiv.org/abs/2005.14165): section 2.1 for sparse "
    "attention, table 2.1 for sizes, table D.1 for training tokens and operations.",
    "rajbhandari": "Rajbhandari et al. 2020, [*ZeRO*](https://arxiv.org/abs/1910.02054), section 3.1: 16 bytes a parameter.",
    "korthikanti": "Korthikanti et al. 2022, [*Reducing Activation Recomputation*](https://arxiv.org/abs/2205.05198), section 4: "
    "activations.",
    "kaplan": "Kaplan et al. 2020, [*Scaling Laws*](https://arxiv.org/abs/2001.08361), section 2.1: operations a parameter and token.",
    "li": "Chuan Li 2020, *OpenAI's GPT-3 Language Model: A Technical Overview*, Lambda: 28 · 10¹² operations a second, 355 years.",
}


def sources(*names: str) -> None:
    """Where the facts of a part come from."""
    st.header("Sources", anchor=False)
    st.markdown("\n".join(f"- {_SOURCES[name]}" for name in names))
