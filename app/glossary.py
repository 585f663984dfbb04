"""The words of the field that the pages use, each explained once. Texts are markdown of our own."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import quote

GLOSSARY: dict[str, str] = {
    "token": "A piece of text that the model treats as one unit: a word, a part of a word, a sign, sometimes part of one "
    "character.",
    "token id": "The number that stands for a token: its place in the list of all tokens. The model sees only these numbers.",
    "vocabulary": "All tokens that the model knows. It gives every one of them a probability at every step.",
    "byte-pair encoding": "How text is cut into tokens: begin with single bytes, and join the pair of neighbours that was "
    "learned first, again and again, until no learned pair is left. Abbreviated BPE.",
    "pre-split": "The first cut of a text, by a fixed rule: into words, numbers, other signs and white space, each with the "
    "space before it. No token reaches across such a cut.",
    "merge": "Two neighbouring parts of a word that are joined into one when a text is cut into tokens. Which pairs are "
    "joined was learned from texts. Its rank says how early: the lower, the earlier.",
    "context length": "The most tokens that the model can look at in one pass.",
    "prompt": "The text that the model is asked to continue.",
    "embedding": "The row of numbers, always the same one, that is looked up for a token when it enters the model. Each "
    "position has one, too, and the two are added.",
    "cosine": "How nearly two rows of numbers point in the same direction, whatever their lengths: 1 the same, 0 at right "
    "angles, −1 opposite.",
    "residual stream": "The row of numbers that belongs to one token and is carried from layer to layer. Every part of a "
    "block reads it and adds to it; nothing else is ever written to it.",
    "shortcut connection": "The way past a part of the model: its input is added to its output. Also called skip or "
    "residual connection.",
    "transformer block": "One floor of the model: it lets each token look at the earlier ones, and then works on each token "
    "by itself. In order: LayerNorm, attention, shortcut, LayerNorm, feed-forward, shortcut. GPT-2 is a stack of such "
    "blocks.",
    "layer": "One floor of the model, which has many, one on top of the other; counted from 0. Each layer is a transformer "
    "block.",
    "attention": "How the model looks back: each token collects information from the tokens before it, more from some than "
    "from others. In numbers: a weighted mean of their values, where the weights come from how well its query matches their "
    "keys.",
    "attention head": "One of several units in a layer that look back over the text side by side, each for something else. "
    "Head for short. Each has its own queries, keys and values.",
    "query": "A row of numbers that says what a token is looking for in the text before it. It is compared with every key.",
    "key": "A row of numbers by which a token can be found by later tokens. The better it matches a query, the more weight "
    "the token gets.",
    "value": "A row of numbers with what a token passes on to later tokens that look at it.",
    "causal mask": "The rule that a token sees itself and what came before, never what comes after. It is set before the "
    "softmax: scores of later positions become minus infinity, so that their weight is exactly 0.",
    "attention sink": "A token, nearly always the first, that the model looks at when there is nothing to look for. The "
    "weights of a head must sum to 1, so the weight that is not needed is put where it does little.",
    "LayerNorm": "Brings the numbers of one token to a common size: their mean becomes 0 and their typical distance from it "
    "1. Then a learned scale and shift are applied. Each position by itself. Short for layer normalisation.",
    "BatchNorm": "Brings numbers to a common size by their mean over many inputs at once, for each place in the row. "
    "LayerNorm takes each input by itself instead. BatchNorm has nothing to go by when the batch is one row. Short for "
    "batch normalisation.",
    "feed-forward network": "The part of a block that works on each token by itself, after the tokens have looked at each "
    "other. It expands each position's numbers to four times as many, applies GELU to each, and projects them back. Also "
    "called MLP, multi-layer perceptron.",
    "GELU": "A smooth curve that lets large numbers through, turns very negative ones into 0, and lets small negative ones "
    "through a little. It is GPT-2's activation function, in its tanh form. Short for Gaussian error linear unit.",
    "ReLU": "Negative numbers become 0, others stay. Short for rectified linear unit.",
    "SiLU": "A smooth curve that lets large numbers through and turns very negative ones into 0. It is x / (1 + e⁻ˣ), a "
    "number times its sigmoid. Also called Swish. Short for Sigmoid linear unit.",
    "SwiGLU": "One number decides, as a gate, how much of another goes through. It is SiLU of the first times the second, "
    "where two linear layers give the two. Short for Swish-gated linear unit; many models since GPT-3 use it, GPT-2 does "
    "not.",
    "neuron": "One of the many numbers that are computed for a token in the middle of a layer. There is one for each of the "
    "expanded numbers of the feed-forward network.",
    "dropout": "While the model learns, some numbers are set to 0 at random, so that it does not rely on any one. Off when "
    "text is written.",
    "logit": "The score that the model gives a token: the higher, the likelier it comes next. Only differences matter; "
    "softmax turns them into probabilities.",
    "softmax": "Turns scores into shares that sum to 1: the larger a score, the larger its share. In numbers: the "
    "exponential of each, divided by the sum of all.",
    "probability": "How likely the model holds a token to be the next: between 0 and 1, all together 1.",
    "temperature": "How daring the draw of the next token is: below 1 the likely tokens gain, above 1 the unlikely ones; 0 "
    "always takes the likeliest. The logits are divided by it before softmax.",
    "top-k": "Only the k most likely tokens stay in the draw.",
    "top-p": "Only the likeliest tokens stay in the draw, as few as together reach the probability p. Also called nucleus "
    "sampling.",
    "min-p": "Only tokens at least a given share as likely as the best one stay in the draw.",
    "greedy": "Always take the most likely token. No chance is involved.",
    "seed": "A number that fixes all chance in a run. The same seed gives the same text.",
    "entropy": "How uncertain a choice is, in bits. 1 bit: as uncertain as a coin; 3 bits: as a choice among 8 equally "
    "likely tokens.",
    "end of text": "A token of its own, <|endoftext|>, that stands between two texts. When the model chooses it, the text "
    "is over; a new text begins after it.",
    "autoregressive": "Writing one token at a time, each from all before it.",
    "K/V cache": "A store of what was computed for the earlier tokens, so that a new token costs one position of work. It "
    "keeps the keys and values of all earlier positions. Queries are not kept: they are used once.",
    "logit lens": "Asking the model for its next word before it has finished, after each layer. The residual stream between "
    "two layers is read as if it were the last: final LayerNorm, then the output head.",
    "output head": "The last step: it compares the result with every token and gives each a score. One dot product with "
    "every token's row gives the logits. In GPT-2 this matrix is the token embedding itself.",
    "weight tying": "The same table is used twice: to look tokens up at the start, and to score them at the end. So token "
    "embedding and output head are one matrix.",
    "parameter": "One of the model's numbers that were learned from texts. GPT-2 small has 124 million.",
    "surprise": "1 bit is the surprise of a coin toss, 10 bits that of calling ten tosses right. In numbers: minus the "
    "logarithm to base 2 of the probability that the model gave the token that came.",
    "induction head": "It finds where the present token stood before, and looks at what came after it there. One kind of "
    "attention head.",
    "FLOP": "Floating-point operation: one multiplication or addition of two numbers.",
    "float32, float16, int8": "How a number is stored: in 32 bits (4 bytes, some seven digits), in 16 bits (2 bytes, some "
    "three digits), or as a whole number from −128 to 127 in 8 bits (1 byte). Fewer bits take less memory and keep less of "
    "the number.",
    "V100": "A graphics card made for computing, by NVIDIA, 2017, with 16 or 32 GB of memory. GPT-3 was trained on many of them.",
    "MB and MiB": "A megabyte (MB) is 10⁶ = 1,000,000 bytes, a mebibyte (MiB) 2²⁰ = 1,048,576. Programs often count the "
    "second and write the first.",
    "optimiser": "The rule by which the model's numbers are changed while it learns. The usual one, Adam, keeps two more "
    "numbers for each parameter: a running mean of its gradient and of the gradient's square.",
    "gradient": "For each of the model's numbers, how much the error would grow if that number grew a little. Training "
    "steps the other way.",
    "training": "How a model learns: it predicts the next token of a text, the error is measured, and its numbers are "
    "changed a little so that the error shrinks, again and again. In the field's words: the loss is measured, and the "
    "parameters take a step against its gradient.",
    "loss": "How wrong the predictions are; learning makes it smaller. It is minus the natural logarithm of the probability "
    "that the model gave the token that really came, in nats; over many tokens, the mean.",
    "nat": "A unit of surprise, like the bit but larger: 1 nat is 1.44 bits. It goes with the natural logarithm, which a "
    "loss uses.",
    "held-out text": "Text that the model is not trained on. Only the loss on it says whether what was learned holds for "
    "other text too.",
    "overfitting": "Learning a text by heart and getting worse on any other. The loss on one's own text goes on falling "
    "while that on held-out text rises.",
    "learning rate": "How large the steps are in which a model learns. Too small and it learns slowly, too large and it "
    "jumps about.",
    "checkpoint": "A model as it was at some moment of its learning, saved. It holds all its parameters.",
    "activations": "The numbers that the model computes on its way, for the text at hand. Training keeps them until the "
    "gradients are done.",
    "ablation": "Switching a part of the model off and letting the rest run on: what is then missing is what the part did.",
    "direct share": "What one part of the model adds to a token's score by itself, with everything else held as it is. All "
    "direct shares add up to the logit. Also called direct logit attribution.",
    "logit difference": "How far one token's score is above another's. Softmax sees nothing but differences of logits.",
    "divergence": "How far two sets of predictions are apart, in bits: 0 where they are the same. Also called "
    "Kullback–Leibler divergence.",
    "activation patching": "Taking a cell of the computation, one layer at one position, from what the model does with "
    "another text, and letting the rest run on: what then comes over, the cell has carried.",
    "causal cone": "What a change can reach: the layers above it, at its position and at later ones.",
    "beam search": "Looking for a likely text: several are kept, each is gone on with by its likeliest tokens, and the best "
    "of all these are kept again.",
    "vector": "A row of numbers. Each position of the residual stream holds one, as long as the model is wide.",
    "dimension": "One place in a row of numbers: a row of 288 numbers has 288 dimensions, counted from 0.",
    "matrix": "A table of numbers. Multiplying a vector by it gives a new vector, each number of which is a dot product "
    "with one row.",
    "weight": "A share: how much one token looks at another, from nothing to all. Also a number of a matrix, set by training.",
    "bias": "A number that is added to a result, the same whatever went in. It comes after multiplying by a matrix, one for "
    "each dimension; set by training like the weights.",
    "dot product": "Two rows of numbers multiplied place by place and added up: large where they point in the same "
    "direction and are long.",
    "norm": "The length of a row of numbers, like that of an arrow: the root of the sum of the squared numbers.",
    "mean": "The sum of some numbers divided by how many there are.",
    "variance": "How widely numbers are spread around their mean: the mean of the squared distances from it.",
    "standard deviation": "A typical distance of some numbers from their mean, in the unit of the numbers themselves. It is "
    "the root of the variance.",
    "distribution": "The probabilities of all tokens together; they sum to 1. Also: how often each value occurs among some "
    "numbers.",
    "rank": "The place of a token when all are ordered by probability; rank 1 is the likeliest. Of a merge: how early it "
    "was learned.",
    "position": "The place of a token in the text, counted from 0.",
    "top prediction": "The token with the largest probability.",
    "model": "A program that predicts the next token of a text; its numbers were learned from texts. Here it is a GPT-2, "
    "which turns token ids into logits. Also the file that holds the parameters.",
    "language model": "A program that, given a text, says how likely each token is to come next. ChatGPT is one, and so is "
    "every model here.",
    "Storyteller": "The small model that comes with this app: GPT-2's architecture with 12 layers, trained from scratch on "
    "old children's books. It needs no download.",
    "sampling": "Drawing the next token by chance, each with its probability. Temperature and cuts, such as top-k, change "
    "the probabilities before the draw.",
    "random number": "A number between 0 and 1 that decides which token is drawn. Here it is computed from the seed and the "
    "position.",
    "batch": "Several inputs that go through a network together. When one text is written, the batch has one row.",
    "epsilon": "A very small number, ε, that is added so that nothing is divided by 0. LayerNorm has one.",
    "activation function": "A curve that is applied to each number by itself. GELU and ReLU are two. Without one, layers in "
    "a row would be one linear layer.",
    "sigmoid": "A function that turns any number into one between 0 and 1: 1 / (1 + e⁻ˣ).",
    "tanh": "Hyperbolic tangent, a function that turns any number into one between −1 and 1.",
    "principal component analysis": "A way to draw long rows of numbers as points on paper: along the two directions in "
    "which they differ most. Abbreviated PCA.",
    "quantisation": "Storing numbers in fewer bits, such as 8, with a scale that brings them back roughly.",
    "GPT-2": "The model that OpenAI published in 2019, an early relative of ChatGPT. It has four sizes, from 124 million to "
    "1.5 billion parameters. GPT stands for generative pre-trained transformer.",
    "GPT-3": "OpenAI's model of 2020, a hundred times as large as the largest GPT-2. It has 175 billion parameters; its "
    "weights were never published.",
    "bit": "The unit of information: one bit is what a fair coin toss tells.",
}

ENTRY = "glossary?find="  # begins the address of an entry

# Known to whoever has come to the second chapter, or words of every day that a text need not mean in the field's sense.
_PLAIN = {"token", "prompt", "model", "position", "layer", "bit", "probability", "mean", "value", "GPT-2", "rank"}


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
    return {
        **named,
        "mib": "MB and MiB",
        "feed-forward": "feed-forward network",
        "kullback–leibler": "divergence",
        "head": "attention head",
    }


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_names(), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})s?(?![\w-])", re.IGNORECASE)


@cache
def _in_markdown() -> re.Pattern[str]:
    """A word as group 1, or what may hold words that are none: code, a formula, a link, a sign that stands for itself."""
    passed = r"(?P<ticks>`+).+?(?P=ticks)|\$[^$]+\$|\[[^\]]*\]\([^)]*\)|\\."
    return re.compile(f"{_pattern().pattern}|{passed}", re.IGNORECASE | re.DOTALL)
