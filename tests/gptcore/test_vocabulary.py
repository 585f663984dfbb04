"""A tokenizer's settings: each that changes the ids gives what transformers gives for the same folder, or is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AddedToken, AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

from gptcore.checkpoints import load
from gptcore.errors import CheckpointError, TokenError
from gptcore.generation import generate, prompt_ids
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from gptcore.vocabulary import END_OF_TEXT

TEXTS = [
    "the cat", " the cat", "\nthe cat", "", " ", "a covid-19 wave", "covid-19covid-19", "covid-1 and covid-19", "x  covid-19  y",
    "cat.covid-19,cat", "naïve 🙂 東京\t\ttabs", "a" * 200,
]  # fmt: skip
N = 320


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vocab.json and merges.txt of 320 tokens, learned from this file."""
    folder = tmp_path_factory.mktemp("learned")
    train_vocabulary([Path(__file__).read_text("utf-8")], N, folder)
    return folder


def theirs(learned: Path, folder: Path, **settings: Any) -> Any:
    """A tokenizer of transformers' with these settings, written to the folder in the newer layout, and read again."""
    vocab = json.loads((learned / "vocab.json").read_text("utf-8"))
    merges = [tuple(line.split(" ")) for line in (learned / "merges.txt").read_text("utf-8").split("\n")[1:] if line]
    words = settings.pop("words", [])
    tokenizer = GPT2Tokenizer(vocab=vocab, merges=merges, **settings)
    tokenizer.add_tokens(words)
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def older(learned: Path, folder: Path, settings: dict[str, Any], added: dict[str, int] | None = None) -> Any:
    """The older layout with these settings, and transformers' reading of it."""
    shutil.copytree(learned, folder, dirs_exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "gpt2"}', "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", **settings}), "utf-8")
    if added:
        (folder / "added_tokens.json").write_text(json.dumps(added), "utf-8")
    return AutoTokenizer.from_pretrained(folder)


def assert_same_ids(ours: Tokenizer, other: Any) -> None:
    for text in TEXTS:
        assert list(ours.encode(text)) == other.encode(text), text


WORDS: list[str | AddedToken] = ["covid-19", "covid-1", "  ", "cat"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"add_prefix_space": True},
        {"add_bos_token": True},
        {"add_bos_token": True, "add_prefix_space": True},
        {"words": WORDS},
        {"words": WORDS, "add_prefix_space": True},
        {"words": [AddedToken("covid-1", normalized=False), "covid-19"]},
        {"words": WORDS, "add_bos_token": True},
    ],
    ids=lambda settings: "-".join(settings) or "plain",
)
def test_settings_in_the_newer_layout_give_the_ids_of_transformers(
    learned: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    other = theirs(learned, tmp_path, **settings)
    assert_same_ids(Tokenizer.from_folder(tmp_path, len(other)), other)


@pytest.mark.parametrize(
    ("settings", "added"),
    [
        ({}, None),
        ({"add_prefix_space": True}, None),
        ({"add_bos_token": True}, None),
        ({"add_bos_token": True, "bos_token": "Ġ"}, None),
        ({}, {"covid-19": 320, "cat": 321}),
        ({"add_prefix_space": True}, {"covid-19": 320, "covid-1": 321}),
        ({"added_tokens_decoder": {"320": {"content": "covid-19", "special": False}}}, None),
        (
            {"added_tokens_decoder": {"320": {"content": "covid-19"}, "321": {"content": "<x>", "special": True}}},
            {"covid-19": 320},
        ),
    ],
)
def test_settings_in_the_older_layout_give_the_ids_of_transformers(
    learned: Path, tmp_path: Path, settings: dict[str, Any], added: dict[str, int] | None
) -> None:
    other = older(learned, tmp_path, settings, added)
    assert_same_ids(Tokenizer.from_folder(tmp_path, len(other)), other)


def test_tokenizer_config_decides_about_the_space_in_front_where_it_says_something(learned: Path, tmp_path: Path) -> None:
    for in_config in (True, False):
        theirs(learned, tmp_path, add_prefix_space=not in_config)
        path = tmp_path / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"add_prefix_space": in_config}), "utf-8")
        assert_same_ids(Tokenizer.from_folder(tmp_path), AutoTokenizer.from_pretrained(tmp_path))
    path.unlink()
    assert Tokenizer.from_folder(tmp_path).encode("the")[0] == Tokenizer.from_folder(tmp_path).encode(" the")[0]


