"""Trace: what one sequence did inside the model, ready to be looked at.

Kept is only what cannot be had cheaply again: the residual stream before each block and after the last, and keys and values.
Everything else is computed when it is asked for, by the model's own weights, for the layer and the positions asked for.

All results are numpy arrays in the model's number type, copies that their holder may keep and change. Layers, heads and positions
count from 0; one that is not there raises OutOfRangeError. `positions=None` means all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore import activations, overview
from gptcore.activations import (
    AttentionActivations,
    BlockActivations,
    FeedForwardActivations,
    LayerNormActivations,
    LayerRows,
    owned,
)
from gptcore.arguments import Ids, Whole, at_least_one, check_ids, whole
from gptcore.checks import Check, checks, earlier_tokens_unchanged
from gptcore.edits import NOTHING, Edits
from gptcore.errors import OutOfRangeError, TokenError
from gptcore.lens import Lens, lens
from gptcore.model import GPTModel, TransformerBlock
from gptcore.overview import AttentionOverview
from gptcore.run import Run

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel
    from gptcore.store import HasModel

Site = Literal["ln_1", "ln_2", "final"]


class Kept(NamedTuple):
    """What a trace has, for the modules of gptcore that compute further with it: read, never written, never given out."""

    language_model: HasModel
    model: GPTModel
    layers: tuple[LayerRows, ...]
    resid: Float[Tensor, "depth n_tokens emb_dim"]
    edits: Edits | None


class Trace:
    """One run: a sequence of tokens inside one model, under an intervention or none. Immutable; made by `TraceStore.trace`.

    run: model, ids and intervention; ids: the token ids; n_tokens: how many; config: of the model.
    """

    def __init__(
        self,
        language_model: HasModel,
        run: Run,
        resid: Float[Tensor, "depth n_tokens emb_dim"],
        k: Float[Tensor, "n_layers n_heads n_tokens head_dim"],
        v: Float[Tensor, "n_layers n_heads n_tokens head_dim"],
        last_logits: Callable[[], Tensor],
        kept_logits: Callable[[int], Tensor | None],
        edits: Edits | None,
    ) -> None:
        """resid, k and v may belong to a store: they are read, never written and never given out. last_logits gives the row of
        the last position, from wherever it is kept; kept_logits that of any position, if it is kept. edits: what the run's
        intervention changes."""
        self.run, self.ids, self.config = run, run.ids, language_model.model.config
        self._language_model, self._model, self._edits = language_model, language_model.model, edits
        self._resid, self._k, self._v = resid, k, v
        self._last_logits, self._kept_logits = last_logits, kept_logits

    def __copy__(self) -> Trace:
        return self

    def __deepcopy__(self, memo: object) -> Trace:
        """Itself: nothing in a trace changes."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its model and its run, and computed again by whoever opens it: so all traces of one pickle share one model."""
        return _trace_again, (self._language_model, self.run)

    @property
    def model(self) -> GPTModel:
        """The model that ran; its weights are not to be changed."""
        return self._model

    @property
    def n_tokens(self) -> int:
        return len(self.ids)

    @torch.inference_mode()
    def resid(self, layer: Whole) -> Float[np.ndarray, "n_tokens emb_dim"]:
        """The residual stream before block `layer`; n_layers gives the one after the last block."""
        return owned(self._resid[_within(layer, len(self._resid), "layer", "residual streams")])

    @torch.inference_mode()
    def k(self, layer: Whole) -> Float[np.ndarray, "n_heads n_tokens head_dim"]:
        """The keys of a layer, as kept in the K/V cache."""
        return owned(self._k[self._layer(layer)])

    @torch.inference_mode()
    def v(self, layer: Whole) -> Float[np.ndarray, "n_heads n_tokens head_dim"]:
        """The values of a layer, as kept in the K/V cache."""
        return owned(self._v[self._layer(layer)])

    @property
    @torch.inference_mode()
    def logits(self) -> Float[np.ndarray, "vocab_size"]:
        """The logits for the token after the last one."""
        return owned(self._last_logits())

    @torch.inference_mode()
    def logits_at(self, positions: Ids) -> Float[np.ndarray, "query vocab_size"]:
        """The logits at other positions, one row each; a row of GPT-2 is 201 KB."""
        wanted = self._positions(positions)
        if len(wanted) == 1 and (kept := self._kept_logits(int(wanted[0]))) is not None:  # as for the choice made there
            return owned(kept[None])
        return owned(self._model.unembed(self._resid[-1, wanted]))

    @torch.inference_mode()
    def attention(self, layer: Whole, positions: Ids | None = None, heads: Ids | None = None) -> AttentionActivations:
        """One layer's attention. At 1,024 tokens ask for the heads and positions in focus: all maps of a layer are 50 MB each."""
        wanted = _several(heads, self.config.n_heads, "head", "heads")
        return activations.attention(self._rows(layer), self._positions(positions), wanted)

    @torch.inference_mode()
    def layer_norm(self, layer: Whole | None, site: Site, positions: Ids | None = None) -> LayerNormActivations:
        """A LayerNorm: before attention ("ln_1"), before feed-forward ("ln_2"), or the last one ("final", which has no layer)."""
        wanted = self._positions(positions)
        if site == "final":
            return activations.layer_norm(self._model.final_norm, self._resid[-1, wanted])
        if layer is None or site not in ("ln_1", "ln_2"):
            raise OutOfRangeError(
                f'layer is {layer!r} and site {site!r}; name a layer with "ln_1" or "ln_2", or None with "final".'
            )
        rows = self._rows(layer)
        if site == "ln_1":
            return activations.layer_norm(rows.block.ln_1, rows.resid[wanted])
        return activations.layer_norm(rows.block.ln_2, activations.residual_middle(rows, wanted))

    @torch.inference_mode()
    def feed_forward(self, layer: Whole, positions: Ids | None = None) -> FeedForwardActivations:
        """One layer's feed-forward network, every neuron."""
        return activations.feed_forward(self._rows(layer), self._positions(positions))

    @torch.inference_mode()
    def block(self, layer: Whole, positions: Ids | None = None) -> BlockActivations:
        """The residual stream's way through one block."""
        return activations.block(self._rows(layer), self._resid[self._layer(layer) + 1], self._positions(positions))

    @torch.inference_mode()
    def lens(self, positions: Ids | None = None, top: Whole = 10, targets: Ids | None = None) -> Lens:
        """What the model would predict after each layer. targets: the token to follow, one a position; None: the final best.

        About 50 ms a position with GPT-2 small: fill a grid a few positions at a time.
        Raises TokenError for a target outside the vocabulary, or a number of targets that is not that of the positions.
        """
        wanted = self._positions(positions).tolist()
        top = at_least_one("top", top, OutOfRangeError, "ask for at least 1 token")
        followed = None if targets is None else check_ids(targets, self.config.vocab_size)
        if followed is not None and len(followed) != len(wanted):
            raise TokenError(f"There are {len(followed)} targets for {len(wanted)} positions; name one for each.")
        return lens(self._model, self._resid, wanted, top, followed)

    @torch.inference_mode()
    def attention_overview(self, size: Whole = 32, layers: Ids | None = None) -> AttentionOverview:
        """Every head's map, pooled to at most size x size, and a few numbers each; of all layers, or of those named, in their order.

        1,024 tokens of GPT-2 small take seconds: ask for a layer at a time where somebody waits.
        """
        size = at_least_one("size", size, OutOfRangeError, "ask for at least 1 cell")
        wanted = _several(layers, self.config.n_layers, "layer", "layers")
        return overview.overview([self._rows(layer) for layer in wanted], size)

    @torch.inference_mode()
    def newest_row(self) -> Float[np.ndarray, "n_layers n_heads n_tokens"]:
        """The last token's attention weights in every head; cheap, since only its queries are needed."""
        return np.stack([overview.newest_row(self._rows(layer)) for layer in range(self.config.n_layers)])

    @torch.inference_mode()
    def check(self) -> tuple[Check, ...]:
        """Whether the trace adds up, each check with its deviation and tolerance."""
        layers = [self._rows(layer) for layer in range(self.config.n_layers)]
        return checks(self._model, self.ids, layers, self._resid, self._last_logits(), self._edits)

    @torch.inference_mode()
    def check_earlier_tokens(self, layer: Whole) -> Check:
        """Whether the keys and values of the first tokens in a layer are the same without the tokens behind them."""
        rows = self._rows(layer)
        return earlier_tokens_unchanged(self._model, self.ids, self._layer(layer), rows.k, rows.v, self._edits)

    def _layer(self, layer: Whole) -> int:
        return _within(layer, self.config.n_layers, "layer", "layers")

    def _rows(self, layer: Whole) -> LayerRows:
        layer = self._layer(layer)
        block, edit = (
            cast(TransformerBlock, self._model.blocks[layer]),
            NOTHING if self._edits is None else self._edits.layers[layer],
        )
        return LayerRows(block, self._resid[layer], self._k[layer], self._v[layer], edit)

    def _positions(self, positions: Ids | None) -> Int[Tensor, "query"]:
        return torch.tensor(_several(positions, self.n_tokens, "position", "tokens"), device=self._resid.device)


