"""The feed-forward network and its activation function."""
