"""What one neuron of a feed-forward network writes, and what that alone does to the logits.

A neuron's activation times its column of the narrowing matrix is a vector that the block adds to the residual stream. The part
of it that no later layer touches goes through the final LayerNorm and the output head: its direct effect (Elhage et al. 2021,
https://transformer-circuits.pub/2021/framework; Dar et al. 2022, https://arxiv.org/abs/2209.02535). What later layers make of
the vector is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import owned
from gptcore.arguments import Whole, at_least_one, whole
from gptcore.errors import LessonError
from gptcore.model import GPTModel, LayerNorm, TransformerBlock


@dataclass(frozen=True, eq=False)
class NeuronEffects:
    """The neurons that write most at one position, largest first. Arrays are copies.

    neurons: their numbers; written: the length of what each adds to the residual stream; logit_change: what it adds to each
    token's logit directly, less the mean over the vocabulary, since only differences between logits matter.
    """

    neurons: Int[np.ndarray, "top"]
    written: Float[np.ndarray, "top"]
    logit_change: Float[np.ndarray, "top vocab_size"]


@torch.inference_mode()
def strongest_neurons(
    model: GPTModel,
    layer: Whole,
    mlp_post: Float[np.ndarray, "neurons"],
    resid_final: Float[np.ndarray, "emb_dim"],
    top: Whole = 8,
) -> NeuronEffects:
    """The `top` neurons of a layer by the length of what they write at a position.

    mlp_post: the layer's activations after GELU there; resid_final: the residual stream after the last block there.
    Raises LessonError for a layer that the model does not have.
    """
    place = whole(layer)
    if place is None or not 0 <= place < model.config.n_layers:
        raise LessonError(f"layer is {layer!r:.80}; this model has the layers 0 to {model.config.n_layers - 1}.")
    columns = cast(
        TransformerBlock, model.blocks[place]
    ).feed_forward.narrow.weight  # [E, 4E]: column n is what neuron n writes at activation 1
    activations = torch.as_tensor(mlp_post, dtype=columns.dtype, device=columns.device)
    written = activations.abs() * torch.linalg.vector_norm(columns, dim=0)
    lengths, neurons = written.topk(min(at_least_one("top", top, LessonError, "ask for at least 1 neuron"), len(written)))
    vectors = (columns[:, neurons] * activations[neurons]).T
    effects = direct_effects(model, vectors, torch.as_tensor(resid_final, dtype=columns.dtype, device=columns.device))
    change = effects - effects.mean(-1, keepdim=True)
    return NeuronEffects(owned(neurons), owned(lengths), owned(change))


def direct_effects(
    model: GPTModel, vectors: Float[Tensor, "vectors emb_dim"], resid_final: Float[Tensor, "emb_dim"]
) -> Float[Tensor, "vectors vocab_size"]:
    """What each vector, as a part of `resid_final`, contributes to the logits.

    The final LayerNorm subtracts each part's own mean and divides by the spread of the whole, which is held as it is; then the
    parts' contributions, plus the shift's, add up to the logits exactly.
    """
    spread = torch.sqrt(resid_final.var(correction=0) + LayerNorm.eps)
    centred = vectors - vectors.mean(-1, keepdim=True)
    return model.output_head(centred / spread * model.final_norm.scale)
