"""gptcore against transformers and TransformerLens 2.x, and against its own budgets: `python -m benchmarks.core`.

All run GPT-2 small's architecture with the same random weights, taking turns in one process (TransformerLens in one of its own, of
another environment: $TRANSFORMER_LENS_PYTHON names its interpreter; without it those rows say that they are missing). Times are
medians in milliseconds. Only ratios travel from machine to machine.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.memory import peak_growth
from benchmarks.table import HEADER, Row, line
from gptcore.cache_race import KeptKeysValues
from gptcore.checkpoints import load_model, save_model
from gptcore.config import GPT2_SMALL
from gptcore.model import GPTModel
from gptcore.run import Run
from gptcore.sampling import SamplingSettings, select
from gptcore.store import TraceStore
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace

STEPS = 16
now: Callable[[], float] = time.perf_counter  # --busy puts in the processor time
PEER_INTERPRETER = "TRANSFORMER_LENS_PYTHON"


@dataclass(frozen=True, eq=False)
class Holder:
    """As much of a LanguageModel as a store asks for."""

    model: GPTModel
    tokenizer: Tokenizer | None = None  # nothing is encoded
    identity: str = "gpt2-random"

    def trace(self, store: TraceStore, ids: tuple[int, ...]) -> Trace:
        store.add(self)
        return store.trace(Run(self.identity, ids))


def against(what: str, ours: float, peer: float | None, peer_name: str, most: float, unit: str = "ms") -> Row:
    """The share that ours is of the peer's; a peer that is not here has no figure."""
    if peer is None:
        return Row(what, f"{ours:.1f} {unit}; {peer_name} is not here: set {PEER_INTERPRETER}", math.nan, "", None)
    return Row(what, f"{ours:.1f} {unit}, {peer_name} {peer:.1f} {unit}", ours / peer, " of it", most)


def random_ids(n_tokens: int, seed: int) -> tuple[int, ...]:
    return tuple(torch.randint(GPT2_SMALL.vocab_size, (n_tokens,), generator=torch.Generator().manual_seed(seed)).tolist())


def in_turns(rounds: int, **functions: Callable[[int], float]) -> dict[str, float]:
    """The median of what each function returns (milliseconds, called with the number of the round), taking turns."""
    found: dict[str, list[float]] = {name: [] for name in functions}
    for round_ in range(rounds + 1):
        for name, function in functions.items():
            gc.collect()
            taken = function(round_)
            if round_:  # the first round warms up
                found[name].append(taken)
    return {name: statistics.median(values) for name, values in found.items()}


def use_processor_time() -> None:
    """Measure with the processor's time in place of the clock from here on."""
    global now
    now = time.process_time


def timed(function: Callable[[], object]) -> float:
    start = now()
    function()
    return 1000 * (now() - start)


class Peers:
    """The same weights in gptcore and in transformers, and a line to TransformerLens if it is there."""

    def __init__(self, folder: Path) -> None:
        from transformers import GPT2LMHeadModel

        torch.manual_seed(0)
        save_model(GPTModel(GPT2_SMALL), folder)
        self.ours = load_model(folder).lay_out_for_steps()
        self.holder = Holder(self.ours)
        self.fused = GPT2LMHeadModel.from_pretrained(folder).eval()
        self.eager = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()  # the one that gives attentions

    def trace(self, store: TraceStore, ids: tuple[int, ...]) -> Trace:
        return self.holder.trace(store, ids)


