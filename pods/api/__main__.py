"""`python -m pods.api`."""

import sys

from pods.api.server import main

sys.exit(main())
