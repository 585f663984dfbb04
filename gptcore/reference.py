"""What each part of a model usually writes: its mean over a reference text, which stands in for a part that is switched off.

A part that is replaced by nothing also takes away what it writes everywhere, which later layers count on; replaced by its mean it
takes away only what it makes of the text at hand. The reference text is read in short passes, as long as the texts that are looked at.
(Li and Janson 2024, "Optimal ablation for interpretability", https://arxiv.org/abs/2409.09951, compares the replacements.)
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor

from gptcore.devices import in_float64
from gptcore.model import GPTModel, TransformerBlock
from gptcore.run import Replacement

if TYPE_CHECKING:
    from gptcore.store import HasModel

REFERENCE_NAME = "The ferry"
# Written for this purpose: telling, talk, description, explanation, numbers, a list.
REFERENCE_TEXT = """The ferry left at seven, as it did every morning, with eleven people, two dogs and a crate of hens on board. \
The wind had turned in the night, and now it came from the north, cold and clean, so that the old men on the bench by the wheelhouse \
pulled their caps down over their ears and said nothing at all.

"Will it snow?" asked the girl with the red scarf. She was nine years old and had never been on the other side of the water.

"It may," said her uncle. "But not before noon. Look how high the gulls are flying."

She looked up. There were hundreds of them, white against the grey sky, and they cried like children who have been called in too soon. \
Behind the boat the village grew small: first the houses lost their windows, then the church lost its tower, and at last there was only \
a thin dark line between the sea and the hills, which might have been anything.

A ferry is a simple machine. It burns oil to turn a screw, and the screw pushes the water back, and so the boat goes forward. What is \
not simple is the water. It rises and falls twice a day because the moon pulls at it; it is heavier when it is cold and lighter after \
rain; and in a narrow place, such as the strait between the two islands, it can run faster than a man. In 1923 the company had three \
boats. By 1950 there were fourteen, and today there are six, which carry about 40,000 passengers a year, most of them in July and August.

The rules hang on the wall beside the door: do not smoke, do not feed the birds, keep your ticket until you are on land. Under them \
somebody has written with a pencil, "and do not ask the captain about his beard." He had a very long beard, and nobody ever asked. When \
the bell rang the girl took her uncle's hand, because that was what one did, and together they walked down the wooden bridge to the town, \
where the market had already begun and a man was selling apples, bread, lamps, and a horse that would not stand still."""

# Tokens of one pass. What some heads write depends on how far into the text they are: over passes of 256 tokens the mean of one head of
# the embedded model is so far from what it writes in a sentence that this mean does more harm there than nothing at all.
_MOST_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class ReferenceMeans:
    """Means over the reference text's tokens, without the first of each pass: it can attend only to itself, and what is written there
    is far from what is written elsewhere. Shared: read, never written.

    z: each head's context vector, before the output projection; attn_out: with its bias; mlp_out; position: the rows of the position
    embedding.
    """

    z: Float[Tensor, "n_layers n_heads head_dim"]
    attn_out: Float[Tensor, "n_layers emb_dim"]
    mlp_out: Float[Tensor, "n_layers emb_dim"]
    position: Float[Tensor, "emb_dim"]


_kept: WeakKeyDictionary[GPTModel, dict[tuple[int, ...], ReferenceMeans]] = WeakKeyDictionary()
_lock = Lock()


def reference_means(language_model: HasModel) -> ReferenceMeans:
    """What the parts of this model usually write; computed once per model and kept as long as it."""
    model, ids = language_model.model, language_model.tokenizer.encode(REFERENCE_TEXT)
    with _lock:
        kept = _kept.setdefault(model, {})
        if ids not in kept:
            kept[ids] = _means(model, ids)
        return kept[ids]


def replacements(language_model: HasModel, replacement: Replacement) -> ReferenceMeans:
    """What stands in for parts that are switched off."""
    if replacement == "mean":
        return reference_means(language_model)
    config, weight = language_model.model.config, language_model.model.token_embedding.weight
    layers, width = config.n_layers, config.emb_dim
    shapes = ((layers, config.n_heads, config.head_dim), (layers, width), (layers, width), (width,))
    return ReferenceMeans(*(weight.new_zeros(shape) for shape in shapes))


@torch.inference_mode()
def _means(model: GPTModel, ids: tuple[int, ...]) -> ReferenceMeans:
    length = min(model.config.context_length, _MOST_AT_ONCE)
    passes = [_pass(model, ids[start : start + length]) for start in range(0, len(ids), length)]
    total = sum(counted for counted, _ in passes)
    sums = [torch.stack(columns).sum(0) for columns in zip(*(found for _, found in passes), strict=True)]
    weight = model.token_embedding.weight
    return ReferenceMeans(*((one / total).to(weight) for one in sums))


def _pass(model: GPTModel, ids: tuple[int, ...]) -> tuple[int, list[Tensor]]:
    """How many tokens counted, and sums over them in float64, in the order of ReferenceMeans."""
    skipped = min(1, len(ids) - 1)
    x = model.embed(torch.tensor([ids], device=model.token_embedding.weight.device))
    z_sums, attn_sums, mlp_sums = [], [], []
    for block in (cast(TransformerBlock, block) for block in model.blocks):
        z = block.attention.context(block.ln_1(x))
        attn_out = block.attention.project(z)
        mlp_out = block.feed_forward(block.ln_2(x + attn_out))
        x = x + attn_out + mlp_out
        z_sums.append(in_float64(z[0, :, skipped:]).sum(1))
        attn_sums.append(in_float64(attn_out[0, skipped:]).sum(0))
        mlp_sums.append(in_float64(mlp_out[0, skipped:]).sum(0))
    positions = in_float64(model.position_embedding.weight[skipped : len(ids)]).sum(0)
    return len(ids) - skipped, [torch.stack(z_sums), torch.stack(attn_sums), torch.stack(mlp_sums), positions]
