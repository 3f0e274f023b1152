"""What holds for every test of the repository."""

from hypothesis import settings

# No deadline: on a busy machine any example may take long. Speed is what benchmarks are for.
settings.register_profile("duplex", deadline=None)
settings.load_profile("duplex")
