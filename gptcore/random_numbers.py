"""Random numbers without a state: of a seed and a position, the same on every machine. Needs neither torch nor numpy."""

from __future__ import annotations

MAX_SEED = 2**32 - 1


def random_number(seed: int, position: int) -> float:
    """The u in [0, 1) of (seed, absolute position): 53 bits, the same on every machine, no state.

    SplitMix64 (Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195): the stream of `seed` read at `position`.
    The seed is mixed once before, or the streams of neighbouring seeds would be shifted copies of one another.
    """
    return (_mix(_mix(seed + _GAMMA) + (position + 1) * _GAMMA) >> 11) * 2.0**-53


_GAMMA = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def _mix(x: int) -> int:
    """SplitMix64's finaliser: 64 bits to 64 bits, each output bit hangs on every input bit."""
    x &= _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
