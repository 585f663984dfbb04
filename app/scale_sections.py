"""The parts of the page on GPT-2 and GPT-3: sizes, memory, training time, sources."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from app import arithmetic_views as views
from app import markup, ui
from app.arithmetic_views import ModelFacts, in_bytes, in_words
from app.charts.dots import log_dots
from gptcore import hardware as gpu
from gptcore import parameters
from gptcore.checks import Check
from gptcore.config import GPT3_175B

GPT3_TRAINING_TOKENS = 300_000_000_000  # Brown et al. 2020, table D.1, as the next two
GPT3_PUBLISHED_COUNT = 174_600_000_000
GPT3_PUBLISHED_FLOPS = 3.14e23
CARDS = {"8": 8, "24": 24, "80 GB": 80}  # the names of the lines; on a phone there is no room for more
V100_TERAFLOPS = 28.0  # half precision without tensor cores, as the article of 2020 assumes

# Name on the screen -> column of views.scale, how a value is written.
QUANTITIES: dict[str, tuple[str, Callable[[float], str]]] = {
    "Parameters": ("parameters", in_words),
    "Layers": ("layers", in_words),
    "Width": ("width", in_words),
    "Heads": ("heads", in_words),
    "Context": ("context", in_words),
    "Cache": ("cache bytes a token", in_bytes),
    "Work": ("FLOPs a token", in_words),
}
_TITLES = {
    "Parameters": "Parameters, output head tied",
    "Layers": "Transformer blocks, one above the other",
    "Width": "Width of the residual stream",
    "Heads": "Attention heads in each layer",
    "Context": "Most tokens in one pass",
    "Cache": "K/V cache for each token, in float16",
    "Work": "Operations for each token of a full context",
}


def sizes(frame: pd.DataFrame) -> None:
    """The table of all models, and one quantity as dots."""
    rows = [
        [
            markup.escape_html(row["model"]),
            f"{row['parameters']:,}",
            *(f"{value:,}" for value in (row["layers"], row["width"], row["heads"], row["context"])),
            markup.escape_html(row["training"]),
            row["weights"],
        ]
        for row in frame.assign(training=_training_tokens(frame)).to_dict("records")
    ]
    heads = ["Model", "Parameters", "Layers", "Width", "Heads", "Context", "Training tokens", "Weights"]
    ui.table(heads, rows, numeric=(1, 2, 3, 4, 5), marked=0)
    name = st.pills(
        "Compare", list(QUANTITIES), default="Parameters", required=True, key="scale_quantity", label_visibility="collapsed"
    )
    column, written = QUANTITIES[str(name)]
    figure = log_dots(
        {str(name): frame[column]},
        labels=list(frame.model),
        title=_TITLES[str(name)],
        value_title=column,
        written=written,
        stages=("feed_forward",),
        mode=ui.mode(),
    )
    ui.chart(figure, name="model_sizes", data=frame)
    ui.note(
        "The paper of GPT-2 prints 117M, 345M, 762M and 1542M parameters; OpenAI later called these counts an error. Counted here from "
        "the configurations. GPT-2's training tokens were never published, only the size of its text: 40 GB. The dots count GPT-3's "
        "attention as dense; the work of its sparse layers is less."
    )
    ui.source(parameters.count_parameters, parameters.component_counts)


def _training_tokens(frame: pd.DataFrame) -> list[str]:
    return ["" if pd.isna(n) else in_words(int(n)) for n in frame["training tokens"]]


def gpt3_counted() -> Check:
    """GPT-2's formula with GPT-3's sizes against the paper's own count."""
    ours = parameters.count_parameters(GPT3_175B)
    apart = abs(ours - GPT3_PUBLISHED_COUNT) / GPT3_PUBLISHED_COUNT
    description = f"GPT-2's formula with GPT-3's sizes gives {ours:,} parameters; the paper says 174,600 million"
    return Check("174.6 billion parameters, as published", description, apart, 1e-3)


