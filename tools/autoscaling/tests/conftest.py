"""What holds for every test of this tool, as in the repository's own conftest.py."""

from hypothesis import settings

# No deadline: on a busy machine any example may take long.
settings.register_profile("duplex", deadline=None)
settings.load_profile("duplex")
