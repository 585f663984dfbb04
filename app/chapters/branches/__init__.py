"""The page of texts that part."""
