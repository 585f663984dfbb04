"""Models by name and from folders: equal to transformers' reading of the same file, and clear about every file that is not one."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2LMHeadModel

from gptcore import checkpoints
from gptcore.checkpoints import availability, catalogue, is_local, load, load_model, published_names, published_shapes, save_model
from gptcore.config import NAMED_CONFIGS, GPTConfig
from gptcore.errors import CheckpointError
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from tests.gptcore.published_models import Tensors, assert_same_logits, reconfigure, rewrite, theirs

SHAPES: list[dict[str, Any]] = [
    {},
    {"n_layer": 1, "n_head": 1},
    {"n_embd": 14, "n_head": 2, "n_layer": 4, "n_positions": 1},
    {"vocab_size": 1, "n_embd": 3},
    {"tie_word_embeddings": False},
    {"tie_word_embeddings": False, "n_layer": 1},
    {"activation_function": "gelu_pytorch_tanh"},
    {"n_inner": 60},
    {"reorder_and_upcast_attn": True},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_folder_that_transformers_wrote_gives_the_logits_of_transformers(tmp_path: Path, shape: dict[str, Any]) -> None:
    assert_same_logits(theirs(tmp_path, **shape), load_model(tmp_path))


@pytest.mark.parametrize("shape", SHAPES[:5])
def test_in_float64_the_logits_agree_to_the_tenth_digit(tmp_path: Path, shape: dict[str, Any]) -> None:
    assert_same_logits(theirs(tmp_path, torch.float64, **shape), load_model(tmp_path, torch.float64), within=1e-10)


def as_openai_publishes(tensors: Tensors) -> Tensors:
    """Names without the prefix, and the masks of each layer among them."""
    masks = {f"h.{layer}.attn.{name}": torch.ones(1, 1, 20, 20).tril() for layer in (0, 1) for name in ("bias", "masked_bias")}
    return {name.removeprefix("transformer."): t for name, t in tensors.items()} | masks


def test_names_without_prefix_and_stored_masks_are_understood(tmp_path: Path) -> None:
    model = theirs(tmp_path)
    rewrite(tmp_path, as_openai_publishes)
    assert_same_logits(model, load_model(tmp_path))


def test_weights_that_start_at_an_odd_byte_are_read_right(tmp_path: Path) -> None:
    """OpenAI's own file has a header of 14,283 bytes: nothing in it is aligned."""
    model = theirs(tmp_path)
    path = tmp_path / "model.safetensors"
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = data[8 : 8 + length].rstrip() + b" " * 3
    header += b" " * (1 - len(header) % 2)
    path.unlink()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])
    ours = load_model(tmp_path)
    assert ours.token_embedding.weight.data_ptr() % 2 == 1
    assert_same_logits(model, ours)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    model = theirs(tmp_path, dtype)
    ours = load_model(tmp_path)
    assert {parameter.dtype for parameter in ours.parameters()} == {torch.float32}
    assert_same_logits(model.float(), ours)


