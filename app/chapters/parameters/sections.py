"""The parts of the parameters page that are arithmetic: where parameters sit, memory, work, and what any configuration costs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import choices, counting, offered, state, ui
from app.chapters.parameters import checks, controls, views
from app.charts import Area, Figure, Mode, curves, grouped_bars, treemap
from app.recent import MB, keeping
from app.runtime import Here
from app.shell import navigation
from app.writing import markup
from app.writing.numbers import counted, fixed, percent, work_unit
from app.writing.worked import braced, in_tex, latex_number
from gptcore import parameters
from gptcore.config import GPT2_SMALL, GPT_CONFIG_124M, GPTConfig
from gptcore.parameters import MEBIBYTE, MEGABYTE

WAYS = {"component": "By component", "block": "By block"}
WORK = {"each": "By place", "share": "What attention adds"}


def where_controls(here: Here) -> None:
    """Which configuration, and how it is divided."""
    controls.preset(here)
    st.segmented_control(
        "Divided", list(WAYS), format_func=lambda name: WAYS[name], required=True, **state.choice(choices.DIVIDED)
    )


def where(here: Here) -> None:
    """Treemap and table of all parameters."""
    now, way = controls.counted_now(here), str(state.chosen(choices.DIVIDED))
    config, tied = now.config, now.tied
    ui.chart(
        _treemap(config, tied, now.name, way, ui.mode()),
        name=f"parameters_by_{way}",
        data=views.components(config, tied)
        if way == "component"
        else lambda: views.parts_frame(_parts(config, tied, now.name, way)),
        key="chart_parameters",
    )
    _component_table(config, tied, parameters.count_parameters(config, tied))


def count_maths(here: Here) -> None:
    """The count as a formula with the configuration's numbers."""
    now = controls.counted_now(here)
    ui.formula(_count_formula(now.config, now.tied, parameters.count_parameters(now.config, now.tied)))


def where_checks(here: Here) -> None:
    """The count against tensors."""
    now = controls.counted_now(here)
    ui.self_check(checks.drawn_counted(now, here, _parts(now.config, now.tied, now.name, str(state.chosen(choices.DIVIDED)))))
    ui.source(parameters.component_counts, parameters.block_counts)


def _parts(config: GPTConfig, tied: bool, name: str, way: str) -> list[Area]:
    return (views.parts_by_block if way == "block" else views.parts_by_component)(config, tied, name)


@keeping(2 * MB)
def _treemap(config: GPTConfig, tied: bool, name: str, way: str, mode: Mode) -> Figure:
    return treemap(_parts(config, tied, name, way), title=f"{name}, {WAYS[way].lower()}", unit="parameters", mode=mode)


def _component_table(config: GPTConfig, tied: bool, total: int) -> None:
    frame = views.components(config, tied)
    rows = [
        [
            markup.wrapping(row["component"]),
            f"{row['parameters']:,}",
            percent(row["share"]),
            f"{row['in_one_block']:,}" if row["in_one_block"] else "",
        ]
        for row in frame.to_dict("records")
        if row["parameters"]
    ]
    rows.append(["All", f"{total:,}", "100.0 %", f"{frame.in_one_block.sum():,}"])
    ui.table(["Component", "Parameters", "Share", "In one block"], rows, numeric=(1, 2, 3), marked=len(rows) - 1)


def _count_formula(config: GPTConfig, tied: bool, total: int) -> str:
    """In lines that a phone is wide enough for, as all formulas here."""
    vectors, head = (13 if config.qkv_bias else 10), "" if tied else r" + \underbrace{VE}_{\text{head}}"
    return (
        rf"\begin{{gathered}} \underbrace{{VE + CE}}_{{\text{{embeddings}}}} + L \underbrace{{(12E^2 + {vectors}E)}}_{{\text{{block}}}} "
        rf"+ 2E{head} \\ = {in_tex(total)} \\[0.4em] {_letters(config)} \end{{gathered}}"
    )


def _letters(config: GPTConfig) -> str:
    """What the letters of the formulas stand for here, in two lines."""
    pairs = (("V", config.vocab_size), ("C", config.context_length), ("E", config.emb_dim), ("L", config.n_layers))
    found = [f"{letter} = {in_tex(number)}" for letter, number in pairs]
    return rf"{found[0]} \quad {found[1]} \\ {found[2]} \quad {found[3]}"


