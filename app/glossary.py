"""The words of the field that the pages use, each explained once. Texts are markdown of our own."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import quote

GLOSSARY: dict[str, str] = {
    "token": "A piece of text that the model treats as one unit: a word, a part of a word, a sign, sometimes part of one character.",
    "token id": "The number of a token in the vocabulary. The model sees only these numbers.",
    "vocabulary": "All tokens that the model knows. It gives every one of them a probability at every step.",
    "byte-pair encoding": "How text is cut into tokens: begin with single bytes, and join the pair of neighbours that was learned first, "
    "again and again, until no learned pair is left. Abbreviated BPE.",
    "pre-split": "The first cut of a text, by a fixed rule: into words, numbers, other signs and white space, each with the space before "
    "it. No token reaches across such a cut.",
    "merge": "A pair of neighbouring parts that byte-pair encoding learned to join. Its rank says how early: the lower, the earlier.",
    "context length": "The most tokens that the model can look at in one pass.",
    "prompt": "The text that the model is asked to continue.",
    "embedding": "The row of numbers by which a token, or a position, enters the model.",
    "cosine": "How nearly two rows of numbers point in the same direction, whatever their lengths: 1 the same, 0 at right angles, "
    "−1 opposite.",
    "residual stream": "The row of numbers that belongs to one position and runs through all blocks. Every part of a block reads it and "
    "adds to it; nothing else is ever written to it.",
    "shortcut connection": "The way past a part of the network: its input is added to its output. Also called skip or residual connection.",
    "transformer block": "LayerNorm, attention, shortcut, LayerNorm, feed-forward, shortcut. GPT-2 is a stack of them.",
    "layer": "One transformer block of the stack; counted from 0.",
    "attention": "How a position takes in the positions before it and itself: a weighted mean of their values, where the weights "
    "come from how well its query matches their keys.",
    "attention head": "One of several attentions that run side by side in a layer, each with its own queries, keys and values.",
    "query": "What a position asks for. Compared with every key.",
    "key": "What a position offers to be found by.",
    "value": "What a position passes on to the positions that attend to it.",
    "causal mask": "The rule that a position sees itself and what came before, never what comes after. Set before the softmax: "
    "scores of later positions become minus infinity, so that their weight is exactly 0.",
    "attention sink": "A position, nearly always the first, that many heads give most of their weight when no other token matters to them. "
    "The weights must sum to 1, so the unneeded weight is put where it does little.",
    "LayerNorm": "Layer normalisation: shift one position's numbers to mean 0 and scale them to variance 1, then apply a learned scale "
    "and shift. Each position by itself.",
    "BatchNorm": "Batch normalisation: the same, but over the rows of a batch, for each feature. It has nothing to go by when the batch "
    "is one row.",
    "feed-forward network": "The second part of a block: expand each position's numbers to four times as many, apply GELU to each, project "
    "them back. Also called MLP, multi-layer perceptron.",
    "GELU": "Gaussian error linear unit: a smooth activation function that lets large numbers through, silences very negative ones, and lets small "
    "negative ones through a little. GPT-2 uses its tanh form.",
    "ReLU": "Rectified linear unit: negative numbers become 0, others stay.",
    "SiLU": "Sigmoid linear unit, also called Swish: a number times its sigmoid, x / (1 + e⁻ˣ). Smooth, much like GELU.",
    "SwiGLU": "Swish-gated linear unit: SiLU of one number times a second number, where two linear layers give the two. Many models "
    "since GPT-3 use it; GPT-2 does not.",
    "neuron": "One of the expanded numbers inside a feed-forward network.",
    "dropout": "In training, some numbers are set to 0 at random, so that the model does not rely on any one. Off when text is written.",
    "logit": "The number that the model gives a token before softmax: larger means more likely; only differences matter.",
    "softmax": "Turns logits into probabilities: the exponential of each, divided by the sum of all.",
    "probability": "How likely the model holds a token to be the next: between 0 and 1, all together 1.",
    "temperature": "Logits are divided by it before softmax. Below 1 the likely tokens gain, above 1 the unlikely ones; 0 always takes the best.",
    "top-k": "Only the k most likely tokens stay in the draw.",
    "top-p": "Only the smallest set of most likely tokens whose probabilities together reach p stays in the draw. Also called nucleus sampling.",
    "min-p": "Only tokens at least a given share as likely as the best one stay in the draw.",
    "greedy": "Always take the most likely token. No chance is involved.",
    "seed": "A number from which the random numbers of a run are computed. The same seed gives the same text.",
    "entropy": "How uncertain a choice is, in bits. 1 bit: as uncertain as a coin; 3 bits: as a choice among 8 equally likely tokens.",
    "end of text": "A token of its own, <|endoftext|>, that stood between two texts in training. When the model chooses it, the text is "
    "over; a new text begins after it.",
    "autoregressive": "Writing one token at a time, each from all before it.",
    "K/V cache": "The keys and values of all earlier positions, kept, so that a new token costs one position of work. Queries are not kept: "
    "they are used once.",
    "logit lens": "Reading the residual stream between two layers as if it were the last: final LayerNorm, then the output head.",
    "output head": "The last matrix: one dot product with every token's row gives the logits. In GPT-2 it is the token embedding itself.",
    "weight tying": "The token embedding and the output head are one and the same matrix.",
    "parameter": "One number that training sets. GPT-2 small has 124 million.",
    "surprise": "Minus the logarithm to base 2 of the probability that the model gave the real token, in bits.",
    "induction head": "An attention head that finds where the present token stood before and attends to what came after it there.",
    "FLOP": "Floating-point operation: one multiplication or addition of two numbers.",
    "float32, float16, int8": "How a number is stored: in 32 bits (4 bytes, some seven digits), in 16 bits (2 bytes, some three digits), "
    "or as a whole number from −128 to 127 in 8 bits (1 byte). Fewer bits take less memory and keep less of the number.",
    "V100": "A graphics card made for computing, by NVIDIA, 2017, with 16 or 32 GB of memory. GPT-3 was trained on many of them.",
    "MB and MiB": "A megabyte (MB) is 10⁶ = 1,000,000 bytes, a mebibyte (MiB) 2²⁰ = 1,048,576. Programs often count the second and "
    "write the first.",
    "optimiser": "The rule by which training changes the parameters. The usual one, Adam, keeps two more numbers for each parameter: "
    "a running mean of its gradient and of the gradient's square.",
    "gradient": "For each parameter, how much the error would grow if the parameter grew a little. Training steps the other way.",
    "training": "Changing a model's parameters so that it predicts a text better: predict, measure the loss, take a small step against its "
    "gradient, again and again.",
    "loss": "What training makes smaller: minus the natural logarithm of the probability that the model gave the token that really came, "
    "in nats; over many tokens, the mean.",
    "nat": "The unit of a loss with the natural logarithm. 1 nat is 1.44 bits.",
    "held-out text": "Text that the model is not trained on. Only the loss on it says whether what was learned holds for other text too.",
    "overfitting": "Learning one's own text by heart: the loss on it goes on falling while the loss on held-out text rises.",
    "learning rate": "How far training steps along the gradient. Too small and it learns slowly, too large and it jumps about.",
    "checkpoint": "The parameters of a model as they were after some step of its training.",
    "activations": "The numbers that a forward pass computes on its way. Training keeps them until the gradients are done.",
    "ablation": "Switching a part of the model off and letting the rest run on: what is then missing is what the part did.",
    "direct share": "What a part adds to a logit by itself, with everything else held as it is. All direct shares add up to the logit. "
    "Also called direct logit attribution.",
    "logit difference": "The logit of one token minus that of another. Softmax sees nothing but differences of logits.",
    "divergence": "How far one distribution is from another, in bits: 0 where they are the same. Also called Kullback–Leibler divergence.",
    "activation patching": "Taking a cell of the computation, one layer at one position, from what the model does with another text, and "
    "letting the rest run on: what then comes over, the cell has carried.",
    "causal cone": "What a change can reach: the layers above it, at its position and at later ones.",
    "beam search": "Looking for a likely text: several are kept, each is gone on with by its likeliest tokens, and the best of all "
    "these are kept again.",
    "vector": "A row of numbers. Each position of the residual stream holds one, as long as the model is wide.",
    "dimension": "One place in a vector: a vector of 288 numbers has 288 dimensions, counted from 0.",
    "matrix": "A table of numbers. Multiplying a vector by it gives a new vector, each number of which is a dot product "
    "with one row.",
    "weight": "A number of a matrix, set by training. In attention, the word also stands for the share that a query "
    "gives to a key.",
    "bias": "A number that is added after multiplying by a matrix, one for each dimension of the result; set by "
    "training like the weights.",
    "dot product": "Two vectors multiplied place by place and added up: large where they point in the same direction "
    "and are long.",
    "norm": "The length of a vector: the root of the sum of its squared numbers.",
    "mean": "The sum of some numbers divided by how many there are.",
    "variance": "How widely numbers are spread around their mean: the mean of the squared distances from it.",
    "standard deviation": "The root of the variance: a typical distance from the mean, in the unit of the numbers themselves.",
    "distribution": "The probabilities of all tokens together; they sum to 1. Also: how often each value occurs among "
    "some numbers.",
    "rank": "The place of a token when all are ordered by probability; rank 1 is the likeliest. Of a merge: how early "
    "it was learned.",
    "position": "The place of a token in the text, counted from 0.",
    "top prediction": "The token with the largest probability.",
    "model": "The network with its parameters, here a GPT-2: what turns token ids into logits. Also the file that holds "
    "the parameters.",
    "Storyteller": "The small model that comes with this app: GPT-2's architecture with 12 layers, trained from "
    "scratch on old children's books. It needs no download.",
    "sampling": "Drawing the next token by chance, each with its probability, after temperature and cuts.",
    "random number": "A number between 0 and 1, here computed from the seed and the position, that decides which token is drawn.",
    "batch": "Several inputs that go through a network together. When one text is written, the batch has one row.",
    "epsilon": "A very small number, ε, that keeps LayerNorm from dividing by 0.",
    "activation function": "A function that is applied to each number by itself, such as GELU or ReLU. Without one, "
    "layers in a row would be one linear layer.",
    "sigmoid": "A function that turns any number into one between 0 and 1: 1 / (1 + e⁻ˣ).",
    "tanh": "Hyperbolic tangent, a function that turns any number into one between −1 and 1.",
    "principal component analysis": "A way to draw long vectors in two dimensions: along the two directions in which "
    "they differ most. Abbreviated PCA.",
    "quantisation": "Storing numbers in fewer bits, such as 8, with a scale that brings them back roughly.",
    "GPT-2": "The model that OpenAI published in 2019, in four sizes from 124 million to 1.5 billion parameters. GPT "
    "stands for generative pre-trained transformer.",
    "GPT-3": "OpenAI's model of 2020 with 175 billion parameters; its weights were never published.",
    "bit": "The unit of information: one bit is what a fair coin toss tells.",
}

ENTRY = "glossary?find="  # begins the address of an entry

# Known to whoever has come to the second chapter, or words of every day that a text need not mean in the field's sense.
_PLAIN = {"token", "prompt", "model", "position", "layer", "bit", "probability", "mean", "value", "key", "query", "GPT-2", "rank"}


def named_in(text: str) -> list[str]:
    """The entries that a text names, in the order in which it first does; a longer name comes before one that is part of it."""
    found = (_names()[match.group(1).lower()] for match in _pattern().finditer(text))
    return list(dict.fromkeys(found))


def with_meanings(text: str) -> str:
    """Markdown in which each word of the glossary is a link to its entry where the text first uses it, with its meaning as the title.

    What is set as code or as a formula, and what is a link already, stays as it is.
    """
    used: set[str] = set()

    def marked(match: re.Match[str]) -> str:
        said = match.group()
        name = _names().get((match.group(1) or "").lower())
        if name is None or name in used:
            return said
        used.add(name)
        meaning = re.sub(r'([\\"&<])', r"\\\1", GLOSSARY[name])  # as Markdown takes it between quotes
        return f'[{said}]({ENTRY}{quote(name, safe="")} "{meaning}")'

    return _in_markdown().sub(marked, text)


@cache
def _names() -> dict[str, str]:
    """How an entry may be named, in small letters -> the entry."""
    entries = [name for name in GLOSSARY if name not in _PLAIN]
    named = {part.lower(): name for name in entries for part in name.split(", ")}
    return {**named, "mib": "MB and MiB", "feed-forward": "feed-forward network", "kullback–leibler": "divergence"}


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_names(), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})s?(?![\w-])", re.IGNORECASE)


@cache
def _in_markdown() -> re.Pattern[str]:
    """A word as group 1, or what may hold words that are none: code, a formula, a link, a sign that stands for itself."""
    passed = r"(?P<ticks>`+).+?(?P=ticks)|\$[^$]+\$|\[[^\]]*\]\([^)]*\)|\\."
    return re.compile(f"{_pattern().pattern}|{passed}", re.IGNORECASE | re.DOTALL)
