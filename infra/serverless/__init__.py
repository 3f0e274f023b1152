"""The variant on Lambda."""