def kept(trace: Trace) -> Kept:
    """The insides of a trace, which belong to its store."""
    layers = tuple(trace._rows(layer) for layer in range(trace.config.n_layers))
    return Kept(trace._language_model, trace._model, layers, trace._resid, trace._edits)


def _trace_again(language_model: LanguageModel, run: Run) -> Trace:
    return language_model.trace(run.ids, run.intervention)


def _several(wanted: Ids | None, count: int, name: str, counted: str) -> tuple[int, ...]:
    """The wanted indices as plain ints, None for all of them. Raises OutOfRangeError for none at all, or one that is not there."""
    if wanted is None:
        return tuple(range(count))
    given: Any = wanted.tolist() if hasattr(wanted, "tolist") else wanted
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise OutOfRangeError(f"{name}s are {wanted!r:.80}; give a sequence of numbers from 0 to {count - 1}, or leave them out.")
    found = tuple(_within(value, count, name, counted) for value in given)
    if not found:
        raise OutOfRangeError(f"No {name} was asked for; name at least one, or leave {name}s out for all of them.")
    return found


def _within(wanted: Whole, count: int, name: str, counted: str) -> int:
    """The wanted index as a plain int. Raises OutOfRangeError unless it is 0 to count - 1."""
    number = whole(wanted)
    if number is None or not 0 <= number < count:
        said = number if number is not None else f"{wanted!r:.80}"
        raise OutOfRangeError(f"{name} is {said}; there are {count:,} {counted}, so give a number from 0 to {count - 1}.")
    return number
