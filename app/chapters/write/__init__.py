"""Writing: one token after another."""
