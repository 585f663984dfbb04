"""The catalogue of models, and the one table between GPT-2's published parameter names and ours."""

from __future__ import annotations

# Published name (as a pattern over the layer number) -> ours, and whether the published matrix is transposed:
# OpenAI stores [in, out], torch's Linear [out, in].
_TOP_NAMES: dict[str, str] = {
    "wte.weight": "token_embedding.weight",
    "wpe.weight": "position_embedding.weight",
    "ln_f.weight": "final_norm.scale",
    "ln_f.bias": "final_norm.shift",
}
_BLOCK_NAMES: dict[str, tuple[str, bool]] = {
    "ln_1.weight": ("ln_1.scale", False),
    "ln_1.bias": ("ln_1.shift", False),
    "attn.c_attn.weight": ("attention.qkv.weight", True),
    "attn.c_attn.bias": ("attention.qkv.bias", False),
    "attn.c_proj.weight": ("attention.out_proj.weight", True),
    "attn.c_proj.bias": ("attention.out_proj.bias", False),
    "ln_2.weight": ("ln_2.scale", False),
    "ln_2.bias": ("ln_2.shift", False),
    "mlp.c_fc.weight": ("feed_forward.widen.weight", True),
    "mlp.c_fc.bias": ("feed_forward.widen.bias", False),
    "mlp.c_proj.weight": ("feed_forward.narrow.weight", True),
    "mlp.c_proj.bias": ("feed_forward.narrow.bias", False),
}


def published_names(n_layers: int, tied: bool) -> dict[str, tuple[str, bool]]:
    """Our parameter name -> (published name, transposed) for a model of n_layers."""
    names = {ours: (f"transformer.{published}", False) for published, ours in _TOP_NAMES.items()}
    for layer in range(n_layers):
        for published, (ours, transposed) in _BLOCK_NAMES.items():
            names[f"blocks.{layer}.{ours}"] = (f"transformer.h.{layer}.{published}", transposed)
    if not tied:
        names["output_head.weight"] = ("lm_head.weight", False)
    return names
