"""How fast it is, as ratios against peers in the same run where there is a peer: `python -m benchmarks`."""
