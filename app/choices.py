"""Every choice that belongs to one page and that a link restores: its name in the address, its default, and what it may be.

Declared in one table, so that a link is understood before the page that it leads to runs, and no two choices share a name.
`state.choice` ties one to a widget. What a link says that is not allowed is junk, and junk means the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app import configurations, link_ids
from app.texts import TEXTS

Value = TypeVar("Value")
LONGEST_IN_LINK = 2000  # characters of a text


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """name: in the address; read: text of a link -> value, ValueError for junk; write: the other way; options: the words of which it
    is one, where it is a word."""

    name: str
    default: Value
    read: Callable[[str], Value]
    write: Callable[[Value], str]
    options: tuple[str, ...] = ()


Shown = tuple[tuple[Choice[Any], Any], ...]  # what to choose on a page, so that it shows one thing
ALL: dict[str, Choice[Any]] = {}


def _declared(choice: Choice[Value]) -> Choice[Value]:
    if choice.name in ALL:
        raise ValueError(f"Two choices are called {choice.name!r}; a link could not tell them apart.")
    ALL[choice.name] = choice
    return choice


def in_address(shown: Shown) -> dict[str, str]:
    """As the parameters of a link."""
    return {choice.name: choice.write(value) for choice, value in shown}


def fits(name: str, value: Any) -> bool:
    """Whether a link can carry this value of a choice: a text may be too long for it."""
    try:
        ALL[name].read(ALL[name].write(value))
    except ValueError:
        return False
    return True


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number from low to high; ValueError for anything else."""

    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def real(low: float, high: float, low_included: bool = True) -> Callable[[str], float]:
    """Reads a number from low to high; ValueError for anything else, not a number included."""

    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high or (value == low and not low_included):
            raise ValueError(text)
        return value

    return read


def exact(value: float) -> str:
    """A number as a link writes it: short where that is the same number, else with all its digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def short_text(longest: int) -> Callable[[str], str]:
    """Takes a text of at most `longest` characters; ValueError for more."""

    def read(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"{len(text)} characters")
        return text

    return read


def number_or_all(high: int) -> Callable[[str], int | None]:
    """Reads a whole number of at least 1, or `all` for no limit (None); ValueError for anything else."""
    return lambda text: None if text == "all" else whole(1, high)(text)


def written_or_all(value: int | None) -> str:
    """What `number_or_all` reads."""
    return "all" if value is None else str(value)


def understood(parameters: Mapping[str, str], readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """What a link says, by name; what it does not say, or says in junk, is left out."""
    found = {}
    for name in parameters.keys() & readers.keys():
        try:
            found[name] = readers[name](parameters[name])
        except ValueError:
            continue
    return found


def one_of(name: str, options: Sequence[str], default: str | None = None) -> Choice[str]:
    """One of a few words; the first is the default unless another is named."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return _declared(Choice(name, options[0] if default is None else default, read, str, tuple(options)))


def several_of(name: str, options: Sequence[str], default: Sequence[str]) -> Choice[list[str]]:
    """Any of a few words, in the address with dots between them."""

    def read(text: str) -> list[str]:
        found = text.split(".") if text else []
        if len(set(found)) < len(found) or not set(found) <= set(options):
            raise ValueError(text)
        return found

    return _declared(Choice(name, list(default), read, ".".join))


def switch(name: str, default: bool = False) -> Choice[bool]:
    """On or off: 1 or 0 in the address."""
    return _declared(Choice(name, default, lambda text: bool(whole(0, 1)(text)), lambda value: str(int(value))))


def count(name: str, low: int, high: int, default: int) -> Choice[int]:
    """A whole number."""
    return _declared(Choice(name, default, whole(low, high), str))


def amount(name: str, low: float, high: float, default: float) -> Choice[float]:
    """A number that need not be whole."""
    return _declared(Choice(name, float(default), real(low, high), exact))


