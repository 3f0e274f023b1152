"""What runs by the clock."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


def every_minute(scope: Construct, construct_id: str, function: lambda_.IFunction) -> None:
    """Run the function once a minute. A run that fails is not repeated: the next one is due before long."""
    rule = events.Rule(scope, construct_id, schedule=events.Schedule.rate(Duration.minutes(1)))
    rule.add_target(targets.LambdaFunction(function, retry_attempts=0))
