"""The AWS side as code: settings, constructs and the stacks that `app.py` builds."""

from infra.node import use_pinned_node

use_pinned_node()
