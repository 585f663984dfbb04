"""What the beats of the parameters page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app import choices, offered, state
from app.beats import Question, Try
from app.chapters.parameters import controls, sections, views
from app.chapters.parameters.controls import Counted
from app.configurations import Configured
from app.runtime import Here
from app.writing.markup import escape_markdown
from app.writing.numbers import counted, in_bytes, in_flops, percent, significant
from gptcore import parameters
from gptcore.config import GPTConfig


def _now(here: Here) -> tuple[Counted, str, int]:
    """What is counted, its name as Markdown, and its count."""
    now = controls.counted_now(here)
    return now, escape_markdown(now.name), parameters.count_parameters(now.config, now.tied)


def says_where(here: Here) -> str:
    """The count, and where most of it is."""
    now, name, total = _now(here)
    shares = views.components(now.config, now.tied).set_index("component").share
    head = "" if now.tied else f", {percent(shares[parameters.OUTPUT_HEAD])} in an output head of its own"
    return (
        f"{name} has **{total:,} parameters**: {percent(shares[parameters.FEED_FORWARD])} of them in the feed-forward networks, "
        f"{percent(shares[parameters.ATTENTION])} in attention, {percent(shares[parameters.TOKEN_EMBEDDING])} in the table of tokens{head}."
    )


def try_where(here: Here) -> Sequence[Try]:
    """Other sizes, another division."""
    preset = state.chosen(choices.PRESET)
    tries = [
        _preset("gpt2", "GPT-2 small: which part is its largest?"),
        _preset("gpt3", "GPT-3: what share is left for the tokens?"),
        _preset("124m", "An output head of its own: how many more?"),
    ]
    tries = [each for each in tries if each.shown[0][1] != preset][:2]
    if state.chosen(choices.DIVIDED) != "block":
        tries.append(Try("Divide by block. Are all alike?", shown=((choices.DIVIDED, "block"),)))
    return tries


def _preset(preset: str, said: str) -> Try:
    return Try(said, shown=((choices.PRESET, preset), (choices.CONFIG, None)))


def says_memory(here: Here) -> str:
    """The bytes of the weights, and from how many tokens on the cache is larger."""
    now, name, _ = _now(here)
    sizes = [parameters.weight_bytes(now.config, now.tied, kind) for kind in ("float32", "float16", "int8")]
    one, n = parameters.kv_cache_bytes(now.config, 1), now.config.context_length
    as_large = -(-sizes[0] // one)
    full = in_bytes(parameters.kv_cache_bytes(now.config, n))
    start = (
        f"The weights of {name} take **{in_bytes(sizes[0])}** in float32, {in_bytes(sizes[1])} in float16 and {in_bytes(sizes[2])} in "
        f"int8. Each token that is written adds {in_bytes(one)} of K/V cache"
    )
    if as_large <= n:
        return f"{start}: after {counted(as_large, 'token')} the cache is as large as the weights."
    return f"{start}; a full context of {counted(n, 'token')} makes it {full}, {percent(n * one / sizes[0])} of the weights."


def try_memory(here: Here) -> Sequence[Try]:
    """Other sizes."""
    preset = state.chosen(choices.PRESET)
    wanted = {
        "gpt2": "GPT-2 small: does it fit a phone?",
        "gpt2-xl": "GPT-2 XL: how much more?",
        "gpt3": "GPT-3: how many cards?",
    }
    return [_preset(name, said) for name, said in wanted.items() if name != preset][:2]


def says_work(here: Here) -> str:
    """Operations per token, against the parameters, and what attention adds."""
    now, name, total = _now(here)
    n = now.config.context_length
    flops = parameters.forward_flops(now.config, n)
    return (
        f"In a full context of {counted(n, 'token')} {name} does **{in_flops(flops.total / n)}** per token, "
        f"{significant(flops.total / n / total)} for each of its parameters: a number of a matrix is multiplied once and added once. "
        f"Attention's two products, which grow with the text, are {percent(flops.attention / flops.total)} of that."
    )


def try_work(here: Here) -> Sequence[Try]:
    """What attention adds; larger models."""
    tries = []
    if state.chosen(choices.WORK_DRAWN) != "share":
        tries.append(Try("Draw what attention adds. When does it begin to count?", shown=((choices.WORK_DRAWN, "share"),)))
    preset = state.chosen(choices.PRESET)
    wanted = {"gpt2": "GPT-2 small: how much work is a token?", "gpt3": "GPT-3: does attention add more?"}
    return [*tries, *(_preset(name, said) for name, said in wanted.items() if name != preset)]


def says_configuration(here: Here) -> str:
    """The count, against the loaded model's."""
    now, name, total = _now(here)
    loaded = parameters.count_parameters(here.config, here.model.tied)
    if (now.config, now.tied) == (here.config, here.model.tied):
        return f"{name} has **{total:,} parameters**. Change any key of its configuration, and see what follows."
    weight, cache = (
        parameters.weight_bytes(now.config, now.tied),
        parameters.kv_cache_bytes(now.config, now.config.context_length),
    )
    return (
        f"{name} has **{total:,} parameters**, {significant(total / loaded)} times those of the loaded model. Its weights take "
        f"{in_bytes(weight)}, its K/V cache up to {in_bytes(cache)}."
    )


def try_configuration(here: Here) -> Sequence[Try]:
    """Twice as deep, twice as wide, twice the context."""
    now = controls.counted_now(here)
    sizes: dict[str, dict[str, Any]] = {
        "Twice as many layers": {"n_layers": 2 * now.config.n_layers},
        "Twice as wide: is that twice as many?": {"emb_dim": 2 * now.config.emb_dim},
        "Twice the context: what grows?": {"context_length": 2 * now.config.context_length},
    }
    return [
        Try(said, shown=((choices.CONFIG, Configured(replace(now.config, **change), now.tied)),))
        for said, change in sizes.items()
        if _can_be(replace(now.config, **change), now.tied)
    ]


def _can_be(config: GPTConfig, tied: bool) -> bool:
    return choices.fits(choices.CONFIG.name, Configured(config, tied))


COUNTS = (Question("Why has GPT-2 small 124 or 163 million parameters, but not 117?", sections.three_counts),)
SIZES = (Question("Why is GPT-2 small said to take 498, 548, 622 or 652 MB?", lambda here: sections.quoted_sizes()),)


def _twice_as_wide(here: Here) -> str:
    wide = replace(here.config, emb_dim=2 * here.config.emb_dim)
    deep = replace(here.config, n_layers=2 * here.config.n_layers)
    now, wider, deeper = (parameters.count_parameters(each, here.model.tied) for each in (here.config, wide, deep))
    return (
        f"Twice the width. The matrices of a block have width times width numbers, so they grow fourfold: "
        f"{offered.called(here.model.name)} would have "
        f"{significant(wider / now)} times as many parameters. Twice the layers double the blocks alone: {significant(deeper / now)} times."
    )


LAST = (
    Question("Which makes a model larger, twice the width or twice the layers?", _twice_as_wide),
    Question(
        "Do more heads make a model larger?",
        lambda here: (
            f"No. The heads share the width: {counted(here.config.n_heads, 'head')} of "
            f"{counted(here.config.emb_dim // here.config.n_heads, 'number')} here. With more of them "
            "each has fewer, and the matrices stay as large as they were."
        ),
    ),
)
