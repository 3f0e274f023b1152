"""What pods that hold sockets cost: `python -m tests.benchmarks.sockets`."""
