"""The one way in which functions are made here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import layer
from infra.settings import LOG_RETENTION_DAYS, Settings
from infra.shared.lint import acknowledge, allow_obsolete_dependencies

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64

# All but the two folders' Python. Ignoring `/*` keeps the search out of .venv and node_modules.
NOT_SOURCE = (
    *("/*", "!/backend", "!/lambdas"),
    *("/backend/**", "/lambdas/**", "!/backend/**/", "!/lambdas/**/", "!/backend/**/*.py", "!/lambdas/**/*.py"),
    "**/__pycache__",
)


def retention(settings: Settings) -> logs.RetentionDays:
    return dict(zip(LOG_RETENTION_DAYS, logs.RetentionDays, strict=False))[settings.log_retention_days]


class Dependencies(lambda_.LayerVersion):
    """What the functions import beside themselves.

    It is installed when a synth needs it, which `cdk ls` and `cdk destroy` do not: they get a layer that is never used.
    The metadata names the folder with the same versions for this machine, for the local cloud.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        folder = layer.ensure() if Stack.of(scope).bundling_required else layer.LAYER.lock.parent
        super().__init__(
            scope,
            construct_id,
            code=lambda_.Code.from_asset(str(folder)),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            description="Pinned dependencies of the Duplex functions",
        )
        resource = cast("lambda_.CfnLayerVersion", self.node.default_child)
        resource.add_metadata("localcloud:layer", "build/host")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFunction:
    function: lambda_.Function
    role: iam.Role


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFactory:
    """Builds functions that differ in their handler, in what they may do, and in little else.

    All share one asset, our own pure Python: small enough to swap in seconds, and the same files that run locally.
    """

    scope: Construct
    settings: Settings
    table: dynamodb.ITable
    layers: Sequence[lambda_.ILayerVersion]
    environment: Mapping[str, str]

    def build(
        self,
        construct_id: str,
        handler: str,
        *,
        operations: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> BuiltFunction:
        """Return a function with a log group and a role of its own.

        The role may do the DynamoDB `operations` on the table, and write its own log: AWSLambdaBasicExecutionRole
        would let it write every log of the account.
        """
        log_group = logs.LogGroup(
            self.scope,
            f"{construct_id}Log",
            retention=retention(self.settings),
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(self.scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        if operations:
            self.table.grant(role, *(f"dynamodb:{operation}" for operation in operations))
        function = lambda_.Function(
            self.scope,
            construct_id,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_.Code.from_asset(str(layer.ROOT), exclude=list(NOT_SOURCE), ignore_mode=IgnoreMode.GIT),
            handler=handler,
            layers=list(self.layers),
            role=role,
            memory_size=self.settings.memory_mb,
            timeout=Duration.seconds(self.settings.timeout_seconds),
            environment={**self.environment, **(environment or {})},
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            # The START and REPORT lines of every invocation are INFO: most of a chatty socket's log, paid by the byte.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
        )
        resource = cast("lambda_.CfnFunction", function.node.default_child)
        # Where the asset was staged from, relative to the project: the local cloud takes edits from there.
        resource.add_metadata("localcloud:source", ".")
        # On its role's policy, and on the role.
        allow_obsolete_dependencies(function)
        acknowledge(
            function,
            "AwsSolutions-L1",
            "python3.13 is a current runtime; the layer's wheels are built for it, and both move together.",
        )
        return BuiltFunction(function=function, role=role)
