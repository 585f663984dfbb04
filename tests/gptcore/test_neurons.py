"""Direct effects of neurons: all parts of the residual stream together give the logits, and the strongest are the strongest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from gptcore.errors import LessonError
from gptcore.neurons import direct_effects, strongest_neurons

if TYPE_CHECKING:
    from gptcore.checkpoints import LanguageModel

POSITION, LAYER = 3, 1
IDS = (7, 42, 13, 42, 99)


def test_the_direct_effects_of_all_parts_and_of_the_shift_add_up_to_the_logits(tiny_model: LanguageModel) -> None:
    model, trace = tiny_model.model, tiny_model.trace(IDS)
    final = torch.tensor(trace.resid(2)[POSITION])
    parts = [torch.tensor(trace.resid(0)[POSITION])[None]]  # the embeddings
    for layer, block in enumerate(model.blocks):
        network, found = block.feed_forward, trace.feed_forward(layer, (POSITION,))
        neurons = (network.narrow.weight * torch.tensor(found.mlp_post[0])).T  # every neuron apart
        attn_out = torch.tensor(trace.block(layer, (POSITION,)).attn_out)
        parts += [neurons, network.narrow.bias[None], attn_out]
    effects = direct_effects(model, torch.cat(parts), final).sum(0) + model.output_head(model.final_norm.shift)
    logits = torch.tensor(trace.logits_at((POSITION,))[0])
    assert (effects - logits).abs().max() < 1e-5 * logits.abs().max()


def test_the_strongest_neurons_are_those_that_write_the_longest_vectors(tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    post, final = trace.feed_forward(LAYER, (POSITION,)).mlp_post[0], trace.resid(2)[POSITION]
    found = strongest_neurons(tiny_model.model, LAYER, post, final, top=5)
    columns = tiny_model.model.blocks[LAYER].feed_forward.narrow.weight.numpy()
    lengths = np.array([np.linalg.norm(columns[:, n] * post[n]) for n in range(len(post))])
    assert list(found.neurons) == list(np.argsort(-lengths)[:5])
    assert np.allclose(found.written, np.sort(lengths)[::-1][:5], rtol=1e-5)


def test_without_a_neuron_the_logits_fall_by_its_direct_effect(tiny_model: LanguageModel) -> None:
    """In the last layer nothing comes after the neuron: with the spread of the whole held, removing it is taking its effect away."""
    model, trace = tiny_model.model, tiny_model.trace(IDS)
    post, final = trace.feed_forward(LAYER, (POSITION,)).mlp_post[0], torch.tensor(trace.resid(2)[POSITION])
    found = strongest_neurons(model, LAYER, post, final.numpy(), top=1)
    neuron = int(found.neurons[0])
    without = final - model.blocks[LAYER].feed_forward.narrow.weight[:, neuron] * float(post[neuron])
    spread = torch.sqrt(final.var(correction=0) + 1e-5)
    norm = model.final_norm
    logits = [model.output_head((x - x.mean()) / spread * norm.scale + norm.shift) for x in (final, without)]
    change = logits[0] - logits[1]
    assert np.allclose(found.logit_change[0], change - change.mean(), atol=1e-5 * float(logits[0].abs().max()))


def test_a_layer_that_is_not_there_is_refused(tiny_model: LanguageModel) -> None:
    with pytest.raises(LessonError, match="layer is 2; this model has the layers 0 to 1"):
        strongest_neurons(tiny_model.model, 2, np.zeros(128, np.float32), np.zeros(32, np.float32))
