"""Plain YAML for a cluster one already has, out of the manifests that the `eks` variant is synthesized with.

`python -m infra.manifests` (or `make manifests`) writes `application.yaml` and `autoscaling.yaml`, for `kubectl apply`.
What differs from cluster to cluster, the names on the side of AWS and how pods get their role, stands in a values file,
which the first run writes with examples. Nodes and KEDA are the cluster's own affair.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from infra.assembly import build_app
from infra.checks import SettingsError
from infra.kubernetes.names import Manifest
from infra.kubernetes.workload import service_account
from infra.layer import BUILD, LayerError

RESOURCE = "Custom::AWSCDK-EKS-KubernetesResource"
PRUNE = "aws.cdk.eks/prune-"
#: The files, by the logical ids of what is applied together; the ScaledObject needs KEDA's definitions in the cluster.
FILES = {"application.yaml": ("Namespace", "Application"), "autoscaling.yaml": ("Autoscaling",)}

EXAMPLE = """\
# Names that differ from cluster to cluster. Those below are examples: put yours in, and run `make manifests` again.
region: us-east-1
apiId: a1b2c3d4e5
tableName: duplex
jobsUrl: https://sqs.us-east-1.amazonaws.com/123456789012/duplex-jobs
deliveriesUrl: https://sqs.us-east-1.amazonaws.com/123456789012/duplex-deliveries
gatewaySecretArn: arn:aws:secretsmanager:us-east-1:123456789012:secret:duplex-AbCdEf
image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/duplex:1
# What the image was built for: arm64 or amd64.
architecture: arm64

# How pods get their role: pod-identity needs an association of the account duplex/duplex with the role, and no more
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

_ARN = r"^arn:aws[a-z-]*:{}:"
_QUEUE_URL = r"^https?://[^\s]+$"


class ValuesError(Exception):
    """A values file that cannot be used; one line that names the place and what would be right."""


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The values file."""

    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    api_id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,32}$")]
    table_name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
    jobs_url: Annotated[str, msgspec.Meta(pattern=_QUEUE_URL)]
    deliveries_url: Annotated[str, msgspec.Meta(pattern=_QUEUE_URL)]
    gateway_secret_arn: Annotated[str, msgspec.Meta(pattern=_ARN.format("secretsmanager"))]
    image: Annotated[str, msgspec.Meta(pattern=r"^[^\s]+$")]
    architecture: Literal["arm64", "amd64"] = "arm64"
    identity: Literal["pod-identity", "irsa"]
    role_arn: Annotated[str, msgspec.Meta(pattern=_ARN.format("iam"))] | None = None
    balancer: Literal["controller", "auto-mode", "none"]
    target_group_arn: Annotated[str, msgspec.Meta(pattern=_ARN.format("elasticloadbalancing"))] | None = None
    balancer_cidrs: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"^[0-9.]{7,15}/[0-9]{1,2}$")]], msgspec.Meta(min_length=1)
    ]

    def __post_init__(self) -> None:
        if self.identity == "irsa" and self.role_arn is None:
            raise ValueError("roleArn is missing: identity irsa needs it")
        if self.balancer != "none" and self.target_group_arn is None:
            raise ValueError(f"targetGroupArn is missing: balancer {self.balancer} needs it")

    @property
    def url_suffix(self) -> str:
        """The domain of AWS in the Region's partition."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"