def limit(name: str, high: int) -> Choice[int | None]:
    """A whole number of at least 1, or no limit at all: `all` in the address, and the default."""
    return _declared(Choice(name, None, number_or_all(high), written_or_all))


def text(name: str, default: str = "", *, longest: int) -> Choice[str]:
    """A text of the visitor's own."""
    return _declared(Choice(name, default, short_text(longest), str))


def numbers(name: str, low: float, high: float, default: Sequence[float]) -> Choice[tuple[float | None, ...]]:
    """As many numbers as the default has, in the address with _ between them, and nothing where one is missing (None)."""
    one = real(low, high)

    def read(text: str) -> tuple[float | None, ...]:
        found = tuple(one(part) if part else None for part in text.split("_"))
        if len(found) != len(default):
            raise ValueError(f"{len(found)} numbers")
        return found

    def write(values: Sequence[float | None]) -> str:
        return "_".join("" if value is None else f"{value:.6g}" for value in values)

    return _declared(Choice(name, tuple(default), read, write))


OPEN_FOLDS = several_of("open", ["maths", "checks", "words"], [])  # what is unfolded beside a beat's figure
LECTURE = switch("lecture")  # large type and one picture at a time, for a projector

WRITE_PART = one_of("write", ["guess", "choice", "steps"], "choice")  # who comes without a link begins with the guess
WRITE_STEP = count("write_step", 1, 7, 1)  # of the seven steps the one that is open

LAYER_NORM_PART = one_of("layer_norm", ["token", "outliers", "depth", "classroom", "stack"])
LAYER_NORM_SITE = one_of("site", ["ln_1", "ln_2", "final"])
LAYER_NORM_TOKENS = one_of("norm_tokens", ["focus", "all"])
# A student a line: maths, physics, history, art.
CLASSROOM_MARKS = numbers(
    "marks", 0, 100,
    (62, 71, 55, 80,
     91, 88, 76, 67,
     45, 52, 81, 74,
     78, 69, 64, 59,
     55, 60, 92, 88,
     83, 90, 58, 41),
)  # fmt: skip
CLASSROOM_STUDENTS = count("students", 1, 6, 6)
STACK_DEPTH = count("stack_depth", 5, 50, 30)
STACK_GAIN = amount("stack_gain", 0.5, 1.5, 1.2)
STACK_SEED = count("stack_seed", 0, 9999, 123)


def norm_site(name: str) -> Shown:
    """What to choose on the page of LayerNorm so that it shows this one."""
    return (LAYER_NORM_PART, "token"), (LAYER_NORM_SITE, name)


SAMPLING_PART = one_of("sampling", ["greedy", "settings", "choices", "draws", "stops", "end"], "settings")
SAMPLING_LOGITS = one_of("logits", ["live", "nine_words"])
# The first setting; the second is the one of the whole app.
FIRST_TEMPERATURE = amount("first_temperature", 0, 5, 1.0)
FIRST_TOP_K = limit("first_top_k", 10_000_000)
FIRST_TOP_P = amount("first_top_p", 0.001, 1, 1.0)
FIRST_MIN_P = amount("first_min_p", 0, 1, 0.0)
SAMPLING_DRAWS = one_of("draws", ["10", "100", "1000", "10000"], "1000")
# Of which text and settings the greedy text was asked for: for another, one asks again.
SAMPLING_WRITTEN = text("written", longest=16)

STOP = one_of("stop", ["count", "end_of_text", "context_length"])

FEED_FORWARD_PART = one_of("feed_forward", ["steps", "activations", "functions", "neurons"])
FUNCTIONS_OFFERED = ("gelu_tanh", "gelu_exact", "relu", "silu", "swiglu")
FUNCTIONS = several_of("functions", FUNCTIONS_OFFERED, ["gelu_tanh", "relu"])
FUNCTIONS_X = amount("functions_x", -4, 4, -0.75)  # GELU's lowest point
SWIGLU_INPUT = amount("swiglu_input", -2, 2, 0.5)

