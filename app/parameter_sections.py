"""The parts of the parameters page: count, memory, work and cache of a configuration; then the numbers of the loaded model."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import arithmetic_views as views
from app import markup, navigation, runtime, state, ui
from app.charts import curves, histogram, treemap
from app.runtime import Here
from gptcore import parameters, weights
from gptcore.checks import Check
from gptcore.config import GPT2_SMALL, GPT_CONFIG_124M, GPTConfig
from gptcore.parameters import MEBIBYTE, MEGABYTE, TensorShape
from gptcore.weights import WeightStatistics, weight_statistics

BLOCK, OUTSIDE = "In a block", "Outside the blocks"


def count(config: GPTConfig, tied: bool, name: str) -> None:
    """Treemap and table of all parameters, and the formula with the configuration's numbers."""
    total = parameters.count_parameters(config, tied)
    st.subheader(f"{total:,} parameters", anchor=False)
    ways = ["By component", "By block"]
    way = str(
        st.segmented_control(
            "Divided", ways, default=ways[0], required=True, key="parameters_divided", label_visibility="collapsed"
        )
    )
    parts = (views.parts_by_block if way == "By block" else views.parts_by_component)(config, tied, name)
    figure = treemap(parts, title=f"{name}, {way[0].lower()}{way[1:]}", unit="parameters", mode=ui.mode())
    frame = views.components(config, tied)
    ui.chart(figure, name="parameters_by_component", data=frame)
    rows = [
        [
            row["component"],
            f"{row['parameters']:,}",
            markup.percent(row["share"]),
            f"{row['in_one_block']:,}" if row["in_one_block"] else "",
        ]
        for row in frame.to_dict("records")
        if row["parameters"]
    ]
    rows.append(["All", f"{total:,}", "100.0 %", f"{frame.in_one_block.sum():,}"])
    ui.table(["Component", "Parameters", "Share", "In one block"], rows, numeric=(1, 2, 3), marked=len(rows) - 1)
    ui.formula(_count_formula(config, tied, total))
    ui.source(parameters.component_counts, parameters.block_counts)


def _count_formula(config: GPTConfig, tied: bool, total: int) -> str:
    """In lines that a phone is wide enough for, as all formulas here."""
    vectors, head = (13 if config.qkv_bias else 10), "" if tied else r" + \underbrace{VE}_{\text{head}}"
    return (
        rf"\begin{{gathered}} \underbrace{{VE + CE}}_{{\text{{embeddings}}}} + L \underbrace{{(12E^2 + {vectors}E)}}_{{\text{{block}}}} "
        rf"+ 2E{head} \\ = {views.in_tex(total)} \\[0.4em] {_letters(config)} \end{{gathered}}"
    )


def _letters(config: GPTConfig) -> str:
    """What the letters of the formulas stand for here, in two lines."""
    pairs = (("V", config.vocab_size), ("C", config.context_length), ("E", config.emb_dim), ("L", config.n_layers))
    found = [f"{letter} = {views.in_tex(number)}" for letter, number in pairs]
    return rf"{found[0]} \quad {found[1]} \\ {found[2]} \quad {found[3]}"


def three_names() -> None:
    """Why one model is said to have 124, 163 and 117 million parameters."""
    book, gpt2 = GPT_CONFIG_124M, GPT2_SMALL
    untied, tied = (parameters.count_parameters(book, t) for t in (False, True))
    gpt1 = parameters.count_parameters(views.GPT1_AS_COUNTED) - 2 * views.GPT1_AS_COUNTED.emb_dim
    st.subheader("Why GPT-2 small has 124 or 163 million parameters, but not 117", anchor=False)
    st.markdown(
        f"""
- **124 million is right.** The output head is the token embedding, used a second time. With OpenAI's query, key and value biases
  that makes {parameters.count_parameters(gpt2):,}; without them, as in the book's configuration, {tied:,}.
- **163 million is right too.** With an output head of its own, {book.vocab_size:,} x {book.emb_dim} = {untied - tied:,} more, there
  are {untied:,} without biases and {parameters.count_parameters(gpt2, tied=False):,} with them.
- **117 million is not.** The paper of 2019 says so, and OpenAI later called its counts an error. It is the size of GPT-1: the same
  arithmetic with {views.GPT1_AS_COUNTED.vocab_size:,} tokens, {views.GPT1_AS_COUNTED.context_length} positions and no final
  LayerNorm gives {gpt1:,}."""
    )


