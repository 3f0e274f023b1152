"""Plain YAML for a cluster one already has, out of the manifests that the variants of pods are synthesized with.

`python -m infra.manifests` (or `make manifests`) writes files for `kubectl apply`: those of pods behind API Gateway,
and below `sockets` those of pods that hold sockets. What differs from cluster to cluster, the names on the side of AWS
and how pods get their role, stands in a values file beside them, which the first run writes with examples. Nodes, KEDA
and Prometheus are the cluster's own affair.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra import variants
from infra.assembly import build_app
from infra.checks import SettingsError
from infra.kubernetes.names import NAME, Manifest
from infra.kubernetes.sockets.names import GATEWAY
from infra.layer import BUILD, LayerError
from infra.manifest_values import GatewayValues, Values, ValuesError, read_values

RESOURCE = "Custom::AWSCDK-EKS-KubernetesResource"
PRUNE = "aws.cdk.eks/prune-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Pods of one kind: where they are written and out of which stack.

    files: by the logical ids of what is applied together; the autoscaler and what is monitored need definitions in the
    cluster. account: the service account that has the role.
    """

    stack: str
    folder: str
    account: str
    values: type[Values]
    files: Mapping[str, Sequence[str]]

    def render(self, template: Mapping[str, Any], values: Values) -> dict[str, str]:
        """Return the text of each file, out of the synthesized template."""
        return {
            file: yaml.safe_dump_all(
                [
                    self._adapted(manifest, values)
                    for prefix in prefixes
                    for manifest in _manifests(template, prefix, values)
                    if manifest["kind"] != "NodePool"
                    and (manifest["kind"] != "TargetGroupBinding" or values.balancer != "none")
                ],
                sort_keys=False,
                width=120,
            )
            for file, prefixes in self.files.items()
        }

    def _adapted(self, manifest: Manifest, values: Values) -> Manifest:
        """The object as this cluster needs it."""
        kind = manifest["kind"]
        if kind == "ServiceAccount" and values.identity == "irsa" and manifest["metadata"]["name"] == self.account:
            manifest["metadata"]["annotations"] = {"eks.amazonaws.com/role-arn": str(values.role_arn)}
        if kind == "Deployment":
            manifest["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/arch": values.architecture}
        if kind == "NetworkPolicy":
            for rule in manifest["spec"]["ingress"]:
                if any("ipBlock" in peer for peer in rule["from"]):
                    rule["from"] = [{"ipBlock": {"cidr": cidr}} for cidr in values.balancer_cidrs]
        if kind == "TargetGroupBinding" and values.balancer == "controller":
            manifest["apiVersion"] = "elbv2.k8s.aws/v1beta1"
        return manifest


EKS = Variant(
    stack=variants.EKS.stack,
    folder=".",
    account=NAME,
    values=GatewayValues,
    files={"application.yaml": ("Namespace", "Application"), "autoscaling.yaml": ("Autoscaling",)},
)
SOCKETS = Variant(
    stack=variants.SOCKETS.stack,
    folder="sockets",
    account=GATEWAY,
    values=Values,
    files={
        "application.yaml": ("Namespace", "Application"),
        "monitoring.yaml": ("Monitoring",),
        "autoscaling.yaml": ("Autoscaling",),
    },
)
VARIANTS = {variants.EKS.name: EKS, variants.SOCKETS.name: SOCKETS}


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
        return values.pseudo_parameters[target]
    return values.reference(target, resources[target]["Type"])


def synthesized(options: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the template of each variant. Raises SettingsError and LayerError."""
    with tempfile.TemporaryDirectory() as outdir:
        build_app(outdir, **{**options, "backends": ",".join(VARIANTS)}).synth()
        return {
            name: json.loads((Path(outdir) / f"{variant.stack}.template.json").read_text(encoding="utf-8"))
            for name, variant in VARIANTS.items()
        }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.manifests", description="Write YAML for a cluster of yours.")
    parser.add_argument("--out", type=Path, default=BUILD / "manifests", help="where to write (%(default)s)")
    parser.add_argument("--values", type=Path, help="the values file of pods behind API Gateway (values.yaml there)")
    parser.add_argument("--socket-values", type=Path, help="that of pods that hold sockets (sockets/values.yaml there)")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="an option of the app"
    )
    given = parser.parse_args(arguments)
    options = dict(pair.partition("=")[::2] for pair in given.context)
    files = {"eks": given.values, "sockets": given.socket_values}
    try:
        values = {name: _values(variant, files[name], given.out) for name, variant in VARIANTS.items()}
        for name, template in synthesized(options).items():
            for file, text in VARIANTS[name].render(template, values[name]).items():
                path = given.out / VARIANTS[name].folder / file
                path.write_text(text, encoding="utf-8")
                sys.stdout.write(f"{path}\n")
    except OSError as error:
        sys.stderr.write(f"infra.manifests: {error.filename}: {error.strerror}\n")
        return 1
    except (ValuesError, SettingsError, LayerError) as error:
        sys.stderr.write(f"infra.manifests: {error}\n")
        return 2
    for name, variant in VARIANTS.items():
        path = _path(variant, files[name], given.out)
        if path.read_text(encoding="utf-8") == variant.values.EXAMPLE:
            sys.stdout.write(f"The names are examples: put yours into {path}, and run it again.\n")
    return 0


def _path(variant: Variant, given: Path | None, out: Path) -> Path:
    return given or out / variant.folder / "values.yaml"


def _values(variant: Variant, given: Path | None, out: Path) -> Values:
    """Read a values file; the first time, write it. Raises ValuesError and OSError."""
    path = _path(variant, given, out)
    (out / variant.folder).mkdir(parents=True, exist_ok=True)
    if given is None and not path.exists():
        path.write_text(variant.values.EXAMPLE, encoding="utf-8")
    return read_values(path, variant.values)


if __name__ == "__main__":
    sys.exit(main())
