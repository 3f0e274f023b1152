"""What the pods of `eks` and the tasks of `ecs` have in common: what they are told, and what they may do."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager

from infra.shared.backend import MESSAGE_OPERATIONS, Backend
from infra.shared.balancer import METRICS_PORT, PORT, SHUTDOWN_SECONDS


def pod_environment(backend: Backend, secret: secretsmanager.Secret) -> dict[str, str]:
    """Return the variables of a container, but for HOST. The secret itself is not among them: pods read it."""
    stack = Stack.of(backend.api)
    return {
        **backend.environment,
        "AWS_REGION": stack.region,
        "API_ID": backend.api.api_id,
        "DOMAIN_NAME": f"{backend.api.api_id}.execute-api.{stack.region}.{stack.url_suffix}",
        "GATEWAY_SECRET_ARN": secret.secret_arn,
        "PORT": str(PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
    }


def allow_pods(role: iam.Role, backend: Backend, secret: secretsmanager.Secret) -> None:
    """Let `role` serve connections, answer messages and read the gateway's secret, and nothing else."""
    backend.table.grant(role, *(f"dynamodb:{operation}" for operation in MESSAGE_OPERATIONS))
    backend.allow_messages(role)
    role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn]))