def memory(config: GPTConfig, tied: bool) -> None:
    """The weights in three number types, tied and untied, in MB and MiB; and the four sizes quoted for GPT-2 small."""
    st.subheader("How much memory the weights take", anchor=False)
    frame = views.weight_memory(config)
    rows = [
        [row["number_type"], "tied" if row["tied"] else "untied", f"{row['bytes']:,}", f"{row['MB']:,.2f}", f"{row['MiB']:,.2f}"]
        for row in frame.to_dict("records")
    ]
    marked = 0 if tied else len(parameters.NUMBER_BYTES)
    ui.table(["Number", "Output head", "Bytes", "MB (10⁶)", "MiB (2²⁰)"], rows, numeric=(2, 3, 4), marked=marked)
    ui.export_menu("weight_memory", frame)
    ui.note("The weights alone. int8 without the scales that quantisation adds.")
    quoted = views.quoted_sizes()
    st.markdown("**Four sizes are quoted for GPT-2 small in float32**, and all are right:")
    st.markdown("\n".join(f"- **{row['size']}**: {row['bytes']:,} bytes. {row['reason']}." for row in quoted.to_dict("records")))


def work(config: GPTConfig) -> None:
    """FLOPs a token over the length of the pass, and how much of it is attention, by a convention that is named."""
    st.subheader("How much work one token is", anchor=False)
    ways = {"Work": "Work a token", "Share": "What attention adds"}
    way = st.segmented_control(
        "Drawn",
        list(ways),
        format_func=ways.__getitem__,
        default="Work",
        required=True,
        key="parameters_work",
        label_visibility="collapsed",
    )
    frame = views.work(config)
    if way == "Work":
        unit, size = views.work_unit(float(frame[["blocks", "attention", "head"]].max().max()))
        figure = curves(
            {
                "Blocks": frame.blocks / size,
                "Attention's two products": frame.attention / size,
                "Output head": frame["head"] / size,
            },
            frame.n_tokens,
            title="Work for each token of a pass, by the length of the pass",
            x_title="tokens in the pass",
            value_title="work a token",
            unit=unit,
            stages=("feed_forward", "attention", "probability"),
            mode=ui.mode(),
        )
    else:
        figure = curves(
            {name: frame[name] for name in views.CONVENTIONS},
            frame.n_tokens,
            title="What attention's two products add to all other work",
            x_title="tokens in the pass",
            value_title="added work",
            unit="%",
            stages=("attention", "feed_forward", "reference"),
            mode=ui.mode(),
        )
    ui.chart(figure, name="work_per_token", data=frame)
    added = ", ".join(f"{markup.percent(frame[name].iloc[-1])} ({name[0].lower()}{name[1:]})" for name in views.CONVENTIONS)
    ui.note(
        "One FLOP is one multiplication or addition; MFLOP stands for 10⁶ of them, GFLOP for 10⁹. The products q·k and weights·v are "
        f"often left out. At {config.context_length:,} tokens they add {added}. Biases, LayerNorm, GELU and softmax are not counted."
    )
    _work_formula(config)
    ui.source(parameters.forward_flops)


def _work_formula(config: GPTConfig) -> None:
    flops = parameters.forward_flops(config, config.context_length)
    ui.formula(
        r"\begin{gathered}\begin{aligned}"
        rf"\text{{blocks:}}\quad 24 E^2 L N    &= {ui.latex_number(flops.blocks)} \\"
        rf"\text{{attention:}}\quad 4 E L N^2 &= {ui.latex_number(flops.attention)} \\"
        rf"\text{{head:}}\quad 2 V E N        &= {ui.latex_number(flops.head)}"
        rf"\end{{aligned}} \\[0.4em] N = C \text{{ tokens}} \\ {_letters(config)} \end{{gathered}}"
    )


