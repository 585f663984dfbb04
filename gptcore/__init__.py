"""gptcore: GPT-2 from scratch, and everything it does on the way to the next token."""
