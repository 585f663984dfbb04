"""From GPT-2 to GPT-3."""
