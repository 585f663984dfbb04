"""What is taken out of a book before a model is trained on it: leftovers of its printing, scholars' notes, copies of other books.

Held-out books are never cleaned: losses on them must stay comparable from one model to the next.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import accumulate

_PICTURE = re.compile(r"^\W*(?:Illustration|Footnotes?|Transcriber)\b.*[:.]", re.IGNORECASE)
_LEFTOVER = re.compile(r"\{\d+\}|[|~]|\*+")  # marks of notes and of type: {311}, *, |, ~
_BLANKS = re.compile(r"[ \t]{2,}")


def cleaned(text: str) -> str:
    """The book without captions, marks of its printing, and what scholars wrote before and after the tales."""
    return without_notes("\n".join(_clean_line(line) for line in text.splitlines()))


def _clean_line(line: str) -> str:
    """One paragraph without marks; nothing if it is a caption, or if no letter or digit is left."""
    if not line or _PICTURE.match(line):
        return ""
    plain = _BLANKS.sub(" ", _LEFTOVER.sub("", line.replace("`", "'"))).strip()
    return plain if any(c.isalnum() for c in plain) else ""


# What a paragraph about tales has and a tale has not: references, years, and the words of those who collect.
_REFERENCE = re.compile(
    r"\bpp?\. ?\d|\b[Vv]ols?\. |\b[Ii]bid|\b[Cc]f\.|\bNo\. [xivlc\d]|\bSource\.|\bParallels\.|\bRemarks\.|\bl(?:oc)?\. ?c(?:it)?\."
    r"|\bSanskrit|\bMSS?\.|[Ff]olk-?[ -]?[Ll]ore|\b[Mm]ytholog|\b[Ee]tymolog|\bAryan|\b[Ff]olk-tales?\b|\b[Vv]ariants?\b"
    r"|\b[Tt]ranslat(?:ed|ion)|\b[Cc]ollect(?:ed|ion|or)|\b1[5-9]\d\d\b"
)
_LEAST_NOTES = 500  # characters: less is a tale that mentions a year


def without_notes(text: str) -> str:
    """The book without the preface and the notes that a scholar has put around the tales.

    A paragraph with a reference speaks for notes with its length, one without speaks against them with half of it; the beginning and
    the end that gather most in favour are cut off, unless that is less than 500 characters.
    """
    paragraphs = text.splitlines(keepends=True)
    first = _notes_at_the_start(paragraphs)
    last = len(paragraphs) - _notes_at_the_start(paragraphs[:first:-1])
    return "".join(paragraphs[first:last]).strip()


def _notes_at_the_start(paragraphs: list[str]) -> int:
    weights = (len(p) if _REFERENCE.search(p) else -len(p) / 2 for p in paragraphs)
    evidence = [0.0, *accumulate(weights)]
    most = max(evidence)
    return evidence.index(most) if most >= _LEAST_NOTES else 0


_RUN = 13  # words in a row that two authors do not write by chance (the length that GPT-3's authors took for overlap)
_LEAST_COPY = 60  # characters: a shorter paragraph ("Yes, sir.") stands in many books


def without_copies(books: Mapping[str, str], held_out: Collection[str]) -> dict[str, str]:
    """The books without the paragraphs that share 13 words in a row with a held-out book, or that an earlier book has whole.

    A collection that prints a chapter of a held-out book would make its loss look better than it is. (Brown et al. 2020, appendix C,
    https://arxiv.org/abs/2005.14165.)
    """
    forbidden = {run for text in held_out for run in _runs(text)}
    seen: set[str] = set()
    kept: dict[str, str] = {}
    for name, text in books.items():
        lines = []
        for line in text.splitlines():
            if line and not forbidden.isdisjoint(_runs(line)):
                continue
            if len(line) >= _LEAST_COPY:
                if line in seen:
                    continue
                seen.add(line)
            lines.append(line)
        kept[name] = _GAPS.sub("\n\n", "\n".join(lines)).strip()
    return kept


_GAPS = re.compile(r"\n{3,}")


def _runs(text: str) -> set[int]:
    """A number for every run of 13 words; two different runs do not meet by chance."""
    words = re.findall(r"[a-z]+", text.lower())
    return {hash(tuple(words[i : i + _RUN])) for i in range(len(words) - _RUN + 1)}