def test_weights_in_several_files_are_read_by_their_index(tmp_path: Path) -> None:
    model = theirs(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="5kB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert_same_logits(model, load_model(tmp_path))


def test_tied_weights_are_one_tensor_and_untied_are_two(tmp_path: Path) -> None:
    theirs(tmp_path / "tied")
    theirs(tmp_path / "untied", tie_word_embeddings=False)
    tied, untied = load_model(tmp_path / "tied"), load_model(tmp_path / "untied")
    assert tied.tied and tied.output_head.weight is tied.token_embedding.weight
    assert not untied.tied and untied.output_head.weight.data_ptr() != untied.token_embedding.weight.data_ptr()


def test_a_tied_head_may_be_stored_twice_or_under_either_name(tmp_path: Path) -> None:
    model = theirs(tmp_path)
    rewrite(tmp_path, lambda tensors: tensors | {"lm_head.weight": tensors["transformer.wte.weight"].clone()})
    assert_same_logits(model, twice := load_model(tmp_path))
    rewrite(tmp_path, lambda tensors: {name: t for name, t in tensors.items() if name != "transformer.wte.weight"})
    assert_same_logits(model, once := load_model(tmp_path))
    assert twice.tied and once.tied


def test_a_head_of_its_own_is_used_even_if_the_configuration_calls_it_tied(tmp_path: Path) -> None:
    model = theirs(tmp_path, tie_word_embeddings=False)
    reconfigure(tmp_path, tie_word_embeddings=True)
    assert_same_logits(model, load_model(tmp_path))
    assert_same_logits(GPT2LMHeadModel.from_pretrained(tmp_path, attn_implementation="eager").eval(), load_model(tmp_path))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_is_saved_comes_back_and_transformers_reads_it_too(tmp_path: Path, tied: bool, dtype: torch.dtype) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = GPTModel(GPTConfig(40, 12, 21, 7, 2, 0.1, True), tied).eval()
    save_model(model, tmp_path, dtype)
    again = load_model(tmp_path)
    assert (again.config, again.tied) == (model.config, tied)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor.to(dtype).float())
    read = GPT2LMHeadModel.from_pretrained(tmp_path, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not read[1]["missing_keys"] and not read[1]["unexpected_keys"] and not read[1]["mismatched_keys"]
    assert_same_logits(read[0].eval(), again)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    (tmp_path / "usual").touch()
    assert {path.stat().st_mode for path in tmp_path.iterdir()} == {(tmp_path / "usual").stat().st_mode}


def test_a_model_without_query_key_value_biases_comes_back_without_them(tmp_path: Path) -> None:
    model = GPTModel(GPTConfig(40, 12, 8, 2, 2, 0.0, False), tied=False).eval()
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert_same_logits(GPT2LMHeadModel.from_pretrained(tmp_path, attn_implementation="eager").eval(), again)


def test_saving_replaces_a_file_only_when_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = GPTModel(GPTConfig(40, 12, 8, 2, 1, 0.0, True)).eval()
    save_model(model, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def disk_full(tensors: Tensors, path: Path, metadata: dict[str, str]) -> None:
        path.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", disk_full)
    with pytest.raises(CheckpointError, match="No space left"):
        save_model(GPTModel(model.config), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_loaded_model_keeps_its_numbers_when_its_file_is_saved_anew(tmp_path: Path) -> None:
    first = GPTModel(GPTConfig(40, 12, 8, 2, 1, 0.0, True)).eval()
    save_model(first, tmp_path)
    loaded = load_model(tmp_path)
    save_model(GPTModel(first.config), tmp_path)
    assert torch.equal(loaded.token_embedding.weight, first.token_embedding.weight)


def test_float32_weights_are_mapped_and_not_copied(tmp_path: Path) -> None:
    theirs(tmp_path)
    model = load_model(tmp_path)
    addresses = [parameter.data_ptr() for parameter in model.parameters()]
    assert max(addresses) - min(addresses) < (tmp_path / "model.safetensors").stat().st_size
    assert not model.blocks[0].attention.qkv.weight.is_contiguous()
    assert model.blocks[0].attention.qkv.weight.t().is_contiguous()


def test_a_loaded_model_is_frozen_and_loading_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    theirs(tmp_path)
    before = torch.random.get_rng_state()
    model = load_model(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_table_names_every_parameter_once() -> None:
    for tied, qkv_bias in [(True, True), (False, True), (True, False), (False, False)]:
        model = GPTModel(GPTConfig(40, 12, 8, 2, 3, 0.0, qkv_bias), tied)
        names = published_names(model.config, tied)
        assert set(names) == {name for name, _ in model.named_parameters()}
        assert len({published for published, _ in names.values()}) == len(names)
        shapes = published_shapes(model.config, tied)
        assert set(shapes) == {published for published, _ in names.values()}
        for ours, (published, transposed) in names.items():
            assert shapes[published] == tuple(model.get_parameter(ours).shape)[:: -1 if transposed else 1]


def test_missing_surplus_and_misshapen_tensors_are_all_listed_in_one_error(tmp_path: Path) -> None:
    theirs(tmp_path)

    def spoil(tensors: Tensors) -> Tensors:
        for name in ("transformer.wpe.weight", "transformer.h.1.mlp.c_fc.bias"):
            del tensors[name]
        tensors["transformer.h.0.ln_1.bias"] = torch.zeros(16)
        tensors["transformer.h.1.attn.c_attn.weight"] = tensors["transformer.h.1.attn.c_attn.weight"].t()
        tensors["transformer.h.1.attn.c_proj.bias"] = torch.zeros(15, dtype=torch.int8)
        return tensors | {"score.weight": torch.zeros(2, 15), "transformer.h.2.ln_1.bias": torch.zeros(15)}

    rewrite(tmp_path, spoil)
    with pytest.raises(CheckpointError) as refused:
        load_model(tmp_path)
    _, missing, surplus, misshapen, number_type = str(refused.value).split("\n")
    assert missing == "missing (2): wpe.weight, h.1.mlp.c_fc.bias"
    assert surplus == "surplus (2): score.weight, h.2.ln_1.bias"
    assert "misshapen (2)" in misshapen and "h.0.ln_1.bias is (16,), should be (15,)" in misshapen
    assert "h.1.attn.c_attn.weight is (45, 15), should be (15, 45)" in misshapen
    assert number_type == "no float (1): h.1.attn.c_proj.bias is I8"


def test_an_untied_model_without_its_head_is_refused(tmp_path: Path) -> None:
    theirs(tmp_path)
    reconfigure(tmp_path, tie_word_embeddings=False)
    with pytest.raises(CheckpointError, match=r"missing \(1\): lm_head\.weight"):
        load_model(tmp_path)


def test_a_name_that_is_stored_with_and_without_prefix_is_refused(tmp_path: Path) -> None:
    theirs(tmp_path)
    rewrite(tmp_path, lambda tensors: tensors | {"wpe.weight": torch.zeros(20, 15)})
    with pytest.raises(CheckpointError, match=r"wpe\.weight a second time"):
        load_model(tmp_path)


def test_another_architecture_is_refused_with_key_and_value(tmp_path: Path) -> None:
    theirs(tmp_path)
    reconfigure(tmp_path, model_type="gpt_neox", scale_attn_by_inverse_layer_idx=True)
    with pytest.raises(CheckpointError) as refused:
        load_model(tmp_path)
    for told in (str(tmp_path / "config.json"), "model_type is 'gpt_neox'", "scale_attn_by_inverse_layer_idx is True"):
        assert told in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("n_head", 4, "n_embd|emb_dim is 15 and n_heads is 4"),
        ("n_layer", 10**9, "claims 1,000,000,000"),
        ("n_embd", 10**9 * 3, r"wte\.weight is \(61, 15\), should be \(61, 3000000000\)"),
        ("n_embd", 3 * 10**30, "misshapen"),
        ("n_positions", 10**12, r"wpe\.weight is \(20, 15\), should be \(1000000000000, 15\)"),
        ("vocab_size", 10**12, r"wte\.weight is \(61, 15\), should be \(1000000000000, 15\)"),
    ],
)
def test_a_configuration_that_no_weights_can_fit_is_refused_at_once(tmp_path: Path, key: str, value: int, told: str) -> None:
    theirs(tmp_path)
    reconfigure(tmp_path, **{key: value})
    with pytest.raises(CheckpointError, match=told):
        load_model(tmp_path)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_file_that_was_cut_off_is_refused_with_its_size(tmp_path: Path, keep: int) -> None:
    theirs(tmp_path)
    path = tmp_path / "model.safetensors"
    data = path.read_bytes()[:keep]
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=rf"no whole safetensors file \({len(data):,} bytes"):
        load_model(tmp_path)


def test_load_takes_a_folder_as_text_and_as_path(tiny_folder: Path) -> None:
    for model in (load(str(tiny_folder)), load(tiny_folder)):
        assert isinstance(model, LanguageModel)
        assert model.name == tiny_folder.name
        assert model.config.vocab_size == model.tokenizer.vocab_size
        assert len(model.trace(model.tokenizer.encode("the cat")).logits) == model.config.vocab_size


def test_a_vocabulary_of_another_model_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    theirs(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((tiny_folder / name).read_bytes())
    with pytest.raises(CheckpointError, match="61 tokens"):
        load(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gpt-5",
        "../../etc/passwd",
        "a/b/c",
        "owner/",
        "owner/na me",
        "owner/..",
        "a--b/c",
        "x" * 5000,
        "a\0b",
        "öwner/name",
    ],
)
def test_a_name_that_can_be_no_model_is_refused_with_what_can(name: str) -> None:
    for ask in (load, checkpoints.download):
        with pytest.raises(
            CheckpointError, match="choose storyteller, gpt2, gpt2-medium, gpt2-large, gpt2-xl, a model folder, or"
        ):
            ask(name)
    found = availability(name)
    assert found.state == "broken" and "choose storyteller" in found.reason and not is_local(name)


def test_a_path_to_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no folder"):
        load(tmp_path / "nothing")


def test_the_catalogue_knows_openais_sizes() -> None:
    entries = {entry.name: entry for entry in catalogue()}
    for name in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        with torch.device("meta"):
            counted = sum(parameter.numel() for parameter in GPTModel(NAMED_CONFIGS[name]).parameters())
        masks = 4 * NAMED_CONFIGS[name].n_layers * 1024**2
        assert entries[name].parameters == counted
        assert entries[name].context_length == 1024
        assert 0 < entries[name].download_bytes - (4 * counted + masks) < 100_000  # the header is the rest
    assert entries["gpt2"].parameters == 124_439_808


def test_the_embedded_model_is_first_and_always_here(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "EMBEDDED", tiny_folder)
    first = catalogue()[0]
    assert (first.name, first.download_bytes, first.is_local()) == (tiny_folder.name, 0, True)
    assert first.parameters == sum(parameter.numel() for parameter in load(tiny_folder.name).model.parameters())
    assert load(tiny_folder.name).name == tiny_folder.name
