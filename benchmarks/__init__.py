"""Speed and memory of hoad, alone (asv) and beside its peers (``python -m benchmarks.peers``)."""
