"""`python -m local`: run what `cdk synth` wrote, on this machine."""

import os
import signal

# Ctrl-C while modules are still being imported: nothing has been started, so nothing has to be stopped.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from local.cli import app  # noqa: E402 - after the line above

app(prog_name="python -m local")
