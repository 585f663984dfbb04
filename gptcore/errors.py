"""The error family of gptcore: every message names the value, the limit and what to do."""

from __future__ import annotations


class GPTCoreError(Exception):
    """Base of everything that gptcore raises on purpose; the text is fit to be shown to a user."""


class ConfigError(GPTCoreError, ValueError):
    """A configuration that cannot describe a model."""


class SequenceLengthError(GPTCoreError, ValueError):
    """Token ids that do not fit: none at all, or more than the context length."""


class TokenError(GPTCoreError, ValueError):
    """A token id outside the vocabulary, or text that the tokenizer cannot take."""


class OutOfRangeError(GPTCoreError, IndexError):
    """A layer, head or position that the model or the sequence does not have."""


class InterventionError(GPTCoreError, ValueError):
    """An intervention that says nothing that could be computed: not whole numbers, an unknown site, a text that is none."""


class DeviceError(GPTCoreError, ValueError):
    """A device that this machine does not have, or that is none."""


class SamplingError(GPTCoreError, ValueError):
    """A sampling setting outside its range."""


class CheckpointError(GPTCoreError):
    """Weights or a tokenizer that cannot be found, read, downloaded or matched to the architecture."""


class DownloadStopped(CheckpointError):
    """A download that was called off by whoever asked for it."""


class CorpusError(GPTCoreError, ValueError):
    """A training corpus that is missing, empty, too small or not UTF-8."""


class LessonError(GPTCoreError, ValueError):
    """A setting of one of the small experiments outside its range."""
