"""`localcloud`, or `python -m localcloud`: run a CloudFormation template that has a WebSocket API on this machine."""

import os
import signal


def main() -> None:
    """The command."""
    # Ctrl-C while modules are still being imported: nothing has been started, so nothing has to be stopped.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    from localcloud.cli import app  # noqa: PLC0415 - after the line above

    app(prog_name="localcloud")


if __name__ == "__main__":
    main()
