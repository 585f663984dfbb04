"""python -m gptcore.training.record --text FILE --out FOLDER: train a very small GPT on one text and keep it as it was at many steps.

The folder that `gptcore.recorded_run` reads: `text.txt`, which the project leaves out, `weights.safetensors` (float16, one row per
checkpoint), `run.json`. Every loss is that of the weights as they are kept, so that whoever loads them can compute it again. On one
thread the same text and settings give the same folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from gptcore.characters import plain_text
from gptcore.config import GPTConfig
from gptcore.errors import GPTCoreError
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.resemblance import longest_common_run, usual_run
from gptcore.tokenizer import Tokenizer
from gptcore.training.baselines import baselines
from gptcore.training.loop import held_out_loss
from gptcore.training.tiny import CONTEXT_LENGTH, TinyTraining, tiny_training

HELD_OUT = 0.1  # share of the text, at its end
PROMPT = "The "
SAMPLE: dict[str, Any] = {"temperature": 0.8, "top_k": None, "seed": 1}


def checkpoint_steps(steps: int, count: int) -> list[int]:
    """0 and up to count - 1 further steps, evenly spaced by ratio, to the last."""
    return [0, *sorted({round(step) for step in np.geomspace(1, steps, count - 1)})]


def record(
    text: str,
    out: Path,
    steps: int = 4000,
    count: int = 25,
    seed: int = 1,
    windows: int = 200,
    sample_tokens: int = CONTEXT_LENGTH,
    prompt: str = PROMPT,
) -> None:
    """Train and write the folder. windows: over which a loss is measured; sample_tokens: at most, of each sample; prompt: what the
    samples continue, without the characters that the text has not.

    Raises CorpusError for a text that is too short or not ASCII."""
    split = int(len(text) * (1 - HELD_OUT))
    tiny = tiny_training(text[:split], text[split:], steps=steps, seed=seed)
    run, tokenizer, config = tiny.run, tiny.tokenizer, tiny.run.model.config
    wanted, kept, rows = set(checkpoint_steps(steps, count)), [], []
    prompt = _known(prompt, tokenizer)

    def keep() -> None:
        weights = {
            name: tensor.detach().half() for name, tensor in run.model.state_dict().items() if name != "output_head.weight"
        }
        kept.append(weights)
        measured = _measured(_as_kept(config, weights), tiny, windows, prompt, sample_tokens)
        rows.append({"step": run.progress.step, **measured, "copied": longest_common_run(measured["sample"], text[:split])})
        print(rows[-1])

    keep()
    while run.share < 1:
        run.step()
        if run.progress.step in wanted:
            keep()
    out.mkdir(parents=True, exist_ok=True)
    (out / "text.txt").write_text(text, "utf-8", newline="\n")
    save_file({name: torch.stack([weights[name] for weights in kept]) for name in kept[0]}, out / "weights.safetensors")
    said = {
        "config": asdict(config),
        "characters": tokenizer.decode(range(tokenizer.vocab_size)),
        "split": split,
        "windows": windows,
        "settings": {name: value for name, value in asdict(run.settings).items() if value is not None},
        "baselines": baselines(tiny.ids, tiny.held_out_ids, tokenizer.vocab_size),
        "usual_run": usual_run(text[split:], text[:split], len(rows[-1]["sample"])),
        "prompt": prompt,
        "sampling": SAMPLE,
        "checkpoints": rows,
    }
    (out / "run.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")


def _as_kept(config: GPTConfig, weights: dict[str, Tensor]) -> GPTModel:
    model = GPTModel(config)
    model.load_state_dict({**weights, "output_head.weight": weights["token_embedding.weight"]})
    return model.eval()


def _measured(model: GPTModel, tiny: TinyTraining, windows: int, prompt: str, sample_tokens: int) -> dict[str, Any]:
    tokenizer = tiny.tokenizer
    written = generate(LanguageModel("", model, tokenizer), prompt, max_new_tokens=sample_tokens, **SAMPLE)
    return {
        "training_loss": round(held_out_loss(model, tiny.ids, windows), 5),
        "held_out_loss": round(held_out_loss(model, tiny.held_out_ids, windows), 5),
        "sample": tokenizer.decode([step.token_id for step in written]),
    }


def _known(prompt: str, tokenizer: Tokenizer) -> str:
    """The prompt as far as the text has its characters."""
    known = tokenizer.decode(range(tokenizer.vocab_size))
    return "".join(c for c in prompt if c in known) or known[0]


def main() -> None:
    parser = argparse.ArgumentParser("python -m gptcore.training.record", description=__doc__)
    parser.add_argument(
        "--text", type=Path, nargs="+", required=True, help="one or more files, read one after another, as plain ASCII text"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--checkpoints", type=int, default=25, help="at most; steps that would come twice are kept once")
    parser.add_argument("--prompt", default=PROMPT, help="what the samples continue")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        text = "\n\n".join(plain_text(path.read_text("utf-8")) for path in arguments.text)
        record(text, arguments.out, arguments.steps, arguments.checkpoints, arguments.seed, prompt=arguments.prompt)
    except (OSError, GPTCoreError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
