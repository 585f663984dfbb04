"""What the chapters show of the trace in view, as a few lines of gptcore that give the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app import choices, runtime, snippets, state
from app.runtime import Here


def of(page: str, part: str, here: Here) -> str:
    """The lines of a page's beat; "" where it shows something else than the trace in view, or has lines of its own."""
    lines = _LINES.get((page, part)) or _LINES.get((page, ""))
    return "\n".join([*snippets.beginning(here), *lines(here)]) if lines else ""


def in_view() -> str:
    """The same of the page and the beat that are shown."""
    page = state.remembered("page", "")
    return of(page, str(state.chosen(choices.ALL[page])), runtime.here()) if page in choices.ALL else ""


def _attention(here: Here) -> list[str]:
    return [
        f"attention = trace.attention({here.layer}, positions=[{here.position}], heads=[{here.head}])",
        "for token, weight in zip(ids, attention.pattern[0, 0]):",
        "    print(repr(model.tokenizer.decode([token])), weight)",
    ]


def _layer_norm(here: Here) -> list[str]:
    site = state.chosen(choices.LAYER_NORM_SITE)
    rows = f"positions=[{here.position}]" if state.chosen(choices.LAYER_NORM_TOKENS) == "focus" else "positions=None"
    return [
        f"norm = trace.layer_norm({None if site == 'final' else here.layer}, {site!r}, {rows})",
        "print(norm.before.mean(), norm.before.std(), norm.after.mean(), norm.after.std())",
    ]


def _feed_forward(here: Here) -> list[str]:
    return [
        f"network = trace.feed_forward({here.layer}, positions=[{here.position}])",
        "print(network.mlp_in.shape, network.mlp_pre.shape, network.mlp_post.shape, network.mlp_out.shape)",
        "print((network.mlp_post > 0).sum(), 'of', network.mlp_post.size, 'neurons let something through')",
    ]


def _block(here: Here) -> list[str]:
    return [
        f"block = trace.block({here.layer}, positions=[{here.position}])",
        "print(abs(block.resid_pre + block.attn_out + block.mlp_out - block.resid_post).max())  # 0, but for rounding",
    ]


def _lens(here: Here) -> list[str]:
    return [
        f"lens = trace.lens(positions=[{here.position}], top=10)",
        "for tokens, probs in zip(lens.token_ids[0], lens.probs[0]):  # the embeddings, then each block",
        "    print(repr(model.tokenizer.decode(tokens[:1])), probs[0])",
    ]


def _embeddings(here: Here) -> list[str]:
    return [
        f"token, position = ids[{here.position}], {here.position}",
        "summed = trace.model.token_embedding.weight[token] + trace.model.position_embedding.weight[position]",
        "print(summed.norm())",
    ]


def _sampling(here: Here) -> list[str]:
    view = here.view
    return [
        f"settings = gptcore.SamplingSettings({view.temperature!r}, {view.top_k!r}, {view.top_p!r}, {view.min_p!r}, {view.seed!r})",
        f"choice = gptcore.select(trace.logits_at([{here.position}])[0], settings, position={here.position + 1})",
        "for each in choice.shortlist(10):",
        "    print(repr(model.tokenizer.decode([each.token_id])), each.base_prob, each.final_prob)",
        "print(repr(model.tokenizer.decode([choice.chosen_id])), 'at', choice.u)",
    ]


def _tokens(here: Here) -> list[str]:
    own = (
        [f"ids = model.tokenizer.encode({state.chosen(choices.CUT_TEXT)!r})"] if state.chosen(choices.CUT_SOURCE) == "own" else []
    )
    return [*own, "for token in ids:", "    print(token, repr(model.tokenizer.decode([token])))"]


def _cache(here: Here) -> list[str]:
    return [
        f"keys, values = trace.k({here.layer})[{here.head}], trace.v({here.layer})[{here.head}]",
        "print(keys.shape, values.shape)  # a row for each token",
    ]


_LINES: Mapping[tuple[str, str], Callable[[Here], list[str]]] = {
    ("attention", ""): _attention,
    ("layer_norm", "token"): _layer_norm,
    ("layer_norm", "outliers"): _layer_norm,
    ("feed_forward", "steps"): _feed_forward,
    ("feed_forward", "neurons"): _feed_forward,
    ("block", "stations"): _block,
    ("block", "layers"): _block,
    ("shortcuts", "model"): _block,
    ("lens", ""): _lens,
    ("embeddings", "sum"): _embeddings,
    ("sampling", "settings"): _sampling,
    ("write", "choice"): _sampling,
    ("tokens", "cut"): _tokens,
    ("kv_cache", "kept"): _cache,
}
