"""Go on from a trained model with another vocabulary: the body stays, every row of the embedding table is made from old rows."""

from __future__ import annotations

from dataclasses import replace

import torch

from gptcore.model import GPTModel
from gptcore.tokenizer import Tokenizer

_TABLES = ("token_embedding.weight", "output_head.weight")


@torch.no_grad()
def with_vocabulary(model: GPTModel, old: Tokenizer, new: Tokenizer) -> GPTModel:
    """A copy of the model for the new vocabulary. A token that the old one has keeps its row, any other begins as the mean of the
    rows of the old tokens that spell it. (Gee et al. 2022, https://aclanthology.org/2022.emnlp-industry.41)"""
    grown = GPTModel(replace(model.config, vocab_size=new.vocab_size), tied=model.tied)
    state = model.state_dict()
    known = {old.bytes_of(token_id): token_id for token_id in range(old.vocab_size)}
    spelled = [_spelled(new.bytes_of(token_id), old, known) for token_id in range(new.vocab_size)]
    for table in _TABLES:
        state[table] = torch.stack([state[table][list(pieces)].mean(0) for pieces in spelled])
    grown.load_state_dict(state)
    return grown


def _spelled(piece: bytes, old: Tokenizer, known: dict[bytes, int]) -> tuple[int, ...]:
    """The old tokens of one new token; of a part of a character, its bytes."""
    if piece in known:
        return (known[piece],)
    try:
        return old.encode_piece(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return tuple(known[bytes([byte])] for byte in piece)
