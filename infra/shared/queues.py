"""Queues: what can wait, what happens when it fails for good, and who is told."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from infra.settings import Settings

# A message is put aside when it has failed so often.
ATTEMPTS = 5
# AWS's advice: six times the function's timeout, "Configuring a queue to use with Lambda", AWS Lambda Developer Guide.
VISIBILITY = 6


def build_queue(scope: Construct, construct_id: str, settings: Settings) -> sqs.Queue:
    """Return a queue whose messages, after ATTEMPTS failures, wait in a dead-letter queue, which raises an alarm."""
    dead = sqs.Queue(
        scope,
        f"{construct_id}Dead",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
    cloudwatch.Alarm(
        scope,
        f"{construct_id}DeadAlarm",
        alarm_description=f"{construct_id}: messages that failed {ATTEMPTS} times wait in the dead-letter queue",
        metric=dead.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum"),
        threshold=0,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=Duration.seconds(VISIBILITY * settings.timeout_seconds),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=ATTEMPTS),
    )


def feed(function: lambda_.Function, queue: sqs.Queue) -> None:
    """Run the function on what is in the queue; it says which messages of a batch have failed."""
    function.add_event_source(SqsEventSource(queue, batch_size=10, report_batch_item_failures=True))
