"""From context to stacks: what `app.py`, the cdk-nag report and the tests have in common."""

import json

from aws_cdk import App

from infra.lambda_stack import LambdaStack
from infra.layer import ROOT
from infra.settings import Settings

STACKS = {"lambda": LambdaStack}


def build_app(outdir: str, **options: object) -> App:
    """Return the app with a stack for each backend, to be synthesized into `outdir`.

    The CLI hands over cdk.json's context itself, with `-c` on top; the same flags must hold without the CLI, or the
    template would be another. Raises SettingsError for an option that is wrong, LayerError when the layer is not built.
    """
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = App(outdir=outdir, context={**context, **options})
    settings = Settings.from_context(app.node.get_all_context())
    for backend in settings.backends:
        STACKS[backend](app, settings)
    return app
