"""The stages of attention as formulas, with the numbers of one query and one key put in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from app.chapters.attention.views import AttentionMap, Matrix
from app.ui import latex_lines
from app.writing.worked import BREAK, begun, bracketed, entropy_terms, latex_number, worked
from gptcore.activations import AttentionActivations

NOTES = {
    "scores": "How well the key fits the query. It is computed for all pairs, and at first also for keys that come later.",
    "scaled": "With more dimensions such sums grow by themselves; the root of the head's width takes that out again.",
    "masked": "A key that comes after its query gets minus infinity, so that softmax gives it exactly 0.",
    "pattern": "Softmax makes each row positive and its sum 1. m is the largest value of the row; subtracting it changes nothing but keeps "
    "the powers small.",
    "read": "The head adds up the value vectors, each times its weight. The map shows how long each of these vectors is.",
    "mean": "The mean over the heads of this layer, cell by cell. Its rows sum to 1.",
    "largest": "The largest weight that any head of this layer has in this cell. These rows do not sum to 1.",
}


def of_cell(found: AttentionActivations, shown: AttentionMap, key: int) -> str:
    """LaTeX. found: the query in focus alone, with the head in focus or, where heads are taken together, all of them."""
    query = found.positions[0]
    if shown.together != "one":
        return _heads(found, shown, query, key)
    name = rf"s_{{{query},\,{key}}}"
    score, scaled, width = float(found.scores[0, 0, key]), float(found.scaled[0, 0, key]), found.q.shape[-1]
    if shown.stage == "scores":
        pairs = [(float(found.q[0, 0, d]), float(found.k[0, key, d])) for d in range(width)]
        terms, out = _products(pairs, score)
        return latex_lines(rf"{name} &= q_{{{query}}} \cdot k_{{{key}}}", f"&= {terms}", f"&{out}")
    if shown.stage == "scaled":
        root = worked(lambda value: value / math.sqrt(width), [score], scaled)
        return latex_lines(rf"\frac{{{name}}}{{\sqrt{{d}}}} &= \frac{{{root.inputs[0]}}}{{\sqrt{{{width}}}}}", f"&{root.out}")
    if shown.stage == "masked":
        sign, value = (">", r"-\infty") if key > query else (r"\le", latex_number(scaled))
        return rf"{key} {sign} {query} \;\Rightarrow\; {value}"
    weight = float(found.pattern[0, 0, key])
    if shown.stage == "pattern":
        return _softmax(found, query, key, weight)
    length = float(np.linalg.norm(found.v[0, key]))
    read = worked(lambda a, v: a * v, [weight, length], weight * length)
    return latex_lines(
        rf"a_{{{query},\,{key}}} \, \lVert v_{{{key}}} \rVert &= {read.inputs[0]} \cdot {read.inputs[1]}", f"&{read.out}"
    )


def of_words(weights: Matrix, shown: AttentionMap, row: int, column: int) -> str:
    """LaTeX of a cell of joined words. weights: attention_views.joined_cell."""
    given = weights.astype(np.float64).sum(1)
    terms, out = _sum(given.tolist(), float(given.mean()), lambda *values: math.fsum(values) / len(given))
    cell, one = (r"\bar{A}", r"\bar{a}") if shown.together == "mean" else ("A", "a")
    return latex_lines(
        rf"{cell}_{{{row},\,{column}}} &= \frac{{1}}{{\lvert Q \rvert}} \sum_{{i \in Q}} \sum_{{j \in K}} {one}_{{i,\,j}}",
        rf"&= \frac{{{terms}}}{{{len(given)}}}",
        f"&{out}",
    )


def about_words(shown: AttentionMap, row: int, column: int) -> str:
    """What stands in the formula of joined words, in plain words."""
    words = list(shown.words or ())
    first, last = ([words.index(word), len(words) - 1 - words[::-1].index(word)] for word in (row, column))
    pieces = [f"position {a}" if a == b else f"positions {a} to {b}" for a, b in (first, last)]
    mean = "ā is the mean over the heads of this layer. " if shown.together == "mean" else ""
    return (
        f"Q are the pieces of the query's word ({pieces[0]}), K those of the key's word ({pieces[1]}). {mean}"
        "Each number above the line is what one piece of Q gives to all of K."
    )


def row_sum(weights: np.ndarray, query: int) -> str:
    """LaTeX: the weights of one query [key] sum to 1; the largest two are written out."""
    if query == 0:  # a sum of one
        return rf"\sum_{{j \le 0}} a_{{0,\,j}} = a_{{0,\,0}} = {latex_number(float(weights[0]))}"
    seen = np.sort(weights[: query + 1].astype(np.float64))[::-1].tolist()
    terms, out = _sum(seen, math.fsum(seen), lambda *values: math.fsum(values))
    return rf"\sum_{{j \le {query}}} a_{{{query},\,j}} = {terms} {out}"


def mean_on_first(weights: Sequence[float], first_query: int) -> str:
    """LaTeX: the mean weight on the first token, of queries from this position on; the first two are written out."""
    mean = math.fsum(weights) / len(weights)
    terms, out = _sum(weights, mean, lambda *values: math.fsum(values) / len(values))
    return latex_lines(
        rf"\frac{{1}}{{{len(weights)}}} \sum_{{i \ge {first_query}}} a_{{i,\,0}} &= \frac{{{terms}}}{{{len(weights)}}}", f"&{out}"
    )


def entropy(weights: np.ndarray, query: int) -> str:
    """LaTeX: the entropy in bits of the weights of one query [key]; the terms of the largest two are written out."""
    seen = np.sort(weights[: query + 1].astype(np.float64))[::-1]
    given = [weight for weight in seen.tolist() if weight > 0]
    bits = max(0.0, -math.fsum(weight * math.log2(weight) for weight in given))
    terms, relation = entropy_terms(given, bits)
    return latex_lines(
        rf"H_{{{query}}} &= -\sum_{{j \le {query}}} a_{{{query},\,j}} \log_2 a_{{{query},\,j}}",
        f"&= {terms}",
        rf"&{relation} {latex_number(bits)}\text{{ bits}}",
    )


def _sum(values: Sequence[float], result: float, function: Callable[..., float]) -> tuple[str, str]:
    """The first two of these numbers and dots for the others; relation and result. function: of all of them."""
    found = worked(function, values, result) if len(values) <= 2 else begun(values[:2], result)
    return " + ".join(found.inputs) + (r" + \cdots" if len(values) > 2 else ""), found.out


def _products(pairs: Sequence[tuple[float, float]], result: float) -> tuple[str, str]:
    """The first two products, a line each, and dots for the others; relation and result."""
    first = [factor for pair in pairs[:2] for factor in pair]
    found = begun(first, result)
    if len(pairs) <= 2:
        found = worked(lambda *v: math.fsum(map(math.prod, zip(v[::2], v[1::2], strict=True))), first, result)
    factors = [bracketed(text) for text in found.inputs]
    terms = [rf"{a} \cdot {b}" for a, b in zip(factors[::2], factors[1::2], strict=True)]
    return (BREAK + " + ").join(terms) + (r" + \cdots" if len(pairs) > 2 else ""), found.out


def _softmax(found: AttentionActivations, query: int, key: int, weight: float) -> str:
    """With the row's largest value taken off first, which no exponential can overflow."""
    row = found.scaled[0, 0, : query + 1].astype(np.float64)
    largest = float(row.max())
    fitting = float(row[key]) if key <= query else -math.inf
    a = worked(lambda s, m, total: math.exp(s - m) / total, [fitting, largest, float(np.exp(row - largest).sum())], weight)
    s, m, total = a.inputs
    above = r"e^{-\infty}" if key > query else rf"e^{{{s} - {bracketed(m)}}}"
    fit, below = rf"e^{{s_{{{query},\,{key}}} / \sqrt{{d}} - m}}", rf"e^{{s_{{{query},\,j}} / \sqrt{{d}} - m}}"
    return latex_lines(
        rf"a_{{{query},\,{key}}} &= \frac{{{fit}}}{{\sum_{{j \le {query}}} {below}}}",
        rf"&= \frac{{{above}}}{{{total}}}",
        f"&{a.out}",
    )


def _heads(found: AttentionActivations, shown: AttentionMap, query: int, key: int) -> str:
    weights = found.pattern[:, 0, key].astype(np.float64)
    if shown.together == "largest":
        largest = np.sort(weights)[::-1][:2]  # first, so that the result is among the numbers that are written out
        inner = ", ".join(map(latex_number, largest)) + (r", \dots" if len(weights) > 2 else "")
        return latex_lines(rf"\max_h a^{{(h)}}_{{{query},\,{key}}} &= \max({inner})", f"&= {latex_number(float(largest[0]))}")
    terms, out = _sum(weights.tolist(), float(weights.mean()), lambda *values: math.fsum(values) / len(weights))
    return latex_lines(rf"\frac{{1}}{{H}} \sum_h a^{{(h)}}_{{{query},\,{key}}} &= \frac{{{terms}}}{{{len(weights)}}}", f"&{out}")