def three_counts(_: Here) -> str:
    """Why one model is said to have 124, 163 and 117 million parameters."""
    book, gpt2 = GPT_CONFIG_124M, GPT2_SMALL
    untied, tied = (parameters.count_parameters(book, t) for t in (False, True))
    gpt1 = parameters.count_parameters(views.GPT1_AS_COUNTED) - 2 * views.GPT1_AS_COUNTED.emb_dim
    return f"""
- **124 million is right.** The output head is the token embedding, used a second time. With OpenAI's query, key and value biases
  that makes {parameters.count_parameters(gpt2):,}; without them, as in the configuration GPT_CONFIG_124M, {tied:,}.
- **163 million is right too.** With an output head of its own, {book.vocab_size:,} x {book.emb_dim} = {untied - tied:,} more, there
  are {untied:,} without biases and {parameters.count_parameters(gpt2, tied=False):,} with them.
- **117 million is not.** The paper of 2019 says so, and OpenAI later called its counts an error. It is the size of GPT-1: the same
  arithmetic with {views.GPT1_AS_COUNTED.vocab_size:,} tokens, {views.GPT1_AS_COUNTED.context_length} positions and no final
  LayerNorm gives {gpt1:,}."""


def memory(here: Here) -> None:
    """The weights in three number types, tied and untied, as bars; the K/V cache beside them."""
    now = controls.counted_now(here)
    config, tied = now.config, now.tied
    frame = views.weight_memory(config)
    lines = frame[frame["tied"] == tied]
    kept = {f"weights, {row['number_type']}": row["bytes"] for row in lines.to_dict("records")}
    n = config.context_length
    kept["K/V cache, full"] = parameters.kv_cache_bytes(config, n)
    figure = grouped_bars(
        {"bytes": [size / MEGABYTE for size in kept.values()]}, labels=list(kept), title=f"What {now.name} takes in memory",
        value_title="size", unit="MB", label_title="what", stages=("probability",), most_ticks=5, mode=ui.mode(),
    )  # fmt: skip
    ui.chart(figure, name="memory", data=lambda: pd.DataFrame({"what": list(kept), "bytes": list(kept.values())}))
    ui.note(
        f"The K/V cache of {counted(n, 'token')}, in float32. float32 and float16: numbers of 32 and 16 bits; int8: whole numbers "
        "of 8 bits, without the scales that quantisation adds. 1 MB is 10⁶ bytes."
    )
    st.page_link(
        navigation.page("kv_cache"), label="What exactly the K/V cache keeps, and what it saves", icon=":material/arrow_forward:"
    )


def memory_maths(here: Here) -> None:
    """Every line in bytes, MB and MiB; the cache as a product."""
    now = controls.counted_now(here)
    config, tied = now.config, now.tied
    frame = views.weight_memory(config)
    rows = [
        [row["number_type"], "tied" if row["tied"] else "untied", f"{row['bytes']:,}", fixed(row["MB"], 1), fixed(row["MiB"], 1)]
        for row in frame.to_dict("records")
    ]
    marked = 0 if tied else len(parameters.NUMBER_BYTES)
    ui.figure_menu("weight_memory", frame)
    ui.table(["Number", "Output head", "Bytes", "MB (10⁶)", "MiB (2²⁰)"], rows, numeric=(2, 3, 4), marked=marked)
    count, size = parameters.count_parameters(config, tied), parameters.weight_bytes(config, tied)
    ui.formula(rf"{braced(count, 'parameter')} \cdot {braced(4, 'byte')} = {in_tex(size)}")
    _cache(config)


def memory_checks(here: Here) -> None:
    """The bytes against tensors."""
    now = controls.counted_now(here)
    ui.self_check(checks.table_counted(now, here, views.weight_memory(now.config)))
    ui.source(parameters.weight_bytes, parameters.kv_cache_bytes, parameters.attention_map_bytes)


@keeping(MB)
def quoted_sizes() -> str:
    """Why GPT-2 small is said to take four sizes."""
    lines = [f"- **{row['size']}**: {row['bytes']:,} bytes. {row['reason']}." for row in views.quoted_sizes().to_dict("records")]
    return "\n".join(["Four sizes are quoted for it in float32, and all are right:\n", *lines])


def _cache(config: GPTConfig) -> None:
    """What the K/V cache of this configuration takes, and what the attention maps would."""
    n = config.context_length
    one, full = parameters.kv_cache_bytes(config, 1), parameters.kv_cache_bytes(config, n)
    ui.formula(
        rf"\underbrace{{2}}_{{K, V}} \cdot {braced(config.n_layers, 'layer')} \cdot "
        rf"\underbrace{{{in_tex(config.emb_dim)}}}_{{\text{{width}}}} \cdot {braced(4, 'byte')} \ = {in_tex(one)}"
    )
    maps, n_heads = parameters.attention_map_bytes(config, n), config.n_layers * config.n_heads
    all_maps = f"All {n_heads:,} attention maps" if n_heads > 1 else "The only attention map"
    st.markdown(
        f"That many bytes for each token. With a full context of {counted(n, 'token')} that is {full:,} bytes ({fixed(full / MEBIBYTE, 2)} MiB, "
        f"{fixed(full / MEGABYTE, 2)} MB) in float32, half of that in float16. {all_maps} "
        f"would take {fixed(maps / MEBIBYTE, 2)} MiB, so they are not stored."
    )


