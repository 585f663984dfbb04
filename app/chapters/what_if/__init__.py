"""The page of parts that are switched off."""
