#!/usr/bin/env python3
"""The CDK app. `cdk synth` and `cdk deploy` run it.

`python app.py NAME=VALUE …` writes the same cdk.out without the CDK CLI; the options are those of `cdk synth -c`.
"""

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
    options = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
    build_app(os.environ.get("CDK_OUTDIR", "cdk.out"), **options).synth()
except (SettingsError, LayerError) as error:
    sys.exit(f"app.py: {error}")