def work_controls(here: Here) -> None:
    """Which configuration, and what is drawn of its work."""
    controls.preset(here)
    st.segmented_control(
        "Drawn", list(WORK), format_func=lambda name: WORK[name], required=True, **state.choice(choices.WORK_DRAWN)
    )


def work(here: Here) -> None:
    """FLOPs per token over the length of the pass, and how much of it is attention, by a convention that is named."""
    config = controls.counted_now(here).config
    frame = views.work(config)
    ui.chart(_work_figure(config, str(state.chosen(choices.WORK_DRAWN)), ui.mode()), name="work_per_token", data=frame)
    ui.note(
        "One FLOP (floating-point operation) is one multiplication or addition; MFLOP stands for 10⁶ of them, GFLOP for 10⁹. The "
        f"products q·k and weights·v are often left out. At {counted(config.context_length, 'token')} they add {_added(frame)}. Biases, "
        "LayerNorm, GELU and softmax are not counted."
    )


def work_maths(here: Here) -> None:
    """The three products, worked out for a full context."""
    config = controls.counted_now(here).config
    flops = parameters.forward_flops(config, config.context_length)
    ui.formula(
        r"\begin{gathered}\begin{aligned}"
        rf"\text{{blocks:}}\quad 24 E^2 L N    &= {latex_number(flops.blocks)} \\"
        rf"\text{{attention:}}\quad 4 E L N^2 &= {latex_number(flops.attention)} \\"
        rf"\text{{head:}}\quad 2 V E N        &= {latex_number(flops.head)}"
        rf"\end{{aligned}} \\[0.4em] N = C \text{{ tokens}} \\ {_letters(config)} \end{{gathered}}"
    )


def work_checks(here: Here) -> None:
    """The operations against torch's own count."""
    ui.self_check(counting.work_counted(controls.counted_now(here).config))
    ui.source(parameters.forward_flops)


def _added(frame: pd.DataFrame) -> str:
    return ", ".join(f"{percent(frame[name].iloc[-1])} ({name[0].lower()}{name[1:]})" for name in views.CONVENTIONS)


@keeping(2 * MB)
def _work_figure(config: GPTConfig, way: str, mode: Mode) -> Figure:
    frame = views.work(config)
    if way == "share":
        return curves(
            {name: frame[name] for name in views.CONVENTIONS},
            frame.n_tokens,
            title="What attention's two products add to all other work",
            x_title="tokens in the pass",
            value_title="added work",
            unit="%",
            stages=("attention", "feed_forward", "reference"),
            mode=mode,
        )
    unit, size = work_unit(float(frame[["blocks", "attention", "head"]].max().max()))
    return curves(
        {"Blocks": frame.blocks / size, "Attention's two products": frame.attention / size, "Output head": frame["head"] / size},
        frame.n_tokens,
        title="Work for each token of a pass, by the length of the pass",
        x_title="tokens in the pass",
        value_title="work per token",
        unit=unit,
        stages=("feed_forward", "attention", "probability"),
        mode=mode,
    )


def configuration_controls(here: Here) -> None:
    """What to start from, and every key."""
    controls.preset(here)
    controls.controls(here)


def what_follows(here: Here) -> None:
    """All that a configuration decides, beside the same of the loaded model."""
    now = controls.counted_now(here)
    loaded, costs = views.costs(here.config, here.model.tied), views.costs(now.config, now.tied)
    rows = [[markup.wrapping(name), cost.written, loaded[name].written] for name, cost in costs.items()]
    frame = pd.DataFrame(
        [(name, cost.unit, cost.value, loaded[name].value) for name, cost in costs.items()],
        columns=["what", "unit", "this", "loaded"],
    )
    ui.figure_menu("configuration", frame)
    ui.table(["", now.name, f"{offered.called(here.model.name)}, loaded"], rows, numeric=(1, 2), marked=0)
    ui.note(
        "With a full context. Weights and K/V cache in float32. Work in FLOP (floating-point operations), with the output head at "
        "every position and the whole square of attention. The other parts of this page show the same configuration in detail."
    )


def configuration_checks(here: Here) -> None:
    """Count and operations against tensors and torch."""
    now = controls.counted_now(here)
    shape = checks.drawn_counted(now, here, views.parts_by_component(now.config, now.tied, now.name))
    ui.self_check([shape, counting.work_counted(now.config)])
    ui.source(parameters.component_counts, parameters.forward_flops, parameters.kv_cache_bytes)
