"""Lambda entry points: `lambdas.<name>.handler`, one small module a function."""

import gc

# Loading makes 100,000 objects and hardly any garbage: to look for it again and again is a fifteenth of a cold start.
# Events leave little that only the collector frees.
gc.set_threshold(50_000)
