"""TransformerLens on GPT-2 small's architecture with random weights, for benchmarks/core.py: run by an interpreter that has it.

Arguments: threads, and `busy` for processor time. Reads lines "time <tokens>" or "memory 1024", answers each with a number,
milliseconds or MB. Memory is only right as the first task: freed memory is used again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

sys.path.insert(0, str(Path(__file__).parent))
from memory import peak_growth


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    now = time.process_time if "busy" in sys.argv else time.perf_counter
    model = HookedTransformer(
        HookedTransformerConfig(
            n_layers=12, d_model=768, n_ctx=1024, d_head=64, n_heads=12, d_mlp=3072, d_vocab=50257, act_fn="gelu_new",
            normalization_type="LN", device="cpu", seed=0,
        )
    ).eval()  # fmt: skip

    def run(n_tokens: int) -> object:
        return model.run_with_cache(torch.randint(50257, (1, n_tokens)))

    with torch.inference_mode():
        for line in sys.stdin:
            task, n_tokens = line.split()
            if task == "memory":
                figure = peak_growth(run, model.parameters())
            else:
                start = now()
                run(int(n_tokens))
                figure = 1000 * (now() - start)
            print(figure, flush=True)


if __name__ == "__main__":
    main()
