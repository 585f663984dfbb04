"""The survey of heads: heads that are built to do one thing are found doing it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

from gptcore.checkpoints import LanguageModel
from gptcore.config import GPTConfig
from gptcore.errors import SequenceLengthError
from gptcore.head_survey import KINDS, SENTENCES, repeated_ids, survey
from gptcore.model import GPTModel


def test_the_text_says_its_sentence_twice(tiny_model: LanguageModel, gpt2_tokenizer) -> None:
    ids = repeated_ids(tiny_model)
    assert len(ids) == tiny_model.config.context_length and ids[:32] == ids[32:]
    for sentence in SENTENCES:  # in GPT-2's tokens nearly every token of a sentence tells its place
        half = gpt2_tokenizer.encode(sentence)
        assert sum(half.count(i) == 1 for i in half) >= 0.8 * len(half)


def test_the_scores_are_means_of_the_weights_that_transformers_gives(tiny_model: LanguageModel, tiny_folder) -> None:
    found = survey(tiny_model)
    peer = GPT2LMHeadModel.from_pretrained(tiny_folder, dtype=torch.float32, attn_implementation="eager").eval()
    seen: dict[str, list] = {kind: [] for kind in KINDS}
    for sentence in SENTENCES:
        ids = repeated_ids(tiny_model, sentence)
        half = len(ids) // 2
        with torch.inference_mode():
            maps = np.array([layer[0].numpy() for layer in peer(torch.tensor([ids]), output_attentions=True).attentions])
        for q in range(half, 2 * half):
            if ids[half:].count(ids[q]) == 1:
                for kind, key in {"previous": q - 1, "same": q - half, "induction": q - half + 1, "first": 0}.items():
                    seen[kind].append(maps[:, :, q, key])
    for kind in KINDS:
        assert len(seen[kind]) > 10
        assert np.allclose(getattr(found, kind), np.mean(seen[kind], axis=0), atol=1e-6)


def test_a_head_that_is_made_to_look_back_one_token_is_the_best_of_its_kind(tiny_model: LanguageModel) -> None:
    """Two dimensions tell the position as an angle; the query turns it back by one step, so that it meets the key of the token before."""
    config = GPTConfig(290, 64, 32, 4, 2, 0.0, True)
    torch.manual_seed(0)
    model = GPTModel(config)
    with torch.no_grad():
        model.token_embedding.weight.mul_(0.01)
        model.position_embedding.weight.zero_()
        turn = torch.arange(64) * 2 * torch.pi / 64
        model.position_embedding.weight[:, 0], model.position_embedding.weight[:, 1] = turn.cos(), turn.sin()
        qkv = model.blocks[0].attention.qkv
        qkv.weight.zero_()
        step = torch.tensor(2 * torch.pi / 64)
        head = 2 * config.head_dim  # the third head's first row
        qkv.weight[head, :2] = 200 * torch.stack([step.cos(), step.sin()])
        qkv.weight[head + 1, :2] = 200 * torch.stack([-step.sin(), step.cos()])
        qkv.weight[32 + head, 0] = qkv.weight[32 + head + 1, 1] = 1.0
    found = survey(LanguageModel("made", model, tiny_model.tokenizer))
    assert found.best("previous")[:2] == (0, 2)
    assert found.best("previous")[2] > 0.9
    assert found.previous[0, 0] < 3 * found.chance


def test_a_context_too_short_to_repeat_anything_says_so(tiny_model: LanguageModel) -> None:
    short = LanguageModel("short", GPTModel(GPTConfig(290, 3, 16, 2, 1, 0.0, True)), tiny_model.tokenizer)
    with pytest.raises(SequenceLengthError, match="context length is 3"):
        survey(short)
