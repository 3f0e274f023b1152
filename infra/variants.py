"""The variants: the ways in which the same backend is hosted, each a stack of its own."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Variant:
    """`stack` is the name of its CloudFormation stack; on a laptop it answers `port` ports above the console."""

    name: str
    stack: str
    port: int
    has_pods: bool = True

    def metadata(self) -> dict[str, Any]:
        """Return what the template tells the local cloud: tools/localcloud/README.md has the keys."""
        packages = {"packages": "build/host-pods"} if self.has_pods else {}
        return {"localcloud": {"name": self.name, "port": self.port, **packages}}


LAMBDA = Variant("lambda", "DuplexLambda", 1, has_pods=False)
EKS = Variant("eks", "DuplexEks", 2)
SOCKETS = Variant("sockets", "DuplexSockets", 3)
ECS = Variant("ecs", "DuplexEcs", 4)

VARIANTS = (LAMBDA, EKS, SOCKETS, ECS)
NAMES = tuple(variant.name for variant in VARIANTS)
