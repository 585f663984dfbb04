"""Run: everything that decides what is computed, as one frozen value. It is the key of every cache.

An intervention is a value made of ids and indices, never a tensor: what is switched off, or which cells of the computation come from
another text. So it can be hashed, written into an address and sent to another process.

Activation patching: Heimersheim and Nanda 2024, "How to use and interpret activation patching", https://arxiv.org/abs/2404.15255.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from gptcore.arguments import token_ids, whole
from gptcore.config import GPTConfig
from gptcore.errors import InterventionError, OutOfRangeError, SequenceLengthError, TokenError

Replacement = Literal["mean", "zero"]
PatchSite = Literal["resid_pre", "attn_out", "mlp_out", "z"]


@dataclass(frozen=True)
class Ablation:
    """Parts of the model that are silent, at every position.

    heads: (layer, head), taken out of the concatenated heads before the output projection, whose bias stays; attention: layers whose
    whole attention writes nothing, the projection's bias neither; feed_forward: layers whose feed-forward network writes nothing;
    position_embedding: no token is told where it stands. replacement: what stands in for each: "mean" is what the part usually
    writes (its mean over a reference text, see `gptcore.reference`), "zero" is nothing.

    Raises InterventionError for anything but whole numbers from 0 on, or another replacement.
    """

    heads: frozenset[tuple[int, int]] = frozenset()
    attention: frozenset[int] = frozenset()
    feed_forward: frozenset[int] = frozenset()
    position_embedding: bool = False
    replacement: Replacement = "mean"

    def __post_init__(self) -> None:
        _set(self, heads=frozenset(_indices(head, ("layer", "head"), "heads") for head in _several(self.heads, "heads")))
        for name in ("attention", "feed_forward"):
            layers = _several(getattr(self, name), name)
            _set(self, **{name: frozenset(_whole(layer, f"{name}: layer") for layer in layers)})
        if not isinstance(self.position_embedding, bool):
            raise InterventionError(f"position_embedding is {self.position_embedding!r}; say True (off) or False.")
        if self.replacement not in get_args(Replacement):
            raise InterventionError(
                f'replacement is {self.replacement!r}; choose "mean" (what the part usually writes) or "zero".'
            )

    def __bool__(self) -> bool:
        """Whether anything is silent."""
        return bool(self.heads or self.attention or self.feed_forward or self.position_embedding)

    def check_fits(self, config: GPTConfig, n_tokens: int) -> None:
        """Raises OutOfRangeError, with the value and the limit, for a layer or head that the model does not have."""
        for layer, head in sorted(self.heads):
            _below(layer, config.n_layers, "layer", "layers")
            _below(head, config.n_heads, "head", "heads per layer")
        for layer in sorted(self.attention | self.feed_forward):
            _below(layer, config.n_layers, "layer", "layers")


@dataclass(frozen=True)
class Patch:
    """Cells of the computation that are taken from what the same model does with another text.

    source: the other text's token ids. cells: (layer, source position, target position), for site "z" (layer, head, source position,
    target position). site: "resid_pre", the residual stream before a block (layer n_layers: after the last); "attn_out" and
    "mlp_out", what attention and feed-forward write; "z", what one head has gathered, before the output projection.

    Raises InterventionError for cells of another form, one target from two sources, or a source position that is not in source.
    """

    source: tuple[int, ...]
    cells: frozenset[tuple[int, ...]]
    site: PatchSite = "resid_pre"

    def __post_init__(self) -> None:
        if self.site not in get_args(PatchSite):
            raise InterventionError(f"site is {self.site!r}; choose one of: {', '.join(get_args(PatchSite))}.")
        names = (*(("layer", "head") if self.site == "z" else ("layer",)), "source position", "target position")
        source = tuple(_whole(token_id, "source: token id") for token_id in _several(self.source, "source"))
        cells = frozenset(_indices(cell, names, "cells") for cell in _several(self.cells, "cells"))
        _set(self, source=source, cells=cells)
        for cell in sorted(cells):
            if cell[-2] >= len(source):
                raise InterventionError(
                    f"source position is {cell[-2]}; the source has {len(source):,} tokens, so give one from 0 to {len(source) - 1}."
                )
        if len({(*cell[:-2], cell[-1]) for cell in cells}) < len(cells):
            raise InterventionError("Two cells take the same target from different source positions; keep one of them.")

    def __bool__(self) -> bool:
        """Whether there is a cell to patch."""
        return bool(self.cells)

    def check_fits(self, config: GPTConfig, n_tokens: int) -> None:
        """Raises OutOfRangeError, with the value and the limit, for a layer, head or target position that is not there;
        SequenceLengthError and TokenError for a source that the model cannot take."""
        if len(self.source) > config.context_length:
            raise SequenceLengthError(
                f"The source's {len(self.source):,} tokens are more than this model's context length of {config.context_length:,}; "
                f"shorten it by {len(self.source) - config.context_length:,}."
            )
        for token_id in self.source:
            if token_id >= config.vocab_size:
                raise TokenError(f"The source's token id {token_id} is not in this model's vocabulary of {config.vocab_size:,}.")
        for cell in sorted(self.cells):
            _below(cell[0], config.n_layers + (self.site == "resid_pre"), "layer", "places for this patch")
            if self.site == "z":
                _below(cell[1], config.n_heads, "head", "heads per layer")
            _below(cell[-1], n_tokens, "target position", "tokens")


Intervention: TypeAlias = Ablation | Patch


@dataclass(frozen=True)
class Run:
    """One sequence of tokens through one model, with or without an intervention: equal runs give equal numbers.

    model: `LanguageModel.identity`, a short text that says name and content of a model; ids: the token ids; intervention: None, also
    where one is given that changes nothing.

    Raises TokenError for ids that are no whole numbers, InterventionError for another kind of intervention.
    """

    model: str
    ids: tuple[int, ...]
    intervention: Intervention | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.intervention, Ablation | Patch | None):
            raise InterventionError(f"intervention is {self.intervention!r}; give an Ablation, a Patch or None.")
        _set(self, ids=token_ids(self.ids), intervention=self.intervention or None)

    def beginning(self, n_tokens: int) -> Run:
        """The first tokens by themselves. What happens at them is the same, since no token sees a later one: cells that are patched
        behind them are left out."""
        intervention = self.intervention
        if isinstance(intervention, Patch):
            intervention = replace(intervention, cells=frozenset(cell for cell in intervention.cells if cell[-1] < n_tokens))
        return Run(self.model, self.ids[:n_tokens], intervention)


def write_intervention(intervention: Intervention | None) -> str:
    """A short text of letters, digits, "-", "." and "_", fit for an address; "" for None. `read_intervention` reads it.

    off_h5.1-6.2_a3_f0_p_zero: heads 5.1 and 6.2, attention 3, feed-forward 0 and the position embedding, replaced by zero;
    patch_resid-pre_8.3.3_17.4.99: before block 8, position 3 from position 3 of the text with the ids 17, 4, 99.
    """
    if not intervention:
        return ""
    if isinstance(intervention, Patch):
        return "_".join(("patch", intervention.site.replace("_", "-"), _tuples(intervention.cells), _join(intervention.source)))
    parts = ["off"]
    parts += [f"h{_tuples(intervention.heads)}"] if intervention.heads else []
    parts += [f"a{_join(sorted(intervention.attention))}"] if intervention.attention else []
    parts += [f"f{_join(sorted(intervention.feed_forward))}"] if intervention.feed_forward else []
    parts += ["p"] if intervention.position_embedding else []
    parts += ["zero"] if intervention.replacement == "zero" else []
    return "_".join(parts)


_NUMBER = r"[0-9]{1,7}"
_LIST = rf"{_NUMBER}(?:\.{_NUMBER})*"
_PAIR = rf"{_NUMBER}\.{_NUMBER}"
_OFF = re.compile(
    rf"off(?:_h(?P<heads>{_PAIR}(?:-{_PAIR})*))?(?:_a(?P<attention>{_LIST}))?(?:_f(?P<feed_forward>{_LIST}))?(?P<p>_p)?(?P<zero>_zero)?"
)
_PATCH = re.compile(rf"patch_(?P<site>[a-z-]+)_(?P<cells>{_LIST}(?:-{_LIST})*)_(?P<source>{_LIST})")


def read_intervention(text: str) -> Intervention | None:
    """The intervention that `write_intervention` wrote. Raises InterventionError, a ValueError, for any other text."""
    if text == "":
        return None
    if found := _OFF.fullmatch(text):
        ablation = Ablation(
            heads=frozenset(_read_tuples(found["heads"])),  # type: ignore[arg-type]  # the pattern takes pairs alone
            attention=frozenset(_read_list(found["attention"])),
            feed_forward=frozenset(_read_list(found["feed_forward"])),
            position_embedding=found["p"] is not None,
            replacement="mean" if found["zero"] is None else "zero",
        )
        if ablation:
            return ablation
    elif found := _PATCH.fullmatch(text):
        site: Any = found["site"].replace("-", "_")
        return Patch(_read_list(found["source"]), frozenset(_read_tuples(found["cells"])), site)
    raise InterventionError(
        f"{text[:80]!r} describes no intervention; it looks like off_h5.1-6.2_f0 or patch_resid-pre_8.3.3_17.4.99."
    )


def _join(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))


def _tuples(tuples: Iterable[tuple[int, ...]]) -> str:
    return "-".join(_join(one) for one in sorted(tuples))


def _read_list(text: str | None) -> tuple[int, ...]:
    return tuple(map(int, text.split("."))) if text else ()


def _read_tuples(text: str | None) -> tuple[tuple[int, ...], ...]:
    return tuple(_read_list(one) for one in text.split("-")) if text else ()


def _set(instance: object, **values: object) -> None:
    """Write fields of a frozen dataclass while it is being made."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def _several(values: Any, name: str) -> Sequence[Any]:
    try:
        return tuple(values)
    except TypeError as error:
        raise InterventionError(f"{name} is {values!r}; give several, as a set or a list.") from error


def _indices(values: Any, names: tuple[str, ...], field_name: str) -> Any:
    """A tuple of whole numbers, one for each name."""
    found = _several(values, field_name)
    if len(found) != len(names):
        raise InterventionError(f"{field_name} has {values!r}; each is ({', '.join(names)}), which are {len(names)} numbers.")
    return tuple(_whole(value, f"{field_name}: {name}") for value, name in zip(found, names, strict=True))


def _whole(value: Any, name: str) -> int:
    number = whole(value)
    if number is None or number < 0:
        raise InterventionError(f"{name} is {value!r:.80}; it must be a whole number from 0 on.")
    return number


def _below(value: int, count: int, name: str, counted: str) -> None:
    if value >= count:
        raise OutOfRangeError(f"{name} is {value}; there are {count:,} {counted}, so give a number from 0 to {count - 1}.")