def read_values(path: Path) -> Values:
    """Read a values file. Raises ValuesError."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Values)
    except OSError as error:
        raise ValuesError(f"{path}: {error.strerror}") from error
    except (msgspec.ValidationError, msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValuesError(f"{path}: {' '.join(str(error).split())}") from error


def render(template: Mapping[str, Any], values: Values) -> dict[str, str]:
    """Return the text of each file, out of the synthesized template of the stack DuplexEks."""
    return {
        file: yaml.safe_dump_all(
            [
                _adapted(manifest, values)
                for prefix in prefixes
                for manifest in _manifests(template, prefix, values)
                if manifest["kind"] != "TargetGroupBinding" or values.balancer != "none"
            ],
            sort_keys=False,
            width=120,
        )
        for file, prefixes in FILES.items()
    }


def _manifests(template: Mapping[str, Any], prefix: str, values: Values) -> Iterator[Manifest]:
    """The objects of one custom resource: JSON in a text, or in the parts of a text."""
    resources = template["Resources"]
    (text,) = [
        entry["Properties"]["Manifest"]
        for name, entry in resources.items()
        if entry["Type"] == RESOURCE and name.startswith(prefix)
    ]
    parts = [text] if isinstance(text, str) else text["Fn::Join"][1]
    whole = "".join(part if isinstance(part, str) else _value(part, resources, values) for part in parts)
    for manifest in json.loads(whole):
        labels = manifest["metadata"].get("labels", {})
        manifest["metadata"]["labels"] = {key: value for key, value in labels.items() if not key.startswith(PRUNE)}
        yield manifest


def _value(intrinsic: Mapping[str, Any], resources: Mapping[str, Any], values: Values) -> str:
    """What a reference of the template stands for in this cluster."""
    if "Fn::Sub" in intrinsic:  # of all there is, only the image's address is written so
        return values.image
    target = intrinsic["Ref"]
    if target.startswith("AWS::"):
        return {"AWS::Region": values.region, "AWS::URLSuffix": values.url_suffix}[target]
    kind = resources[target]["Type"]
    if kind == "AWS::SQS::Queue":
        return values.jobs_url if target.startswith("Jobs") else values.deliveries_url
    return {
        "AWS::ApiGatewayV2::Api": values.api_id,
        "AWS::DynamoDB::GlobalTable": values.table_name,
        "AWS::SecretsManager::Secret": values.gateway_secret_arn,
        "AWS::ElasticLoadBalancingV2::TargetGroup": values.target_group_arn or "",
    }[kind]


def _adapted(manifest: Manifest, values: Values) -> Manifest:
    """The object as this cluster needs it."""
    kind = manifest["kind"]
    if kind == "ServiceAccount" and values.identity == "irsa":
        return service_account({"eks.amazonaws.com/role-arn": str(values.role_arn)})
    if kind == "Deployment":
        manifest["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/arch": values.architecture}
    if kind == "NetworkPolicy":
        peers = [{"ipBlock": {"cidr": cidr}} for cidr in values.balancer_cidrs]
        manifest["spec"]["ingress"][0]["from"] = peers
    if kind == "TargetGroupBinding" and values.balancer == "controller":
        manifest["apiVersion"] = "elbv2.k8s.aws/v1beta1"
    return manifest


def synthesized(options: Mapping[str, str]) -> dict[str, Any]:
    """Return the template of DuplexEks. Raises SettingsError and LayerError."""
    with tempfile.TemporaryDirectory() as outdir:
        build_app(outdir, **{**options, "backends": "eks"}).synth()
        template: dict[str, Any] = json.loads((Path(outdir) / "DuplexEks.template.json").read_text(encoding="utf-8"))
    return template


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.manifests", description="Write YAML for a cluster of yours.")
    parser.add_argument("--out", type=Path, default=BUILD / "manifests", help="where to write (%(default)s)")
    parser.add_argument("--values", type=Path, help="the values file (values.yaml where is written)")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="an option of the app"
    )
    given = parser.parse_args(arguments)
    options = dict(pair.partition("=")[::2] for pair in given.context)
    path = given.values or given.out / "values.yaml"
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        if given.values is None and not path.exists():
            path.write_text(EXAMPLE, encoding="utf-8")
        values = read_values(path)
        for name, text in render(synthesized(options), values).items():
            (given.out / name).write_text(text, encoding="utf-8")
            sys.stdout.write(f"{given.out / name}\n")
    except OSError as error:
        sys.stderr.write(f"infra.manifests: {error.filename}: {error.strerror}\n")
        return 1
    except (ValuesError, SettingsError, LayerError) as error:
        sys.stderr.write(f"infra.manifests: {error}\n")
        return 2
    if path.read_text(encoding="utf-8") == EXAMPLE:
        sys.stdout.write(f"The names are examples: put yours into {path}, and run it again.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