def cache(config: GPTConfig) -> None:
    """What the K/V cache of this configuration takes, and what the attention maps would."""
    st.subheader("What has to be kept while it writes", anchor=False)
    n = config.context_length
    one, full = parameters.kv_cache_bytes(config, 1), parameters.kv_cache_bytes(config, n)
    ui.formula(
        rf"\underbrace{{2}}_{{K, V}} \cdot \underbrace{{{config.n_layers}}}_{{\text{{layers}}}} \cdot "
        rf"\underbrace{{{views.in_tex(config.emb_dim)}}}_{{\text{{width}}}} \cdot \underbrace{{4}}_{{\text{{bytes}}}} "
        rf"\ = {views.in_tex(one)}"
    )
    maps = parameters.attention_map_bytes(config, n)
    st.markdown(
        f"So many bytes for each token. Keys and values of all {n:,} tokens take {full:,} bytes ({full / MEBIBYTE:,.2f} MiB, "
        f"{full / MEGABYTE:,.2f} MB) in float32, half of that in float16. All {config.n_layers * config.n_heads:,} attention maps "
        f"would take {maps / MEBIBYTE:,.2f} MiB: nobody keeps them."
    )
    ui.source(parameters.kv_cache_bytes, parameters.attention_map_bytes)
    st.page_link(navigation.page("kv_cache"), label="What exactly is kept, and what it saves", icon=":material/arrow_forward:")


@st.cache_data(show_spinner=False, max_entries=512)
def statistics(model_name: str, tensor_name: str) -> WeightStatistics:
    """The figures of one tensor of a loaded model; kept, since weights never change."""
    tensor = runtime.model(model_name).model.get_parameter(tensor_name)
    return runtime.compute(lambda: weight_statistics(tensor))


def loaded_weights(here: Here) -> None:
    """Histogram and figures of one tensor, beside the others of its block."""
    st.subheader(f"The numbers themselves, in {markup.escape_markdown(here.model.name)}", anchor=False)
    shapes = parameters.tensor_shapes(here.config, here.model.model.tied)
    with st.container(horizontal=True, vertical_alignment="bottom", key="parameters_tensor_choice"):
        place = st.segmented_control("Where", [BLOCK, OUTSIDE], default=BLOCK, required=True, key="parameters_place")
        if place == BLOCK and here.config.n_layers > 1:
            st.slider("Layer", 0, here.config.n_layers - 1, **state.widget("layer", here.config.n_layers - 1), width=260)
    layer = None if place == OUTSIDE else here.layer
    listed = [shape for shape in shapes if shape.layer == layer]
    names = [shape.name.removeprefix(f"blocks.{layer}.") for shape in listed]
    first = names.index("attention.qkv.weight") if layer is not None else 0
    name = st.selectbox("Tensor", names, index=first, key=f"parameters_tensor_{place}", width=320)
    found = {short: statistics(here.view.model, shape.name) for short, shape in zip(names, listed, strict=True)}
    shape = listed[names.index(name)]
    _weight_histogram(shape, found[name])
    rows = [
        [
            f"<code>{short}</code>",
            markup.shape(*listed[i].shape),
            f"{f.count:,}",
            *(markup.significant(v) for v in (f.mean, f.spread, f.norm)),
            markup.percent(f.near_zero),
        ]
        for i, (short, f) in enumerate(found.items())
    ]
    heads = ["Tensor", "Shape", "Numbers", "Mean", "Spread", "Norm", "Near zero"]
    ui.table(heads, rows, numeric=(1, 2, 3, 4, 5, 6), marked=names.index(name))
    ui.note(
        "Spread: standard deviation. Norm: root of the sum of squares. Near zero: at most a tenth of the spread away from it; "
        f"a normal distribution around 0 has {markup.percent(weights.NORMAL_NEAR_ZERO)} there."
    )
    ui.self_check(counted(here))
    ui.source(weight_statistics)


def _weight_histogram(shape: TensorShape, found: WeightStatistics) -> None:
    figure = histogram(
        {shape.name: found.histogram},
        found.edges,
        title=f"Numbers of {shape.name}",
        x_title="value",
        count_title="numbers",
        stages=(views.STAGE_OF[shape.component],),
        mode=ui.mode(),
    )
    frame = pd.DataFrame({"from": found.edges[:-1], "to": found.edges[1:], "numbers": found.histogram})
    ui.chart(figure, name="weights", data=frame)
    if found.outside:
        ui.note(f"Drawn to {weights.REACH:g} spreads on either side of the mean; {found.outside:,} numbers lie beyond.")


def counted(here: Here) -> Check:
    """The arithmetic against the tensors of the loaded model."""
    model = here.model.model
    there = sum(tensor.numel() for tensor in model.parameters())
    expected = parameters.count_parameters(here.config, model.tied)
    description = f"The {there:,} numbers in the loaded model's tensors against the arithmetic"
    return Check("Numbers in the tensors = arithmetic", description, float(abs(there - expected)), 0.0)
