"""GPT-2 from scratch, in the order in which it is explained.

Read from top to bottom: a normalisation, a bent line, two small networks, the block that joins them, the model.

Architecture: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"
(https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf);
attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; LayerNorm: Ba et al. 2016, https://arxiv.org/abs/1607.06450;
GELU: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415; shortcuts: He et al. 2015, https://arxiv.org/abs/1512.03385.

Shapes in comments: B sequences in the batch, N new tokens, T all tokens so far (cached ones included), E = emb_dim,
H = n_heads, D = head_dim = E / H, V = vocab_size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from gptcore.config import GPTConfig
from gptcore.errors import SequenceLengthError


class LayerNorm(nn.Module):
    """Shift each token's vector to mean 0 and scale it to variance 1, then apply a learned scale and shift.

    The variance divides by E (biased), and eps keeps the root away from zero: so the variance afterwards is
    var / (var + eps), not exactly 1. (Ba et al. 2016, section 3.)
    """

    eps = 1e-5

    def __init__(self, emb_dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(emb_dim))
        self.shift = nn.Parameter(torch.zeros(emb_dim))

    def forward(self, x: Float[Tensor, "... emb_dim"]) -> Float[Tensor, "... emb_dim"]:
        _, _, normalized = self.step_by_step(x)
        return torch.addcmul(self.shift, normalized, self.scale)  # shift + normalized * scale

    def step_by_step(self, x: Float[Tensor, "... emb_dim"]) -> tuple[Tensor, Tensor, Tensor]:
        """Mean [..., 1], variance [..., 1] and the numbers shifted and scaled by them, [..., E].

        The variance is written out: torch.var_mean takes twenty times as long for a thousand tokens.
        """
        mean = x.mean(dim=-1, keepdim=True)
        centred = x - mean
        var = centred.square().mean(dim=-1, keepdim=True)
        return mean, var, centred * torch.rsqrt(var + self.eps)


class GELU(nn.Module):
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): the tanh form, which GPT-2 was trained with.

    (Hendrycks and Gimpel 2016, section 2.) One fused kernel computes it; `gptcore.lessons.gelu_tanh` writes it out, and a test
    holds the two together.
    """

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return F.gelu(x, approximate="tanh")


class FeedForward(nn.Module):
    """Widen each token's vector to four times its width, bend it, narrow it again; every token by itself."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.widen = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.gelu = GELU()
        self.narrow = nn.Linear(4 * config.emb_dim, config.emb_dim)

    def forward(self, x: Float[Tensor, "... emb_dim"]) -> Float[Tensor, "... emb_dim"]:
        return self.narrow(self.gelu(self.widen(x)))


@runtime_checkable  # so that the shape checks of the tests can look at it
class LayerCache(Protocol):
    """Where one layer's keys and values of earlier tokens are kept. The queries are not needed again."""

    def extend(
        self, k: Float[Tensor, "batch n_heads new head_dim"], v: Float[Tensor, "batch n_heads new head_dim"]
    ) -> tuple[Float[Tensor, "batch n_heads all head_dim"], Float[Tensor, "batch n_heads all head_dim"]]:
        """Keep the new keys and values behind the earlier ones; return all of them."""
        ...


class MultiHeadAttention(nn.Module):
    """Each token asks (query), each earlier token and itself offers (key), and is read in proportion to the match (value).

    Causal, scaled by sqrt(head_dim), with dropout on the attention weights. (Vaswani et al. 2017, section 3.2.)
    """

    # softmax(q k^T / sqrt(D)) v; training may put another of its kernels in its place.
    attend = staticmethod(F.scaled_dot_product_attention)

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_heads, self.head_dim = config.n_heads, config.head_dim
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim, bias=config.qkv_bias)  # W_q, W_k, W_v side by side
        self.out_proj = nn.Linear(config.emb_dim, config.emb_dim)
        self.drop_rate = config.drop_rate

    def queries_keys_values(self, x: Float[Tensor, "batch new emb_dim"]) -> tuple[Tensor, Tensor, Tensor]:
        """x [B, N, E] -> q, k, v, each [B, H, N, D]."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.n_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def queries(self, x: Float[Tensor, "... emb_dim"]) -> Float[Tensor, "... n_heads head_dim"]:
        """The queries alone, a third of the work, for one who has the keys and values: x [..., E] -> q [..., H, D]."""
        weight, bias = self.qkv.weight.chunk(3)[0], None if self.qkv.bias is None else self.qkv.bias.chunk(3)[0]
        return F.linear(x, weight, bias).unflatten(-1, (self.n_heads, self.head_dim))

    def forward(
        self, x: Float[Tensor, "batch new emb_dim"], cache: LayerCache | None = None
    ) -> Float[Tensor, "batch new emb_dim"]:
        return self.project(self.context(x, cache))

    def context(
        self, x: Float[Tensor, "batch new emb_dim"], cache: LayerCache | None = None
    ) -> Float[Tensor, "batch n_heads new head_dim"]:
        """Each head's context vectors: the values, weighted with what the queries find."""
        q, k, v = self.queries_keys_values(x)  # [B, H, N, D]
        if cache is not None:
            k, v = cache.extend(k, v)  # [B, H, T, D]
        n_new, n_all = q.shape[-2], k.shape[-2]
        # One new token may look at everything there is; several that start at zero make the usual triangle; several behind a
        # cached prefix make a triangle that starts n_all - n_new further right.
        mask = None
        if 1 < n_new < n_all:
            mask = causal_mask(n_new, n_all, device=q.device)
        return self.attend(
            q, k, v, attn_mask=mask, is_causal=n_new == n_all and n_new > 1, dropout_p=self.drop_rate if self.training else 0.0
        )

    def project(self, z: Float[Tensor, "... n_heads new head_dim"]) -> Float[Tensor, "... new emb_dim"]:
        """Heads side by side again, [..., N, E], and through the output projection."""
        return self.out_proj(z.transpose(-3, -2).flatten(-2))