SHORTCUTS_PART = one_of("shortcuts", ["experiment", "difference", "model"])
GRADIENT_DEPTH = count("gradient_depth", 2, 64, 5)  # the defaults are the published experiment
GRADIENT_WIDTH = count("gradient_width", 1, 64, 3)
GRADIENT_BEND = one_of("gradient_bend", ["gelu_tanh", "gelu_exact", "relu", "silu", "tanh", "sigmoid"])
GRADIENT_SEED = count("gradient_seed", 0, 9999, 123)

BLOCK_PART = one_of("block", ["stations", "layers", "learned", "dropout"])
BLOCK_SCALE = one_of("block_scale", ["own", "one"])
DROPOUT = switch("dropout")
DROP_RATE = amount("drop_rate", 0, 0.9, 0.1)
DROPOUT_SEED = count("dropout_seed", 0, 9999, 1)

LENS_PART = one_of("lens", ["grid", "position", "stages"])
LENS_COLOUR = one_of("lens_colour", ["probability", "entropy", "rank", "divergence"])
LENS_INPUT = switch("lens_input")  # read before block 0, whatever the layer in focus is

ATTENTION_PART = one_of("attention", ["lookup", "closer", "head", "sink", "newest"])
ATTENTION_HEADS = one_of("heads", ["one", "mean", "largest"])
ATTENTION_STAGE = one_of("stage", ["scores", "scaled", "masked", "pattern", "read"], "pattern")
HIDE_FIRST = switch("hide_first")
JOIN_WORDS = switch("join_words")
ATTENTION_KEY = count("key", -1, 65536, -1)  # of the formula; -1: the one that is read most
ATTENTION_LOOK = one_of("look", ["row", "made", "entropy"])
ATTENTION_MADE = one_of("made", ["query", "key", "value"])