def hardware(loaded: ModelFacts) -> None:
    """What is in memory at once, for running and for training, and how many cards hold it."""
    st.subheader("What it needs: memory", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", key="scale_hardware_controls"):
        number = st.segmented_control(
            "Weights, for running", list(parameters.NUMBER_BYTES), default="float16", required=True, key="scale_number_type"
        )
        batch = st.select_slider("Sequences at once", [1, 2, 4, 8, 16, 32, 64], 1, key="scale_batch_size", width=260)
    frame = views.hardware((loaded, *views.PUBLISHED), str(number), int(batch))
    totals = frame[frame.part == "total"].pivot(index="model", columns="purpose", values="bytes")
    names = list(dict.fromkeys(frame.model))
    figure = log_dots(
        {purpose: totals.loc[names, purpose] for purpose in ("Running", "Training")},
        labels=names,
        title="Bytes in memory at once, with a full context",
        value_title="memory",
        written=in_bytes,
        limits={name: size * gpu.GIGABYTE for name, size in CARDS.items()},
        stages=("attention", "feed_forward"),
        mode=ui.mode(),
    )
    ui.chart(figure, name="memory_needed", data=frame)
    chosen = st.selectbox("Taken apart", names, index=1, key="scale_taken_apart", width=320)
    _parts(frame[frame.model == chosen])
    ui.note(
        "Running: weights, keys and values of the whole context, and the working memory of one layer. Training: mixed precision with "
        "Adam, 16 bytes a parameter, and the activations of every layer, nothing recomputed. Cards are counted by memory alone, with "
        "1 GB as 10⁹ bytes; splitting a model over cards costs more."
    )
    ui.source(gpu.inference_memory, gpu.training_memory, gpu.activation_bytes)


def _parts(frame: pd.DataFrame) -> None:
    names = {"kv_cache": "keys and values", "working": "working memory", "optimizer": "optimiser states"}
    rows = [
        [
            row["purpose"],
            names.get(row["part"], row["part"]),
            in_bytes(row["bytes"]),
            *(
                f"{math.ceil(row['bytes'] / (size * gpu.GIGABYTE)):,}" if row["part"] == "total" else ""
                for size in CARDS.values()
            ),
        ]
        for row in frame.to_dict("records")
    ]
    ui.table(["For", "Part", "Memory", *(f"Cards of {size} GB" for size in CARDS.values())], rows, numeric=(2, 3, 4, 5))


def training() -> None:
    """GPT-3's training as arithmetic: operations, then years at a given speed."""
    st.subheader("What it needs: time", anchor=False)
    st.markdown(
        "“355 years on one V100” is often quoted for GPT-3. It is a division. Each parameter takes part in about 6 operations for each "
        "training token: 2 forward, 4 backward."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="scale_training_controls"):
        tera = st.number_input(
            "Operations a second (10¹²)", 1.0, 100_000.0, V100_TERAFLOPS, 1.0, key="scale_teraflops", width=230
        )
        cards = st.number_input("Cards", 1, 1_000_000, 1, 1, key="scale_cards", width=150)
    count = parameters.count_parameters(GPT3_175B)
    flops = gpu.training_flops(count, GPT3_TRAINING_TOKENS)
    speed = tera * 1e12 * cards
    years = gpu.gpu_years(flops, speed)
    ui.formula(
        r"\begin{aligned}"
        rf"& 6 \cdot {ui.latex_number(count / 1e9, 4)} \cdot 10^9 \cdot 300 \cdot 10^9 \\ "
        rf"&= {ui.latex_number(flops)} \text{{ operations}} \\[0.4em]"
        rf"& {ui.latex_number(flops)} \,/\, ({ui.latex_number(speed)} \text{{ a second}}) \\"
        rf"&= {ui.latex_number(flops / speed)} \text{{ seconds}} = {_duration_tex(years)}"
        r"\end{aligned}"
    )
    exact = gpu.gpu_years(GPT3_PUBLISHED_FLOPS, V100_TERAFLOPS * 1e12)
    ui.note(
        f"The paper rounds the operations to 3.14 · 10²³; at 28 · 10¹² a second that is {exact:.1f} years of 365.25 days, hence 355. "
        "28 is what a V100 can do at most in half precision without its tensor cores, a simple assumption: no real training keeps a "
        "card that busy, and with tensor cores a V100 is faster."
    )
    ui.source(gpu.training_flops, gpu.gpu_years)


def _duration_tex(years: float) -> str:
    return rf"{years:,.1f} \text{{ years}}" if years >= 1 else rf"{years * 365.25:,.1f} \text{{ days}}"


def sources() -> None:
    """Where the facts come from."""
    st.subheader("Sources", anchor=False)
    st.markdown(
        """
- Radford et al. 2019, *Language Models are Unsupervised Multitask Learners*: section 2.1 and table 2. The correction of its counts:
  OpenAI's README of GPT-2.
- Brown et al. 2020, [*Language Models are Few-Shot Learners*](https://arxiv.org/abs/2005.14165): section 2.1 for sparse attention,
  table 2.1 for sizes, table D.1 for training tokens and operations.
- Rajbhandari et al. 2020, [*ZeRO*](https://arxiv.org/abs/1910.02054), section 3.1: 16 bytes a parameter.
- Korthikanti et al. 2022, [*Reducing Activation Recomputation*](https://arxiv.org/abs/2205.05198), section 4: activations.
- Kaplan et al. 2020, [*Scaling Laws*](https://arxiv.org/abs/2001.08361), section 2.1: operations a parameter and token.
- Chuan Li 2020, *OpenAI's GPT-3 Language Model: A Technical Overview*, Lambda: 28 · 10¹² operations a second, 355 years."""
    )
