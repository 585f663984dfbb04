"""Which texts the pages bring along: candidates, what each must show in the running model, and the choice."""
