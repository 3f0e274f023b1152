"""From context to stacks: what `app.py`, the cdk-nag report and the tests have in common."""

import json
from collections.abc import Set

from aws_cdk import App

from infra.ecs.stack import EcsStack
from infra.layer import ROOT
from infra.serverless.stack import LambdaStack
from infra.settings import Settings

# What the CLI asks of every app it runs.
CLI_DEFAULTS = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}


def build_app(outdir: str, **options: object) -> App:
    """Return the app with a stack for each backend, to be synthesized into `outdir`.

    The CLI hands over cdk.json's context itself, with `-c` on top, and its own defaults; the same must hold without
    the CLI, or the template would be another. Raises SettingsError for an option that is wrong, LayerError when the
    layer cannot be installed.
    """
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = App(outdir=outdir, context={**CLI_DEFAULTS, **context, **options})
    settings = Settings.from_context(app.node.get_all_context())
    backends = set(settings.backends)
    if "lambda" in backends:
        LambdaStack(app, settings)
    if "ecs" in backends:
        EcsStack(app, settings)
    if backends & {"eks", "sockets"}:
        _add_cluster(app, backends, settings)
    return app


def _add_cluster(app: App, backends: Set[str], settings: Settings) -> None:
    # With it comes kubectl's layer, 36 MB that jsii unpacks: other variants are synthesized without.
    from infra.kubernetes.cluster import ClusterStack  # noqa: PLC0415
    from infra.kubernetes.eks import EksStack  # noqa: PLC0415
    from infra.kubernetes.sockets.stack import SocketStack  # noqa: PLC0415

    home = ClusterStack(app, settings)
    if "eks" in backends:
        EksStack(app, settings, home)
    if "sockets" in backends:
        SocketStack(app, settings, home)
