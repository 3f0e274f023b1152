"""Lambda entry points: `lambdas.connect.handler`, `lambdas.disconnect.handler`, `lambdas.message.handler`."""
