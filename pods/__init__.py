"""The backend in containers."""
