"""The commands of `compare`, one a module."""
