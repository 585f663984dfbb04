"""TraceStore: the traces computed so far, shared by all who ask.

A causal transformer never revises the past: the trace of `ids + (t,)` is the trace of `ids` plus one row. So the store looks for
the longest beginning that it has, and runs only the tokens behind it.

Rows are kept in buffers that only grow at their end. Rows [0, used) of a buffer are never written again, so any number of traces
may read them while the next row is being written; a trace of n tokens is a view of the first n rows. The end belongs to whoever
extends the buffer first; another continuation of the same beginning (a branch) copies that beginning into a buffer of its own.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gptcore.config import GPTConfig
from gptcore.errors import GPTCoreError
from gptcore.model import GPTModel, check_length
from gptcore.run import Intervention, Run
from gptcore.trace import Trace, check_ids

MAX_BYTES = 512 * 2**20
_SMALLEST_CAPACITY = 32
_LOGITS_SHARE = 8  # an eighth of the bytes is for rows of logits


@runtime_checkable
class HasModel(Protocol):
    """Anything with a GPTModel in it and an identity that a Run can name; a LanguageModel, as a rule."""

    @property
    def model(self) -> GPTModel: ...

    @property
    def identity(self) -> str: ...


class _Buffer:
    """Room for the rows of one sequence: residual stream [n_layers + 1, capacity, E], keys and values [n_layers, H, capacity, D].

    ids: the tokens whose rows are there (their number is `used`). Only `_run` writes, and only behind them.
    """

    def __init__(self, model: GPTModel, capacity: int) -> None:
        config, like = model.config, model.token_embedding.weight
        self.capacity = capacity
        self.ids: tuple[int, ...] = ()
        self.last_asked = 0
        self.resid = like.new_empty(config.n_layers + 1, capacity, config.emb_dim)
        self.k, self.v = (like.new_empty(config.n_layers, config.n_heads, capacity, config.head_dim) for _ in range(2))

    @property
    def used(self) -> int:
        return len(self.ids)

    @property
    def n_bytes(self) -> int:
        """Of the whole capacity, used or not."""
        return self.resid.nbytes + self.k.nbytes + self.v.nbytes

    def copy_from(self, other: _Buffer, n_tokens: int) -> None:
        for ours, theirs in ((self.resid, other.resid), (self.k, other.k), (self.v, other.v)):
            ours[..., :n_tokens, :] = theirs[..., :n_tokens, :]
        self.ids = other.ids[:n_tokens]


@dataclass(slots=True)
class _Node:
    """One token in the tree of all sequences: the buffers that hold it there, and what comes after it in them."""

    buffers: set[_Buffer] = field(default_factory=set)
    after: dict[int, _Node] = field(default_factory=dict)


class _Tree:
    """The sequences of one model under one intervention by their beginnings. Whoever calls holds the store's lock."""

    def __init__(self, language_model: HasModel, number: int) -> None:
        self.language_model = weakref.ref(language_model)
        self.number = number
        self.computing = Lock()  # held by the one that runs the model
        self._root = _Node()

    def longest(self, ids: Sequence[int]) -> tuple[int, _Buffer | None]:
        """How many tokens of `ids` are there, and the buffer that has them (of several the one asked for last)."""
        node, depth = self._root, 0
        for token_id in ids:
            if (child := node.after.get(token_id)) is None:
                break
            node, depth = child, depth + 1
        return depth, max(node.buffers, key=lambda b: b.last_asked, default=None)

    def add(self, buffer: _Buffer) -> None:
        node = self._root
        for token_id in buffer.ids:
            node = node.after.setdefault(token_id, _Node())
            node.buffers.add(buffer)

    def remove(self, buffer: _Buffer) -> None:
        node = self._root
        for token_id in buffer.ids:
            child = node.after[token_id]
            child.buffers.discard(buffer)
            if not child.buffers:  # then nothing behind it is there either
                del node.after[token_id]
                return
            node = child


