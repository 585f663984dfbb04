"""python -m gptcore.training --corpus FOLDER --out FOLDER --minutes N: learn a vocabulary, train a model, write a model folder.

Run it again with the same folders to go on from the last checkpoint. On several cores:
torchrun --standalone --nproc-per-node CORES -m gptcore.training ..., each process with a batch of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from gptcore.checkpoints import load_model, save_model
from gptcore.config import GPTConfig
from gptcore.errors import GPTCoreError
from gptcore.model import GPTModel
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from gptcore.training.corpus import encode_books, read_books, split_held_out
from gptcore.training.loop import TrainingRun, TrainingSettings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m gptcore.training", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of .txt books in UTF-8")
    parser.add_argument("--more", type=Path, help="folder of more books, mixed in until --more-until")
    parser.add_argument("--more-until", type=float, default=0.5, help="share of the time after which --more is left out")
    parser.add_argument("--start-from", type=Path, help="model folder whose vocabulary, shape and weights to begin with")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write; its checkpoint is resumed from")
    parser.add_argument("--minutes", type=float, required=True, help="training time in all, pauses not counted")
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--context-length", type=int, default=256)
    parser.add_argument("--emb-dim", type=int, default=192)
    parser.add_argument("--n-heads", type=int, default=12)
    parser.add_argument("--n-layers", type=int, default=12)
    parser.add_argument("--drop-rate", type=float, default=0.0, help="0 is right for less than about two passes over the corpus")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--repeated", type=int, default=0, help="windows of a batch that are shuffled and repeated, for induction"
    )
    parser.add_argument("--held-out", type=int, default=4, help="whole books that are not trained on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--compile", action="store_true", help="compile the model first: needs a C++ compiler, a minute, and is faster"
    )
    return parser.parse_args()


def train(arguments: argparse.Namespace) -> None:
    """The whole run, from books to a model folder. Raises GPTCoreError for what cannot be trained on or resumed."""
    out: Path = arguments.out
    training, held_out = split_held_out(read_books(arguments.corpus), arguments.held_out)
    print(f"{len(training)} books to train on, held out: {', '.join(held_out)}")
    _write_vocabulary(arguments, training)
    tokenizer = Tokenizer.from_folder(out)
    ids, held_out_ids = encode_books(training, tokenizer), encode_books(held_out, tokenizer)
    more_ids = encode_books(read_books(arguments.more), tokenizer) if arguments.more else None
    print(f"{len(ids):,} tokens to train on, {len(held_out_ids):,} held out")
    model = _model(arguments, tokenizer.vocab_size)
    settings = TrainingSettings(
        minutes=arguments.minutes,
        batch_size=arguments.batch_size,
        repeated=arguments.repeated,
        more_until=arguments.more_until,
        seed=arguments.seed,
        compile=arguments.compile,
    )
    run = TrainingRun(model, ids, held_out_ids, settings, out, more_ids)
    if run.resume():
        print(f"Going on after {run.progress.seconds / 60:.1f} minutes and {run.progress.step} steps")
    run.run(on_checkpoint=lambda trained: save_model(trained, out, dtype=torch.float16))


def _write_vocabulary(arguments: argparse.Namespace, training: dict[str, str]) -> None:
    """vocab.json and merges.txt in the folder to write, unless they are there; of several processes the first does it."""
    out: Path = arguments.out
    if not dist.is_initialized() or dist.get_rank() == 0:
        if arguments.start_from and not (out / "vocab.json").is_file():
            out.mkdir(parents=True, exist_ok=True)
            for name in ("merges.txt", "vocab.json"):
                shutil.copy(arguments.start_from / name, out)
        elif not (out / "vocab.json").is_file():
            train_vocabulary(training.values(), arguments.vocab_size, out)
    if dist.is_initialized():
        dist.barrier()


def _model(arguments: argparse.Namespace, vocab_size: int) -> GPTModel:
    if arguments.start_from:
        return load_model(arguments.start_from).requires_grad_(True)
    config = GPTConfig(
        vocab_size=vocab_size,
        context_length=arguments.context_length,
        emb_dim=arguments.emb_dim,
        n_heads=arguments.n_heads,
        n_layers=arguments.n_layers,
        drop_rate=arguments.drop_rate,
        qkv_bias=True,
    )
    torch.manual_seed(arguments.seed)  # a program of its own: nobody else's random numbers are touched
    return GPTModel(config)


if __name__ == "__main__":
    if "WORLD_SIZE" in os.environ:  # set by torchrun
        dist.init_process_group("gloo")
    try:
        train(_arguments())
    except GPTCoreError as error:
        sys.exit(str(error))
