"""python -m gptcore.training --corpus FOLDER --out FOLDER --minutes N: learn a vocabulary, train a model, write a model folder.

Run it again with the same folders to go on from the last checkpoint. The model folder holds the checkpoint with the lowest held-out
loss so far. On several cores: torchrun --standalone --nproc-per-node CORES -m gptcore.training ..., each process with a batch of its
own. On a GPU: see docs/training.md.
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
from gptcore.errors import CorpusError, GPTCoreError
from gptcore.model import GPTModel
from gptcore.tokenizer import Tokenizer
from gptcore.training.loop import TrainingRun, TrainingSettings, new_model
from gptcore.training.prepare import VOCABULARY_FILES, PreparedCorpus, prepare
from gptcore.training.warm_start import with_vocabulary


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m gptcore.training", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    data = parser.add_argument_group("data: --corpus and what belongs to it, or --prepared")
    data.add_argument("--corpus", type=Path, help="folder of .txt books in UTF-8")
    data.add_argument("--more", type=Path, help="folder of more books, mixed in until --more-until")
    data.add_argument("--held-out", type=int, default=4, help="whole books that are not trained on")
    data.add_argument("--vocab-size", type=int, default=4096)
    data.add_argument("--prepared", type=Path, help="folder that gptcore.training.prepare wrote")
    parser.add_argument("--more-until", type=float, default=0.5, help="share of the time after which --more is left out")
    parser.add_argument(
        "--start-from", type=Path, help="model folder whose shape and weights to begin with, and with --corpus whose vocabulary"
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write; its checkpoint is resumed from")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, help="training time in all, pauses not counted, compiling included")
    length.add_argument("--steps", type=int, help="or the number of steps: then the seed decides the result (on one CPU thread)")
    parser.add_argument("--context-length", type=int, default=256)
    parser.add_argument("--emb-dim", type=int, default=192)
    parser.add_argument("--n-heads", type=int, default=12)
    parser.add_argument("--n-layers", type=int, default=12)
    parser.add_argument("--drop-rate", type=float, default=0.0, help="0 is right for less than about four passes over the corpus")
    parser.add_argument("--weight-decay", type=float, default=TrainingSettings.weight_decay, help="more for many passes: 0.1")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--repeated", type=int, default=0, help="windows of a batch that are shuffled and repeated, for induction"
    )
    parser.add_argument("--learning-rate", type=float, default=1.0, help="times the usual one; less for a --start-from")
    parser.add_argument(
        "--decay-share", type=float, default=0.5, help="last part of the time over which learning slows to nothing"
    )
    parser.add_argument("--checkpoint-minutes", type=float, default=5.0)
    parser.add_argument("--patience", type=int, help="end after that many checkpoints without a new lowest held-out loss")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--compile", action="store_true", help="compile the model first: needs a C++ compiler, a minute, and is faster"
    )
    return parser.parse_args()


def train(arguments: argparse.Namespace) -> None:
    """The whole run, from books to a model folder. Raises GPTCoreError for what cannot be trained on or resumed."""
    out: Path = arguments.out
    data = _data(arguments)
    tokenizer = Tokenizer.from_folder(out)
    print(f"{len(data.ids):,} tokens to train on, {len(data.more_ids):,} mixed in, {len(data.held_out_ids):,} held out")
    usual = TrainingSettings(steps=0)
    settings = TrainingSettings(
        minutes=arguments.minutes,
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        matrix_learning_rate=usual.matrix_learning_rate * arguments.learning_rate,
        other_learning_rate=usual.other_learning_rate * arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        decay_share=arguments.decay_share,
        repeated=arguments.repeated,
        more_until=arguments.more_until,
        seed=arguments.seed,
        checkpoint_minutes=arguments.checkpoint_minutes,
        patience=arguments.patience,
        device=arguments.device,
        compile=arguments.compile,
    )
    run = TrainingRun(_model(arguments, tokenizer), data.ids, data.held_out_ids, settings, out, data.more_ids)
    if run.resume():
        print(f"Going on after {run.progress.seconds / 60:.1f} minutes and {run.progress.step} steps")

    def keep_the_best(trained: GPTModel) -> None:
        if not run.progress.since_best:
            save_model(trained, out, dtype=torch.float16)

    run.run(on_checkpoint=keep_the_best)


def _data(arguments: argparse.Namespace) -> PreparedCorpus:
    """The token ids, and the vocabulary in the folder to write; of several processes the first makes them."""
    out: Path = arguments.out
    if (arguments.corpus is None) == (arguments.prepared is None):
        raise CorpusError("Give either --corpus, a folder of books, or --prepared, what gptcore.training.prepare made of one.")
    if not dist.is_initialized() or dist.get_rank() == 0:
        if arguments.prepared:
            out.mkdir(parents=True, exist_ok=True)
            for name in VOCABULARY_FILES:
                shutil.copy(arguments.prepared / name, out)
        else:
            prepare(
                arguments.corpus,
                out,
                vocab_size=arguments.vocab_size,
                vocabulary=arguments.start_from,
                more=arguments.more,
                held_out=arguments.held_out,
            )
    if dist.is_initialized():
        dist.barrier()
    return PreparedCorpus.from_folder(arguments.prepared or out)


def _model(arguments: argparse.Namespace, tokenizer: Tokenizer) -> GPTModel:
    if arguments.start_from:
        begin, theirs = load_model(arguments.start_from), Tokenizer.from_folder(arguments.start_from)
        begin.requires_grad_(True)
        return begin if theirs.vocabulary() == tokenizer.vocabulary() else with_vocabulary(begin, theirs, tokenizer)
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=arguments.context_length,
        emb_dim=arguments.emb_dim,
        n_heads=arguments.n_heads,
        n_layers=arguments.n_layers,
        drop_rate=arguments.drop_rate,
        qkv_bias=True,
    )
    return new_model(config, arguments.seed)


if __name__ == "__main__":
    if "WORLD_SIZE" in os.environ:  # set by torchrun
        dist.init_process_group("gloo")
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")  # what bfloat16 leaves in float32 may be rounded a little
    try:
        train(_arguments())
    except GPTCoreError as error:
        sys.exit(str(error))