def causal_mask(n_new: int, n_all: int, device: torch.device | None = None) -> Tensor:
    """Boolean [n_new, n_all], True where a query may look: at itself and at what came before it."""
    return torch.ones(n_new, n_all, dtype=torch.bool, device=device).tril(n_all - n_new)


class TransformerBlock(nn.Module):
    """LayerNorm comes first (pre-LayerNorm), and both parts only add to what passes by on the shortcut.

    resid_pre -> ln_1 -> attention -> + resid_pre = resid_mid -> ln_2 -> feed-forward -> + resid_mid = resid_post
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.emb_dim)
        self.attention = MultiHeadAttention(config)
        self.ln_2 = LayerNorm(config.emb_dim)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.drop_rate)

    def forward(
        self, resid_pre: Float[Tensor, "batch new emb_dim"], cache: LayerCache | None = None
    ) -> Float[Tensor, "batch new emb_dim"]:
        resid_mid = resid_pre + self.dropout(self.attention(self.ln_1(resid_pre), cache))
        return resid_mid + self.dropout(self.feed_forward(self.ln_2(resid_mid)))


class GPTModel(nn.Module):
    """Token ids in, one row of logits per position out.

    tied=True: the output head is the token embedding table itself (shared storage), as in OpenAI's weights.
    tied=False: a matrix of its own, as in the book's GPT_CONFIG_124M (163M parameters instead of 124M).
    """

    def __init__(self, config: GPTConfig, tied: bool = True) -> None:
        super().__init__()
        self.config, self.tied = config, tied
        self.token_embedding = nn.Embedding(config.vocab_size, config.emb_dim)
        self.position_embedding = nn.Embedding(config.context_length, config.emb_dim)
        self.dropout = nn.Dropout(config.drop_rate)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.n_layers))
        self.final_norm = LayerNorm(config.emb_dim)
        self.output_head = nn.Linear(config.emb_dim, config.vocab_size, bias=False)
        self._initialize()
        if tied:
            self.output_head.weight = self.token_embedding.weight

    def _initialize(self) -> None:
        """Normal(0, 0.02), biases zero, and the layers that write to the residual stream smaller by sqrt(2 * n_layers).

        (Radford et al. 2019, section 2.3.)
        """
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, (MultiHeadAttention, FeedForward)):
                writer = module.out_proj if isinstance(module, MultiHeadAttention) else module.narrow
                nn.init.normal_(writer.weight, std=0.02 / math.sqrt(2 * self.config.n_layers))

    @torch.no_grad()
    def lay_out_for_steps(self) -> GPTModel:
        """Keep the matrices that are at least as tall as wide transposed in memory; names, shapes and values stay as they are.

        A step of one token is a chain of matrix-vector products, bound by memory: with the longer side running fastest the output
        head, the largest of them, takes half the time. Published weights lie so already, but for the head.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear) and module.out_features >= module.in_features:
                module.weight.data = module.weight.data.t().contiguous().t()
        return self

    def embed(self, ids: Int[Tensor, "batch new"], start: int = 0) -> Float[Tensor, "batch new emb_dim"]:
        """Token row + position row; `start` is the position of the first of `ids`.

        Raises SequenceLengthError if there is no token or one would stand beyond the context length.
        """
        n_tokens = start + ids.shape[-1]
        check_length(n_tokens, self.config.context_length)
        positions = torch.arange(start, n_tokens, device=ids.device)
        return self.dropout(self.token_embedding(ids) + self.position_embedding(positions))

    def unembed(self, resid: Float[Tensor, "... emb_dim"]) -> Float[Tensor, "... vocab_size"]:
        """Final LayerNorm, then one dot product with every token's row: the logits."""
        return self.output_head(self.final_norm(resid))

    def forward(
        self, ids: Int[Tensor, "batch new"], caches: Sequence[LayerCache] | None = None, start: int = 0
    ) -> Float[Tensor, "batch new vocab_size"]:
        """ids [B, N] -> logits [B, N, V]; with `caches` (one a layer), ids are the tokens from position `start` on."""
        x = self.embed(ids, start)
        for layer, block in enumerate(self.blocks):
            x = block(x, caches[layer] if caches is not None else None)
        return self.unembed(x)


def check_length(n_tokens: int, context_length: int) -> None:
    """Raises SequenceLengthError, naming length and limit, unless 1 <= n_tokens <= context_length."""
    if n_tokens < 1:
        raise SequenceLengthError("There is no token to start from; the model needs at least 1.")
    if n_tokens > context_length:
        raise SequenceLengthError(
            f"{n_tokens:,} tokens are more than this model's context length of {context_length:,}; "
            f"shorten the text by {n_tokens - context_length:,}."
        )