PARAMETERS_PART = one_of("parameters", ["where", "weights", "memory", "work", "configuration"])
PRESETS = ("loaded", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3", "124m")
PRESET = one_of("preset", PRESETS)
CONFIG: Choice[configurations.Configured | None] = _declared(Choice("config", None, configurations.read, configurations.write))
DIVIDED = one_of("divided", ["component", "block"])
WORK_DRAWN = one_of("work", ["each", "share"])
WEIGHTS_PLACE = one_of("place", ["block", "outside"])
WEIGHTS_TENSOR = text("tensor", "attention.qkv.weight", longest=60)

SCALE_PART = one_of("scale", ["sizes", "memory", "time"])
SCALE_QUANTITY = one_of("quantity", ["parameters", "layers", "width", "heads", "context", "cache", "work"])
SCALE_NUMBER = one_of("number", ["float32", "float16", "int8"], "float16")
SCALE_BATCH = one_of("batch", ["1", "2", "4", "8", "16", "32", "64"])
SCALE_APART = one_of("apart", PRESETS[:-1], "gpt2")
TERAFLOPS = amount("teraflops", 1, 100_000, 28)
CARDS = count("cards", 1, 1_000_000, 1)

CACHE_PART = one_of("kv_cache", ["kept", "work", "measured"])

LEARNING_PART = one_of("learning", ["recorded", "loss", "step", "live", "overfit", "copies"])
LEARNING_AT = count("checkpoint", 0, 23, 23)  # of the recorded run
LEARNING_HEAD = count("toy_head", 0, 63, 4)  # of all heads of the recorded run, layer by layer
LEARNING_STEP_AT = count("step_at", 0, 23, 12)
LEARNING_LETTER = count("letter", 1, 31, 18)  # of its first characters, the one that is predicted
LIVE_SOURCE = one_of("live_source", ["book", "own"])
LIVE_TEXT = text("live_text", longest=LONGEST_IN_LINK)
LIVE_DROPOUT = one_of("live_dropout", ["0", "0.1", "0.2", "0.3", "0.5"])
LIVE_RATE = one_of("live_rate", ["0.25", "0.5", "1", "2", "4"], "1")  # times the usual learning rate
LEARNING_RATE = amount("step_size", 0.01, 1, 0.3)

GLOSSARY_FIND = text("find", longest=60)

EMBEDDINGS_PART = one_of("embeddings", ["sum", "similar", "positions", "lengths", "plane"])

TOKENS_PART = one_of("tokens", ["cut", "merges", "gpt2", "other", "surprise"])
CUT_SOURCE = one_of("cut_source", ["auto", "view", "own"])  # auto: the page decides
CUT_TEXT = text(
    "cut_text",
    "The unbelievable Mr Fox paid 1250 coins for a hat 🙂\nThen he didn't wear it.  (Foxes forget.)",
    longest=LONGEST_IN_LINK,
)
MERGE_STEP = count("merge_step", 0, 1000, 0)
SURPRISE_SOURCE = one_of("surprise_source", ["auto", "view", "own"])
SURPRISE_TEXT = text("surprise_text", TEXTS["surprising"], longest=LONGEST_IN_LINK)
# The token in focus in a text of one's own; -1: the page decides.
CUT_TOKEN = count("cut_token", -1, 65536, -1)
SURPRISE_TOKEN = count("surprise_token", -1, 65536, -1)

# The token that is asked about and the one that it is compared with; -1: the likeliest.
TARGET = count("target", -1, 10_000_000, -1)
RIVAL = count("rival", -1, 10_000_000, -1)

WHAT_IF_PART = one_of("what_if", ["board", "without", "goes_on"])
SILENT = one_of("silent", ["head", "attention", "feed_forward"])  # with layer and head the part in focus
SCOPE = one_of("scope", ["last", "everywhere"])
REPLACEMENT = one_of("replacement", ["mean", "zero"])
MEASURE = one_of("measure", ["bits", "logits", "divergence"])

PATCHING_PART = one_of("patching", ["map", "cell", "heads"])
PATCH_OTHER = text("other_text", longest=LONGEST_IN_LINK)  # "": the page makes one of the text in view
PATCH_DIRECTION = one_of("direction", ["into", "from"])
PATCH_SITE = one_of("patch_site", ["resid_pre", "attn_out", "mlp_out"])
# The cell in focus; -1: the page decides.
PATCH_LAYER = count("patch_layer", -1, 1000, -1)
PATCH_POSITION = count("patch_position", -1, 65536, -1)

WHY_PART = one_of("why", ["sum", "heads", "tokens"])
WHY_DIFFERENTLY = switch("differently")
WHY_POSITION = count("why_position", -1, 65536, -1)  # of the tokens that are replaced; -1: the newest

EXCHANGING = switch("exchanging")  # whether a token is being exchanged for another, on whatever page
EXCHANGED = _declared(Choice("exchanged", "", link_ids.read_exchange, str))  # "5.17": at position 5 stood the token with id 17

# What was written after this prompt and left for something else, the latest last: the tokens of each.
BRANCHES = _declared(Choice[link_ids.Texts]("left", (), link_ids.read_texts, link_ids.write_texts))
BRANCHES_PART = one_of("branches", ["tree", "beam"])
BRANCH_LEAST = one_of("least", ["0", "1", "5", "10"])  # percent of every token of a text that is drawn
BEAM_STEPS = 16
BEAM_WIDTH = one_of("beam_width", ["1", "2", "4", "8"], "4")
BEAM_STEP = count("beam_step", 1, BEAM_STEPS, 1)
BEAM_PHASE = one_of("beam_phase", ["expand", "score", "keep"])

COMPARE_PART = one_of("compare", ["next", "texts", "lens", "head"])
COMPARE_SIDE = one_of("compare_side", ["both", "a", "b", "difference"])
COMPARE_DRAWN = switch("compare_drawn")  # the next token as the settings let it be drawn, not as the model gives it
PINNED = text("pinned", longest=LONGEST_IN_LINK)  # app.pinned
