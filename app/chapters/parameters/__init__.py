"""Parameters: counts, weights, configurations."""
