"""Tokens, and the model's surprise at each of them."""
