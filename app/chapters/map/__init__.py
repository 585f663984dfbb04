"""The map of the whole model."""