@contextmanager
def transformer_lens(threads: int, busy: bool) -> Iterator[Callable[[str], float] | None]:
    """A function that has TransformerLens do one thing ("time 128", "memory 1024") and returns its figure; None without it."""
    interpreter = os.environ.get(PEER_INTERPRETER)
    if not interpreter:
        yield None
        return
    command = [interpreter, str(Path(__file__).with_name("transformer_lens_peer.py")), str(threads), *(["busy"] if busy else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(task: str) -> float:
            if process.poll() is None:
                print(task, file=process.stdin, flush=True)
            if not (answer := process.stdout.readline()):
                sys.exit(f"{interpreter} ({PEER_INTERPRETER}) could not run TransformerLens 2.x; its error stands above.")
            return float(answer)

        yield ask
        process.stdin.close()


def step_rows(peers: Peers, rounds: int) -> list[Row]:
    """STEPS greedy tokens after 128: with the trace, without it, and by transformers' generate; milliseconds a token."""
    from transformers import LogitsProcessor, LogitsProcessorList

    def traced(round_: int, choose: Callable[[Trace], int]) -> float:
        store, ids = TraceStore(), random_ids(128, round_)
        ids = (*ids, int(peers.trace(store, ids).logits.argmax()))
        times = []
        for _ in range(STEPS):
            start = now()
            chosen = choose(peers.trace(store, ids))
            times.append(1000 * (now() - start))
            ids = (*ids, chosen)
        return statistics.median(times)

    @torch.inference_mode()
    def untraced(round_: int) -> float:
        caches = [KeptKeysValues(peers.ours, 256) for _ in peers.ours.blocks]
        chosen = int(peers.ours(torch.tensor([random_ids(128, round_)]), caches)[0, -1].argmax())
        times = []
        for step in range(STEPS):
            start = now()
            chosen = int(peers.ours(torch.tensor([[chosen]]), caches, 128 + step)[0, -1].argmax())
            times.append(1000 * (now() - start))
        return statistics.median(times)

    class Clock(LogitsProcessor):  # called once a token
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            moments.append(now())
            return scores

    moments: list[float] = []

    def theirs(round_: int, **settings: object) -> float:
        moments.clear()
        ids = torch.tensor([random_ids(128, round_)])
        peers.fused.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=STEPS + 1, min_new_tokens=STEPS + 1, pad_token_id=0,
            use_cache=True, logits_processor=LogitsProcessorList([Clock()]), **settings,
        )  # fmt: skip
        return 1000 * statistics.median(b - a for a, b in itertools.pairwise(moments))

    settings = SamplingSettings(temperature=0.8, top_k=40, top_p=0.9)
    found = in_turns(
        rounds,
        traced=lambda r: traced(r, lambda trace: int(trace.logits.argmax())),
        untraced=untraced,
        greedy=lambda r: theirs(r, do_sample=False),
        sampled=lambda r: traced(r, lambda trace: select(trace.logits, settings, trace.n_tokens).chosen_id),
        their_sampled=lambda r: theirs(r, do_sample=True, temperature=0.8, top_k=40, top_p=0.9),
    )
    what = "a step with its trace, 128 tokens before it"
    return [
        against(f"{what}, greedy", found["traced"], found["untraced"], "the same without trace", 1.15),
        against(f"{what}, greedy", found["traced"], found["greedy"], "transformers' generate", 1 / 1.2),
        against(f"{what}, sampled", found["sampled"], found["their_sampled"], "transformers' generate", 1 / 1.2),
    ]


def prompt_rows(peers: Peers, rounds: int, ask: Callable[[str], float] | None) -> list[Row]:
    """The trace of a new prompt with its logits, against all attentions and hidden states of the others."""
    rows = []
    for n_tokens, most, most_lens in ((16, 0.7, 0.5), (128, 0.7, 0.5), (1024, 0.5, 0.5)):

        def ours(round_: int, n_tokens: int = n_tokens) -> float:
            ids = random_ids(n_tokens, round_)
            return timed(lambda: peers.trace(TraceStore(), ids).logits)

        @torch.inference_mode()
        def theirs(round_: int, n_tokens: int = n_tokens) -> float:
            ids = torch.tensor([random_ids(n_tokens, round_)])
            return timed(lambda: peers.eager(ids, output_attentions=True, output_hidden_states=True, use_cache=True))

        functions: dict[str, Callable[[int], float]] = {"ours": ours, "theirs": theirs}
        if ask is not None:
            functions["lens"] = lambda _, n_tokens=n_tokens: ask(f"time {n_tokens}")
        found = in_turns(rounds if n_tokens < 1024 else max(3, rounds // 3), **functions)
        what = f"trace of a prompt of {n_tokens:,} tokens"
        rows.append(against(what, found["ours"], found["theirs"], "transformers with all outputs", most))
        rows.append(against(what, found["ours"], found.get("lens"), "TransformerLens' run_with_cache", most_lens))
    return rows


def memory_rows(folder: Path, threads: int, ask: Callable[[str], float] | None) -> list[Row]:
    """What a prompt of 1,024 tokens takes beyond the weights, each in a process of its own."""

    def of(whom: str) -> float:
        command = [
            sys.executable,
            "-m",
            "benchmarks.core",
            "--memory-of",
            whom,
            "--folder",
            str(folder),
            "--threads",
            str(threads),
        ]
        return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])

    ours, what = of("gptcore"), "extra memory for the trace of 1,024 tokens"
    lens = ask("memory 1024") if ask is not None else None
    return [
        against(what, ours, of("transformers"), "transformers with all outputs", 1 / 4, "MB"),
        against(what, ours, lens, "TransformerLens' run_with_cache", 1 / 15, "MB"),
    ]


@torch.inference_mode()
def memory_of(whom: str, folder: Path) -> float:
    """MB at the worst moment, and kept at the end, above what the loaded and warm model takes."""
    ids = random_ids(1024, 1)
    if whom == "gptcore":
        holder, store = Holder(load_model(folder).lay_out_for_steps()), TraceStore()
        return peak_growth(lambda n: holder.trace(store, ids[:n]).logits, holder.model.parameters())
    from transformers import GPT2LMHeadModel

    theirs = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
    return peak_growth(
        lambda n: theirs(torch.tensor([ids[:n]]), output_attentions=True, output_hidden_states=True, use_cache=True),
        theirs.parameters(),
    )


def view_rows(peers: Peers, rounds: int) -> list[Row]:
    """Looking at what is kept: absolute budgets."""
    store, ids = TraceStore(), random_ids(128, 1)
    trace = peers.trace(store, ids)
    trace.logits.any()
    views: dict[str, tuple[Callable[[int], object], float]] = {
        "attention of one layer, 128 tokens": (lambda r: trace.attention(r % 12), 20),
        "LayerNorm before attention, 128 tokens": (lambda r: trace.layer_norm(r % 12, "ln_1"), 20),
        "LayerNorm before feed-forward, 128 tokens": (lambda r: trace.layer_norm(r % 12, "ln_2"), 20),
        "feed-forward of one layer, 128 tokens": (lambda r: trace.feed_forward(r % 12), 20),
        "lens of one position, all layers": (lambda r: trace.lens((r,)), 60),
        "newest row of all 144 heads": (lambda r: trace.newest_row(), 20),
        "rewind to a step with its logits kept": (lambda r: peers.trace(store, ids).logits, 1),
        "rewind to a step whose logits are not kept": (lambda r: peers.trace(store, ids[: 10 + r]).logits, 20),
        "overview of all maps, 128 tokens": (lambda r: trace.attention_overview(), 1000),
        "all self-checks, 128 tokens": (lambda r: trace.check(), 1000),
    }
    found = in_turns(rounds, **{name: (lambda r, view=view: timed(lambda: view(r))) for name, (view, _) in views.items()})
    return [Row(name, f"{found[name]:.1f} ms", found[name], " ms", limit) for name, (_, limit) in views.items()]


@torch.inference_mode()
def parity_row(peers: Peers) -> Row:
    """All logits of 128 tokens against transformers': the largest difference over the largest logit."""
    ids = random_ids(128, 1)
    ours, theirs = peers.trace(TraceStore(), ids).logits_at(range(128)), peers.fused(torch.tensor([ids])).logits[0].numpy()
    apart = float(abs(ours - theirs).max() / abs(theirs).max())
    return Row("logits of 128 tokens against transformers', of the largest", f"{apart:.1e}", apart, "", 1e-5)


def main() -> None:
    """Print every row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="turns that each takes (default 9)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of torch, for all (default: all cores)")
    parser.add_argument(
        "--busy",
        action="store_true",
        help="for a machine that does other work: one thread, and processor time in place of the clock",
    )
    parser.add_argument("--memory-of", choices=("gptcore", "transformers"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.busy:
        use_processor_time()
        chosen.threads = 1
    torch.set_num_threads(chosen.threads)
    if chosen.memory_of:
        print(memory_of(chosen.memory_of, chosen.folder))
        return
    clock = "processor time" if chosen.busy else "time"
    print(
        f"GPT-2 small, random weights, {chosen.threads} threads, torch {torch.__version__}; median {clock} of {chosen.rounds} rounds\n"
    )
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder, transformer_lens(chosen.threads, chosen.busy) as ask:
        peers = Peers(Path(folder))
        for rows in (
            lambda: [parity_row(peers)],
            lambda: memory_rows(Path(folder), chosen.threads, ask),  # before TransformerLens does anything else
            lambda: step_rows(peers, chosen.rounds),
            lambda: view_rows(peers, chosen.rounds),
            lambda: prompt_rows(peers, chosen.rounds, ask),
        ):
            for row in rows():
                print(line(row), flush=True)


if __name__ == "__main__":
    main()
