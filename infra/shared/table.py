"""The one DynamoDB table: connections, sessions and streams."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.settings import Settings


def build_table(scope: Construct, settings: Settings) -> dynamodb.TableV2:
    """Return the table: `pk` and `sk` are texts, `expiresAt` is the TTL in epoch seconds, capacity is on demand.

    Unless `retain_table` is set, it goes with the stack: what it holds is transient.
    """
    return dynamodb.TableV2(
        scope,
        "Table",
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing=dynamodb.Billing.on_demand(),
        time_to_live_attribute="expiresAt",
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        encryption=dynamodb.TableEncryptionV2.aws_managed_key(),
        removal_policy=RemovalPolicy.RETAIN if settings.retain_table else RemovalPolicy.DESTROY,
    )
