#!/usr/bin/env python3
"""The CDK app. `cdk synth` and `cdk deploy` run it; so can `python app.py`, which writes cdk.out too."""

import os
import sys

from infra.checks import SettingsError
from infra.layer import LayerError

try:
    from infra.assembly import build_app
except ModuleNotFoundError as error:
    sys.exit(
        f"app.py: the Python package {error.name} is missing; run `make install`, or "
        "`pip install -r requirements.txt` in an activated virtual environment"
    )

try:
    build_app(os.environ.get("CDK_OUTDIR", "cdk.out")).synth()
except (SettingsError, LayerError) as error:
    sys.exit(f"app.py: {error}")