def test_gpt2_with_a_space_in_front_begins_with_the_word_after_a_space(gpt2_tokenizer: Tokenizer, tmp_path: Path) -> None:
    from gptcore.vocabulary import Vocabulary

    ranks, special = gpt2_tokenizer._ranks, {END_OF_TEXT: 50256}
    assert Tokenizer(Vocabulary(ranks, special, prefix_space=True)).encode("my dog") == (616, 3290)
    assert gpt2_tokenizer.encode("my dog") == (1820, 3290)


def test_the_pieces_of_a_text_make_up_its_tokens_whatever_the_settings(learned: Path, tmp_path: Path) -> None:
    theirs(learned, tmp_path, words=WORDS, add_prefix_space=True, add_bos_token=True)
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.start_ids == (319,)
    for text in TEXTS:
        pieces = ours.pre_split(text)
        assert tuple(i for piece in pieces for i in ours.encode_piece(piece)) == ours.encode_text(text)
        assert ours.encode(text) == ours.start_ids + ours.encode_text(text)
        assert "".join(pieces) == ours.decode(ours.encode_text(text))
    assert ours.merges("covid-19") == () and ours.text_of(ours.added_words["covid-19"]) == "covid-19"


def test_an_added_special_token_that_somebody_types_is_plain_text(learned: Path, tmp_path: Path) -> None:
    theirs(learned, tmp_path, words=[AddedToken("<x>", special=True)])
    ours = Tokenizer.from_folder(tmp_path)
    assert max(ours.encode(f"a<x>{END_OF_TEXT}")) < 319
    assert ours.text_of(320) == "<x>" and ours.is_special(320) and ours.is_special(319) and not ours.is_special(5)


def test_an_added_word_without_a_row_in_the_model_is_cut_as_the_model_was_trained(learned: Path, tmp_path: Path) -> None:
    theirs(learned, tmp_path, words=["covid-19"])
    assert Tokenizer.from_folder(tmp_path, 320).encode("covid-19") == Tokenizer.from_folder(learned, 320).encode("covid-19")


def in_tokenizer(path: str, value: Any) -> Callable[[Path], None]:
    """Set one entry of tokenizer.json; the path's parts are divided by dots."""

    def spoil(folder: Path) -> None:
        said = inner = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        *way, last = path.split(".")
        for key in way:
            inner = inner[int(key) if key.isdigit() else key]
        inner[int(last) if last.isdigit() else last] = value
        (folder / "tokenizer.json").write_text(json.dumps(said), "utf-8")

    return spoil