class _RowsOfLogits:
    """The last positions' logits that were asked for most recently, up to a number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._lock = max_bytes, Lock()
        self._rows: OrderedDict[tuple[int, tuple[int, ...]], Tensor] = OrderedDict()
        self.n_bytes = 0

    def find(self, key: tuple[int, tuple[int, ...]]) -> Tensor | None:
        """The row, if it is kept."""
        with self._lock:
            if (row := self._rows.get(key)) is not None:
                self._rows.move_to_end(key)
            return row

    def row(self, key: tuple[int, tuple[int, ...]], compute: Callable[[], Tensor]) -> Tensor:
        """The kept row, else the computed one. Two who ask at once may both compute: the rows are the same."""
        if (kept := self.find(key)) is not None:
            return kept
        row = compute()
        with self._lock:
            if row.nbytes <= self._max_bytes and key not in self._rows:
                self._rows[key] = row
                self.n_bytes += row.nbytes
            while self.n_bytes > self._max_bytes:
                self.n_bytes -= self._rows.popitem(last=False)[1].nbytes
        return row


class TraceStore:
    """Traces by Run, in at most `max_bytes` of tensors; what was asked for least recently goes first.

    Whatever goes can be computed again from the ids, and a trace that somebody holds stays right. Safe for threads: one at a time
    runs a model, who asks for what is there does not wait. A sequence that alone is larger than `max_bytes` is computed
    each time, from where it became too large.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._logits = _RowsOfLogits(max_bytes // _LOGITS_SHARE)
        self._max_buffer_bytes = max_bytes - max_bytes // _LOGITS_SHARE
        self._lock = Lock()  # for the fields below
        # A store does not keep a model alive.
        self._trees: weakref.WeakKeyDictionary[HasModel, dict[Intervention | None, _Tree]] = weakref.WeakKeyDictionary()
        self._kept: dict[_Buffer, _Tree] = {}
        self._numbers, self._moments = itertools.count(), itertools.count(1)

    @classmethod
    def for_config(cls, config: GPTConfig) -> TraceStore:
        """MAX_BYTES, or more where one text that fills the context needs more: GPT-2 XL's takes 950 MB."""
        numbers = config.context_length * config.emb_dim * (3 * config.n_layers + 1)
        return cls(max(MAX_BYTES, 4 * numbers * _LOGITS_SHARE // (_LOGITS_SHARE - 1) + _LOGITS_SHARE))

    @property
    def n_bytes(self) -> int:
        """Bytes of all tensors kept, each counted once."""
        with self._lock:
            return sum(buffer.n_bytes for buffer in self._kept) + self._logits.n_bytes

    def add(self, language_model: HasModel) -> None:
        """From here on runs may name this model, for as long as somebody else keeps it."""
        with self._lock:
            self._trees.setdefault(language_model, {})

    @torch.inference_mode()
    def trace(self, run: Run) -> Trace:
        """What the model does with the ids of `run`: the rows that are kept, and the rest computed and kept.

        Raises SequenceLengthError for no ids or more than the context length, TokenError for an id outside the vocabulary,
        GPTCoreError for a model that was never added or is in training mode, or for an intervention.
        """
        language_model = self._named(run.model)
        model = language_model.model
        check_length(len(run.ids), model.config.context_length)
        check_ids(run.ids, model.config.vocab_size)
        if run.intervention is not None:
            raise GPTCoreError(
                f"intervention is {run.intervention!r}; parts of the model cannot be switched off yet, so leave it out."
            )
        if model.training:
            raise GPTCoreError("The model is in training mode, where dropout makes every run different; call model.eval() first.")
        tree = self._tree(language_model, run.intervention)
        buffer = self._find(tree, run.ids) or self._compute(tree, model, run.ids)
        return self._view(tree, model, buffer, run.ids)

    def _named(self, identity: str) -> HasModel:
        with self._lock:
            models = list(self._trees)
        for language_model in models:  # one, as a rule
            if language_model.identity == identity:
                return language_model
        known = ", ".join(sorted(language_model.identity for language_model in models)) or "none"
        raise GPTCoreError(
            f"This store has no model {identity[:80]!r}; it has: {known}. Load the model, or add it to this store."
        )

    def _tree(self, language_model: HasModel, intervention: Intervention | None) -> _Tree:
        with self._lock:
            trees = self._trees[language_model]
            if intervention not in trees:
                trees[intervention] = _Tree(language_model, next(self._numbers))
            return trees[intervention]

    def _find(self, tree: _Tree, ids: tuple[int, ...]) -> _Buffer | None:
        """A buffer with all of `ids`, if there is one."""
        with self._lock:
            n_kept, buffer = tree.longest(ids)
            if buffer is None or n_kept < len(ids):
                return None
            buffer.last_asked = next(self._moments)
            return buffer

    def _compute(self, tree: _Tree, model: GPTModel, ids: tuple[int, ...]) -> _Buffer:
        """Run what is missing of `ids`. Others that want this model wait, and then find it."""
        with tree.computing:
            if (buffer := self._find(tree, ids)) is not None:
                return buffer
            with self._lock:
                n_kept, source = tree.longest(ids)
            if source is not None and source.used == n_kept and source.capacity >= len(ids):
                buffer = source
            else:
                buffer = _Buffer(model, self._capacity(model, len(ids)))
                if source is not None:
                    buffer.copy_from(source, n_kept)
            _run(model, buffer, ids[n_kept:])
            with self._lock:
                outgrown = source if source is not None and source.used == n_kept and source is not buffer else None
                self._keep(tree, buffer, ids, outgrown)
            return buffer

    def _capacity(self, model: GPTModel, n_tokens: int) -> int:
        """Room to grow: the next power of two, unless the context ends or a buffer of that size could not be kept."""
        doubled = max(_SMALLEST_CAPACITY, 1 << n_tokens.bit_length())
        affordable = self._max_buffer_bytes // _Buffer(model, 1).n_bytes
        return max(n_tokens, min(doubled, model.config.context_length, affordable))

    def _keep(self, tree: _Tree, buffer: _Buffer, ids: tuple[int, ...], outgrown: _Buffer | None) -> None:
        """The rows of `ids` are written: from here on they can be found, and are not written again. `outgrown` is a buffer
        that became too small and has nothing that the new one has not."""
        buffer.ids, buffer.last_asked = ids, next(self._moments)
        if buffer.n_bytes > self._max_buffer_bytes:
            return  # all others would have to go, and then it as well
        if outgrown is not None:
            self._drop(outgrown)
        tree.add(buffer)
        self._kept[buffer] = tree
        for other in [b for b, t in self._kept.items() if t.language_model() is None]:
            self._drop(other)
        while sum(b.n_bytes for b in self._kept) > self._max_buffer_bytes:
            self._drop(min(self._kept, key=lambda b: b.last_asked))

    def _drop(self, buffer: _Buffer) -> None:
        if (tree := self._kept.pop(buffer, None)) is not None:
            tree.remove(buffer)

    def _view(self, tree: _Tree, model: GPTModel, buffer: _Buffer, ids: tuple[int, ...]) -> Trace:
        n_tokens, key = len(ids), (tree.number, ids)
        resid, k, v = (rows[..., :n_tokens, :] for rows in (buffer.resid, buffer.k, buffer.v))
        return Trace(
            model, ids, resid, k, v,
            lambda: self._logits.row(key, lambda: model.unembed(resid[-1, -1])),
            lambda position: self._logits.find((tree.number, ids[: position + 1])),
        )  # fmt: skip


class _LayerRows:
    """One layer's part of a buffer as the model's LayerCache: new keys and values are written behind the first `start`."""

    def __init__(
        self, k: Float[Tensor, "n_heads capacity head_dim"], v: Float[Tensor, "n_heads capacity head_dim"], start: int
    ) -> None:
        self._k, self._v, self._start = k, v, start

    def extend(
        self, k: Float[Tensor, "batch n_heads new head_dim"], v: Float[Tensor, "batch n_heads new head_dim"]
    ) -> tuple[Float[Tensor, "batch n_heads all head_dim"], Float[Tensor, "batch n_heads all head_dim"]]:
        end = self._start + k.shape[-2]
        self._k[:, self._start : end], self._v[:, self._start : end] = k[0], v[0]
        return self._k[None, :, :end], self._v[None, :, :end]


def _run(model: GPTModel, buffer: _Buffer, new_ids: Sequence[int]) -> None:
    """The model's own forward pass over the tokens behind those of the buffer, block by block, each residual stream kept."""
    start, end = buffer.used, buffer.used + len(new_ids)
    resid = buffer.resid[:, None, start:end]  # [n_layers + 1, 1, N, E]
    resid[0] = model.embed(torch.tensor([list(new_ids)], device=resid.device), start)
    for layer, block in enumerate(model.blocks):
        resid[layer + 1] = block(resid[layer], _LayerRows(buffer.k[layer], buffer.v[layer], start))
