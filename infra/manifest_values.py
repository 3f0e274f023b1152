"""The values files of `python -m infra.manifests`: what differs from cluster to cluster."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import msgspec
import yaml

_ARN = r"^arn:aws[a-z-]*:{}:"
_QUEUE_URL = r"^https?://[^\s]+$"

Arn = Annotated[str, msgspec.Meta(pattern=_ARN.format("elasticloadbalancing"))]
QueueUrl = Annotated[str, msgspec.Meta(pattern=_QUEUE_URL)]
Cidr = Annotated[str, msgspec.Meta(pattern=r"^[0-9.]{7,15}/[0-9]{1,2}$")]

_HEAD = """\
# Names that differ from cluster to cluster. Those below are examples: put yours in, and run `make manifests` again.
"""

_EXAMPLE = """\
region: us-east-1
tableName: duplex
jobsUrl: https://sqs.us-east-1.amazonaws.com/123456789012/duplex-jobs
image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/duplex:1
# What the image was built for: arm64 or amd64.
architecture: arm64

# How pods get their role: pod-identity needs an association of the account {account} with the role, and no more
# here; irsa needs the role's ARN.
identity: pod-identity
roleArn: null

# What registers pods with the balancer: controller (the AWS Load Balancer Controller), auto-mode (EKS Auto Mode),
# or none, with which no target group is needed: Kind, say.
balancer: controller
targetGroupArn: arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/duplex/0123456789abcdef
# Where requests come from: the subnets of the balancer.
balancerCidrs: [10.0.0.0/24, 10.0.1.0/24]
"""

_GATEWAY_EXAMPLE = """
# API Gateway's side.
apiId: a1b2c3d4e5
deliveriesUrl: https://sqs.us-east-1.amazonaws.com/123456789012/duplex-deliveries
gatewaySecretArn: arn:aws:secretsmanager:us-east-1:123456789012:secret:duplex-AbCdEf
"""


class ValuesError(Exception):
    """A values file that cannot be used; one line that names the place and what would be right."""


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A values file: what both variants of pods need."""

    EXAMPLE: ClassVar[str] = _HEAD + _EXAMPLE.format(account="realtime/ws-gateway")

    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    table_name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
    jobs_url: QueueUrl
    image: Annotated[str, msgspec.Meta(pattern=r"^[^\s]+$")]
    architecture: Literal["arm64", "amd64"] = "arm64"
    identity: Literal["pod-identity", "irsa"]
    role_arn: Annotated[str, msgspec.Meta(pattern=_ARN.format("iam"))] | None = None
    balancer: Literal["controller", "auto-mode", "none"]
    target_group_arn: Arn | None = None
    balancer_cidrs: Annotated[list[Cidr], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        if self.identity == "irsa" and self.role_arn is None:
            raise ValueError("roleArn is missing: identity irsa needs it")
        if self.balancer != "none" and self.target_group_arn is None:
            raise ValueError(f"targetGroupArn is missing: balancer {self.balancer} needs it")

    @property
    def pseudo_parameters(self) -> dict[str, str]:
        """What CloudFormation knows of the place."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return {"AWS::Region": self.region, "AWS::URLSuffix": suffix}

    def reference(self, logical_id: str, kind: str) -> str:
        """Return what a Ref to a resource of the template stands for in this cluster."""
        if kind == "AWS::SQS::Queue":
            return self.queue(logical_id)
        return {
            "AWS::DynamoDB::GlobalTable": self.table_name,
            "AWS::ElasticLoadBalancingV2::TargetGroup": self.target_group_arn or "",
        }[kind]

    def queue(self, logical_id: str) -> str:
        return {"Jobs": self.jobs_url}[logical_id[:4]]


class GatewayValues(Values, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A values file of pods behind API Gateway."""

    EXAMPLE: ClassVar[str] = _HEAD + _EXAMPLE.format(account="duplex/duplex") + _GATEWAY_EXAMPLE

    api_id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,32}$")]
    deliveries_url: QueueUrl
    gateway_secret_arn: Annotated[str, msgspec.Meta(pattern=_ARN.format("secretsmanager"))]

    def reference(self, logical_id: str, kind: str) -> str:
        own = {"AWS::ApiGatewayV2::Api": self.api_id, "AWS::SecretsManager::Secret": self.gateway_secret_arn}
        return own[kind] if kind in own else Values.reference(self, logical_id, kind)

    def queue(self, logical_id: str) -> str:
        return self.jobs_url if logical_id.startswith("Jobs") else self.deliveries_url


AnyValues = TypeVar("AnyValues", bound=Values)


def read_values(path: Path, kind: type[AnyValues]) -> AnyValues:
    """Read a values file. Raises ValuesError."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ValuesError(f"{path}: {error.strerror}") from error
    except (msgspec.ValidationError, msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValuesError(f"{path}: {' '.join(str(error).split())}") from error
