"""The page of attribution."""
