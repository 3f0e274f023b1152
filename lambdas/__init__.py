"""Lambda entry points: `lambdas.<name>.handler`, one small module a function."""
