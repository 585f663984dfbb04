"""The K/V cache."""