def in_config(**settings: Any) -> Callable[[Path], None]:
    return lambda folder: (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8") and None


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (in_tokenizer("normalizer", {"type": "NFC"}), "normalizer is .*NFC"),
        (in_tokenizer("model.dropout", 0.1), r"model\.dropout is 0\.1"),
        (in_tokenizer("model.end_of_word_suffix", "</w>"), r"model\.end_of_word_suffix is '</w>'"),
        (in_tokenizer("model.continuing_subword_prefix", "##"), r"model\.continuing_subword_prefix is '##'"),
        (in_tokenizer("model.byte_fallback", True), r"model\.byte_fallback is True"),
        (in_tokenizer("model.ignore_merges", True), r"model\.ignore_merges is True"),
        (in_tokenizer("model.type", "Unigram"), r"model\.type is 'Unigram'"),
        (in_tokenizer("pre_tokenizer.use_regex", False), "pre_tokenizer is .*use_regex.*False"),
        (in_tokenizer("pre_tokenizer", {"type": "Sequence", "pretokenizers": [{"type": "Digits"}]}), "pre_tokenizer is .*Digits"),
        (in_tokenizer("decoder", {"type": "Metaspace"}), r"decoder\.type is 'Metaspace'"),
        (in_tokenizer("post_processor", {"type": "RobertaProcessing"}), "post_processor is 'RobertaProcessing'"),
        (
            in_tokenizer("post_processor.single", [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": END_OF_TEXT}}]),
            "token after every text",
        ),
        (in_tokenizer("added_tokens.1.single_word", True), "'covid-19' asks for single_word"),
        (in_tokenizer("added_tokens.1.lstrip", True), "'covid-19' asks for lstrip"),
        (in_tokenizer("added_tokens.1.id", 7), "each for one token"),
        (in_tokenizer("added_tokens.1", 7), "does not have the parts"),
        (in_config(add_prefix_space="yes"), "add_prefix_space is 'yes'"),
        (in_config(added_tokens_decoder={"x": {"content": "y"}}), "cannot be used"),
        (in_config(added_tokens_decoder=[1]), "added_tokens_decoder cannot be read"),
    ],
)
def test_a_setting_that_is_not_done_here_is_refused_by_name(
    learned: Path, tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    theirs(learned, tmp_path, words=["covid-19"])
    Tokenizer.from_folder(tmp_path)
    spoil(tmp_path)
    with pytest.raises(CheckpointError, match=told):
        Tokenizer.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"add_eos_token": True}, "add_eos_token is True"),
        ({"tokenizer_class": "RobertaTokenizer"}, "tokenizer_class is 'RobertaTokenizer'"),
        ({"add_bos_token": True, "bos_token": "<s>"}, "bos_token '<s>'.*is no token"),
        ({"add_bos_token": 3}, "add_bos_token is 3"),
    ],
)
def test_a_setting_of_the_older_layout_that_is_not_done_here_is_refused_by_name(
    learned: Path, tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    older(learned, tmp_path, {})
    in_config(**settings)(tmp_path)
    with pytest.raises(CheckpointError, match=told):
        Tokenizer.from_folder(tmp_path)


def test_gpt2s_pre_split_written_out_as_a_pattern_is_the_same(learned: Path, tmp_path: Path) -> None:
    theirs(learned, tmp_path)
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    in_tokenizer("pre_tokenizer", {"type": "Sequence", "pretokenizers": [split, level]})(tmp_path)
    plain = Tokenizer.from_folder(learned)
    for text in TEXTS:
        assert Tokenizer.from_folder(tmp_path).encode(text) == plain.encode(text)


def without(learned: Path, folder: Path, lacking: str) -> Tokenizer:
    """The older layout without the tokens of some characters, and without the merges that need them."""
    vocab = json.loads((learned / "vocab.json").read_text("utf-8"))
    merges = [line for line in (learned / "merges.txt").read_text("utf-8").split("\n") if not set(lacking) & set(line)]
    kept = [token for token in vocab if not set(lacking) & set(token)]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(kept)}), "utf-8")
    (folder / "merges.txt").write_text("\n".join(merges), "utf-8")
    return Tokenizer.from_folder(folder)


def test_a_vocabulary_that_lacks_bytes_encodes_what_it_can_and_names_the_byte_that_it_cannot(
    learned: Path, tmp_path: Path
) -> None:
    ours = without(learned, tmp_path / "few", "QZ\u0121")  # the last stands for the byte 7F in such files
    assert ours.decode(ours.encode("the cat covid-19")) == "the cat covid-19"
    with pytest.raises(TokenError, match="no token for the byte 51, which is in 'Q'"):
        ours.encode("the Queue")
    with pytest.raises(TokenError, match="the byte 7F"):
        ours.encode_piece("\x7f")


def test_a_token_that_no_merge_makes_keeps_the_text_that_it_stands_for(learned: Path, tmp_path: Path) -> None:
    older(learned, tmp_path, {})
    vocab = json.loads((tmp_path / "vocab.json").read_text("utf-8"))
    (tmp_path / "vocab.json").write_text(json.dumps({**vocab, "Ġunreachable": 320}), "utf-8")
    assert Tokenizer.from_folder(tmp_path).decode((320,)) == " unreachable"


