"""A folder for each page: what it tells, its parts, and the data they draw."""
