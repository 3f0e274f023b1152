"""What becomes of messages while things fail on purpose: `python -m tests.faults` reproduces docs/reliability.md."""