def model_folder(learned: Path, folder: Path, **ends: Any) -> Any:
    """A random model whose configuration names these ends, in the folder with a tokenizer; and transformers' reading of it."""
    shutil.copytree(learned, folder, dirs_exist_ok=True)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=N, n_positions=64, n_embd=16, n_head=2, n_layer=1, initializer_range=0.5, **ends)
    )
    model.eval().save_pretrained(folder)
    return model


@pytest.mark.parametrize("ends", [{"eos_token_id": 2, "bos_token_id": 0}, {"eos_token_id": [5, 2], "bos_token_id": 7}])
def test_the_ends_that_a_configuration_names_are_the_models_ends(learned: Path, tmp_path: Path, ends: dict[str, Any]) -> None:
    model_folder(learned, tmp_path, **ends)
    tokenizer = load(tmp_path).tokenizer
    wanted = ends["eos_token_id"]
    assert list(tokenizer.end_ids) == (wanted if isinstance(wanted, list) else [wanted])
    assert tokenizer.end_of_text_id == tokenizer.end_ids[0]
    assert prompt_ids(tokenizer, "") == ((ends["bos_token_id"],), True)


def test_a_greedy_text_stops_at_the_first_end_as_it_does_in_transformers(learned: Path, tmp_path: Path) -> None:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = model_folder(learned, tmp_path)
    start = torch.tensor([[5, 6, 7]])
    free = model.generate(start, max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0)[0].tolist()
    end = free[7]  # whatever it writes there becomes the end
    for name in ("config.json", "generation_config.json"):
        said = json.loads((tmp_path / name).read_text("utf-8")) | {"eos_token_id": end, "bos_token_id": 0}
        (tmp_path / name).write_text(json.dumps(said), "utf-8")
    again = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    wanted = again.generate(start, max_new_tokens=12, do_sample=False, pad_token_id=0)[0].tolist()
    steps = list(generate(load(tmp_path), start, temperature=0, max_new_tokens=12))
    assert list(steps[-1].ids) == wanted and len(wanted) <= 8
    assert steps[-1].stopped == "end_of_text" and steps[-1].token_id == end
    assert next(generate(load(tmp_path), "")).trace.ids == (0,)


def test_generation_config_counts_before_config_and_an_id_without_a_row_counts_for_nothing(learned: Path, tmp_path: Path) -> None:
    model_folder(learned, tmp_path, eos_token_id=2, bos_token_id=3)
    path = tmp_path / "generation_config.json"
    path.write_text('{"eos_token_id": 9}', "utf-8")
    assert (load(tmp_path).tokenizer.end_ids, load(tmp_path).tokenizer.start_id) == ((9,), 3)
    path.write_text('{"eos_token_id": [50256, 11], "bos_token_id": 50256}', "utf-8")
    assert (load(tmp_path).tokenizer.end_ids, load(tmp_path).tokenizer.start_id) == ((11,), 3)
    path.unlink()
    (tmp_path / "config.json").write_text(
        json.dumps(json.loads((tmp_path / "config.json").read_text("utf-8")) | {"eos_token_id": None, "bos_token_id": None}),
        "utf-8",
    )
    assert (load(tmp_path).tokenizer.end_ids, load(tmp_path).tokenizer.start_id) == ((319,), 319)


@pytest.mark.parametrize("value", ["2", 2.0, True, [2, "x"], {"id": 2}])
def test_an_end_that_is_no_token_id_is_refused_by_name(learned: Path, tmp_path: Path, value: Any) -> None:
    model_folder(learned, tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": value}), "utf-8")
    with pytest.raises(CheckpointError, match=r"generation_config\.json: eos_token_id is "):
        load(tmp_path)


def test_the_end_that_only_the_tokenizer_names_is_the_models_end(learned: Path, tmp_path: Path) -> None:
    older(learned, tmp_path, {"eos_token": "</s>", "added_tokens_decoder": {"320": {"content": "</s>", "special": True}}})
    assert Tokenizer.from_folder(tmp_path).end_ids == (320,)
