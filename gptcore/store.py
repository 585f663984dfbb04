"""TraceStore: the traces computed so far, shared by all who ask.

A causal transformer never revises the past: the trace of `ids + (t,)` is the trace of `ids` plus one row. So the store looks for
the longest beginning that it has, and runs only the tokens behind it.

Rows are kept in buffers that only grow at their end. Rows [0, used) of a buffer are never written again, so any number of traces
may read them while the next row is being written; a trace of n tokens is a view of the first n rows. The end belongs to whoever
extends the buffer first; another continuation of the same beginning (a branch) copies that beginning into a buffer of its own.

Rows lie where the model's weights do, also on a graphics card: the next token attends to all of them, and whatever a page asks for is
worked out from them, so that elsewhere they would travel back and forth at every step. What the store may take is memory of that device.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from gptcore.arguments import check_ids
from gptcore.buffers import Buffer, run_tokens, run_tokens_edited
from gptcore.config import GPTConfig
from gptcore.edits import Edits
from gptcore.errors import GPTCoreError
from gptcore.interventions import ablation_edits, patch_edits
from gptcore.model import GPTModel, check_length
from gptcore.reference import replacements
from gptcore.run import Ablation, Intervention, Patch, Run
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace

MAX_BYTES = 512 * 2**20
_SMALLEST_CAPACITY = 32
_LOGITS_SHARE = 8  # an eighth of the bytes is for rows of logits


@runtime_checkable
class HasModel(Protocol):
    """Anything with a GPTModel and a tokenizer in it and an identity that a Run can name; a LanguageModel, as a rule."""

    @property
    def model(self) -> GPTModel: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def identity(self) -> str: ...


@dataclass(slots=True)
class _Node:
    """One token in the tree of all sequences: the buffers that hold it there, and what comes after it in them."""

    buffers: set[Buffer] = field(default_factory=set)
    after: dict[int, _Node] = field(default_factory=dict)


class _Tree:
    """The sequences of one model under one intervention by their beginnings. Whoever calls holds the store's lock."""

    def __init__(self, language_model: HasModel, number: int) -> None:
        self.language_model = weakref.ref(language_model)
        self.number = number
        self.edits: Edits | None = None  # what the intervention changes, from the first run on
        self.computing = Lock()  # held by the one that runs the model
        self._root = _Node()

    def longest(self, ids: Sequence[int]) -> tuple[int, Buffer | None]:
        """How many tokens of `ids` are there, and the buffer that has them (of several the one asked for last)."""
        node, depth = self._root, 0
        for token_id in ids:
            if (child := node.after.get(token_id)) is None:
                break
            node, depth = child, depth + 1
        return depth, max(node.buffers, key=lambda b: b.last_asked, default=None)

    @property
    def is_empty(self) -> bool:
        return not self._root.after

    def beginning_with(self, ids: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The ends of all sequences that begin with `ids`."""
        node = self._root
        for token_id in ids:
            if (child := node.after.get(token_id)) is None:
                return []
            node = child
        ends, open_ = [], [(ids, node)]
        while open_:
            text, node = open_.pop()
            if not node.after:
                ends.append(text)
            open_ += [((*text, token_id), child) for token_id, child in node.after.items()]
        return ends

    def add(self, buffer: Buffer) -> None:
        node = self._root
        for token_id in buffer.ids:
            node = node.after.setdefault(token_id, _Node())
            node.buffers.add(buffer)

    def remove(self, buffer: Buffer) -> None:
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
        self._max_bytes = max_bytes
        self._logits = _RowsOfLogits(max_bytes // _LOGITS_SHARE)
        self._max_buffer_bytes = max_bytes - max_bytes // _LOGITS_SHARE
        self._lock = Lock()  # for the fields below
        # A store does not keep a model alive.
        self._trees: weakref.WeakKeyDictionary[HasModel, dict[Intervention | None, _Tree]] = weakref.WeakKeyDictionary()
        self._kept: dict[Buffer, _Tree] = {}
        self._numbers, self._moments = itertools.count(), itertools.count(1)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied without its traces: whatever was in it can be computed again."""
        return TraceStore, (self._max_bytes,)

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

        Under an intervention whatever it cannot reach is taken from the run without it, as far as that is kept.

        Raises SequenceLengthError for no ids or more than the context length, TokenError for an id outside the vocabulary,
        OutOfRangeError for an intervention where this model or text has nothing, GPTCoreError for a model that was never added or is
        in training mode.
        """
        language_model = self._checked(run)
        tree = self._tree(language_model, run.intervention)
        buffer = self._find(tree, run.ids) or self._compute(tree, language_model, run)
        return self._view(tree, language_model, buffer, run)

    @torch.inference_mode()
    def extend(self, run: Run, at_most: int) -> int:
        """Compute so many tokens more of a run, where they are not kept; how many are missing then. Raises as `trace` does.

        For whoever wants to do something between the pieces of a long run. What is kept in between may be let go by then, as always:
        a number that does not fall says so, and `trace` computes the rest at once.
        """
        language_model = self._checked(run)
        tree = self._tree(language_model, run.intervention)
        with self._lock:
            n_kept, _ = tree.longest(run.ids)
        if n_kept == len(run.ids):
            return 0
        if isinstance(run.intervention, Patch):  # its places are those of the whole text
            at_most = len(run.ids)
        some = run.beginning(n_kept + at_most)
        self._compute(tree, language_model, some, room=len(run.ids))
        return len(run.ids) - len(some.ids)

    def missing(self, run: Run) -> int:
        """How many tokens of a run are not kept. Raises as `trace` does."""
        tree = self._tree(self._checked(run), run.intervention)
        with self._lock:
            return len(run.ids) - tree.longest(run.ids)[0]

    def _checked(self, run: Run) -> HasModel:
        """The model of a run that it can take."""
        language_model = self._named(run.model)
        model = language_model.model
        check_length(len(run.ids), model.config.context_length)
        check_ids(run.ids, model.config.vocab_size)
        if run.intervention is not None:
            run.intervention.check_fits(model.config, len(run.ids))
        if model.training:
            raise GPTCoreError("The model is in training mode, where dropout makes every run different; call model.eval() first.")
        return language_model

    def edits(self, language_model: HasModel, intervention: Intervention) -> Edits:
        """What an intervention changes in this model, whatever the text. Means and patched rows are computed where they are not kept."""
        if isinstance(intervention, Ablation):
            return ablation_edits(intervention, replacements(language_model, intervention.replacement))
        return patch_edits(intervention, self.trace(Run(language_model.identity, intervention.source)))

    def continuations(self, run: Run) -> list[tuple[int, ...]]:
        """All that is kept of the texts that begin with the ids of `run`, under its intervention, each as far as it goes."""
        language_model = self._named(run.model)
        with self._lock:
            return self._tree_of(language_model, run.intervention).beginning_with(run.ids)

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
            return self._tree_of(language_model, intervention)

    def _tree_of(self, language_model: HasModel, intervention: Intervention | None) -> _Tree:
        """Whoever calls holds the lock."""
        trees = self._trees[language_model]
        if intervention not in trees:
            for other in [i for i, tree in trees.items() if i is not None and tree.is_empty and not tree.computing.locked()]:
                del trees[other]  # nothing is kept of it, and there are more interventions than there is room
            trees[intervention] = _Tree(language_model, next(self._numbers))
        return trees[intervention]

    def _find(self, tree: _Tree, ids: tuple[int, ...]) -> Buffer | None:
        """A buffer with all of `ids`, if there is one."""
        with self._lock:
            n_kept, buffer = tree.longest(ids)
            if buffer is None or n_kept < len(ids):
                return None
            buffer.last_asked = next(self._moments)
            return buffer

    def _compute(self, tree: _Tree, language_model: HasModel, run: Run, room: int = 0) -> Buffer:
        """Run what is missing of the ids. Others that want this model wait, and then find it. room: for so many tokens, if more are
        to come."""
        model, ids = language_model.model, run.ids
        with tree.computing:
            if (buffer := self._find(tree, ids)) is not None:
                return buffer
            if run.intervention is not None and tree.edits is None:
                tree.edits = self.edits(language_model, run.intervention)
            with self._lock:
                n_kept, source = tree.longest(ids)
            room = max(room, len(ids))
            if source is not None and source.used == n_kept and source.capacity >= room:
                buffer = source
            else:
                buffer = Buffer(model, self._capacity(model, room))
                if source is not None:
                    buffer.copy_from(source, n_kept)
            if tree.edits is None:
                run_tokens(model, buffer, ids[n_kept:])
            else:
                with self._lock:
                    n_clean, clean = self._tree_of(language_model, None).longest(ids)
                run_tokens_edited(model, buffer, ids, n_kept, tree.edits, clean, n_clean)
            with self._lock:
                outgrown = source if source is not None and source.used == n_kept and source is not buffer else None
                self._keep(tree, buffer, ids, outgrown)
            return buffer

    def _capacity(self, model: GPTModel, n_tokens: int) -> int:
        """Room to grow: the next power of two, unless the context ends or a buffer of that size could not be kept."""
        doubled = max(_SMALLEST_CAPACITY, 1 << n_tokens.bit_length())
        affordable = self._max_buffer_bytes // Buffer(model, 1).n_bytes
        return max(n_tokens, min(doubled, model.config.context_length, affordable))

    def _keep(self, tree: _Tree, buffer: Buffer, ids: tuple[int, ...], outgrown: Buffer | None) -> None:
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

    def _drop(self, buffer: Buffer) -> None:
        if (tree := self._kept.pop(buffer, None)) is not None:
            tree.remove(buffer)

    def _view(self, tree: _Tree, language_model: HasModel, buffer: Buffer, run: Run) -> Trace:
        n_tokens, key, model = len(run.ids), (tree.number, run.ids), language_model.model
        resid, k, v = (rows[..., :n_tokens, :] for rows in (buffer.resid, buffer.k, buffer.v))
        return Trace(
            language_model, run, resid, k, v,
            lambda: self._logits.row(key, lambda: model.unembed(resid[-1, -1])),
            lambda position: self._logits.find((tree.number, run.ids[: position + 1])),
            tree.edits,
        )  # fmt: skip
