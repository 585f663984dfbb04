"""What makes two loaded models differ, as a short text: the same for the same content in every process."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from gptcore.model import GPTModel

if TYPE_CHECKING:
    from gptcore.tokenizer import Tokenizer

_DIGITS = 16  # hexadecimal: two of a billion models agree by chance once in forty


@torch.no_grad()
def fingerprint(model: GPTModel, tokenizer: Tokenizer) -> str:
    """16 hexadecimal digits of a SHA-256 over configuration, every weight, the bytes of every token and how the tokenizer is set.

    How a matrix lies in memory makes no difference; its numbers and their type do.
    """
    digest = hashlib.sha256(repr((model.config, model.tied)).encode())
    for name, parameter in model.named_parameters():
        weight = parameter.detach()
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        if weight.ndim == 2 and weight.shape[0] >= weight.shape[1]:
            weight = weight.t()  # as it lies in memory in a model that is laid out for steps
        for piece in weight.split(max(1, 2**24 // weight[0].nbytes) if weight.ndim > 1 else len(weight)):
            digest.update(piece.cpu().contiguous().view(torch.uint8).numpy().data)
    digest.update(repr((tokenizer.start_ids, tokenizer.end_ids, tokenizer.prefix_space, sorted(tokenizer.added_words))).encode())
    for token_id in range(model.config.vocab_size):
        piece_bytes = tokenizer.bytes_of(token_id)
        digest.update(len(piece_bytes).to_bytes(4, "big") + piece_bytes)
    return digest.hexdigest()[:_DIGITS]


def vocabulary_mark(tokenizer: Tokenizer) -> str:
    """6 hexadecimal digits that tell one vocabulary from another: of a SHA-256 over the bytes of every token, in order.

    Token ids mean something only together with it.
    """
    digest = hashlib.sha256()
    for token_id in range(tokenizer.vocab_size):
        piece = tokenizer.bytes_of(token_id)
        digest.update(len(piece).to_bytes(4, "big") + piece)
    return digest.hexdigest()[:6]
