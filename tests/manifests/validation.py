"""Whether Kubernetes objects are valid, strictly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

from tests.manifests.objects import Object
from tests.processes import ROOT

KUBERNETES = "1.36"
MODELLED = ("keda.sh/", "karpenter.sh/")

#: Every field that we write of kinds whose definitions take any field without a word, or that nobody publishes for us.
KNOWN_FIELDS = {
    "NodePool": """
        apiVersion kind metadata.name
        spec.template.spec.nodeClassRef.group spec.template.spec.nodeClassRef.kind spec.template.spec.nodeClassRef.name
        spec.template.spec.taints.key spec.template.spec.taints.value spec.template.spec.taints.effect
        spec.template.spec.requirements.key spec.template.spec.requirements.operator
        spec.template.spec.requirements.values spec.template.spec.expireAfter
        spec.template.spec.terminationGracePeriod
        spec.disruption.consolidationPolicy spec.disruption.consolidateAfter
        spec.disruption.budgets.nodes spec.disruption.budgets.reasons
        spec.limits.cpu spec.limits.memory
    """,
    "TriggerAuthentication": """
        apiVersion kind metadata.name metadata.namespace metadata.labels.app.kubernetes.io/name
        spec.podIdentity.provider
    """,
    "ScaledObject": """
        apiVersion kind metadata.name metadata.namespace metadata.labels.app.kubernetes.io/name metadata.labels.app
        spec.scaleTargetRef.apiVersion spec.scaleTargetRef.kind spec.scaleTargetRef.name
        spec.minReplicaCount spec.maxReplicaCount spec.pollingInterval spec.cooldownPeriod
        spec.fallback.failureThreshold spec.fallback.replicas spec.fallback.behavior
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.stabilizationWindowSeconds
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.selectPolicy
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies.type
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies.value
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies.periodSeconds
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.selectPolicy
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.type
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.value
        spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.periodSeconds
        spec.triggers.type spec.triggers.name spec.triggers.metricType spec.triggers.useCachedMetrics
        spec.triggers.authenticationRef.name
        spec.triggers.metadata.awsRegion spec.triggers.metadata.namespace spec.triggers.metadata.metricName
        spec.triggers.metadata.dimensionName spec.triggers.metadata.dimensionValue spec.triggers.metadata.metricStat
        spec.triggers.metadata.ignoreNullValues spec.triggers.metadata.targetMetricValue
        spec.triggers.metadata.minMetricValue spec.triggers.metadata.metricStatPeriod
        spec.triggers.metadata.metricCollectionTime spec.triggers.metadata.metricEndTimeOffset
        spec.triggers.metadata.serverAddress spec.triggers.metadata.query spec.triggers.metadata.threshold
    """,
    "TargetGroupBinding": """
        apiVersion kind metadata.name metadata.namespace metadata.labels.app.kubernetes.io/name metadata.labels.app
        spec.serviceRef.name spec.serviceRef.port spec.targetGroupARN spec.targetType
    """,
    "ServiceMonitor": """
        apiVersion kind metadata.name metadata.namespace metadata.labels.app
        spec.selector.matchLabels.app spec.podTargetLabels
        spec.endpoints.port spec.endpoints.path spec.endpoints.interval spec.endpoints.scrapeTimeout
    """,
    "PrometheusRule": """
        apiVersion kind metadata.name metadata.namespace metadata.labels.app
        spec.groups.name spec.groups.rules.alert spec.groups.rules.expr spec.groups.rules.for
        spec.groups.rules.labels.severity spec.groups.rules.annotations.summary
    """,
}


def errors(items: Sequence[Object]) -> list[str]:
    """Return what is wrong with objects of core kinds, and with those of KEDA, Karpenter and the balancer's."""
    core = [item for item in items if item["kind"] not in KNOWN_FIELDS]
    found = [f"{item['kind']}: {error}" for item in core for error in _core_error(item)]
    for item in items:
        known = set(KNOWN_FIELDS.get(item["kind"], "").split())
        if known:
            found += [f"{item['kind']}: {field} is not known" for field in sorted(set(_fields(item)) - known)]
    modelled = [item for item in items if item["apiVersion"].startswith(MODELLED)]
    if modelled:
        found += [
            f"{item['kind']}: {error}" for item, error in zip(modelled, _model_errors(modelled), strict=True) if error
        ]
    return found


def _core_error(item: Object) -> Iterator[str]:
    try:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield str(error.message)


def _model_errors(items: Sequence[Object]) -> list[str | None]:
    node = Path(sys.executable).parent / "node"
    finished = subprocess.run(
        [node, ROOT / "tests" / "manifests" / "validate.mjs"],
        input=json.dumps(items),
        capture_output=True,
        text=True,
        check=True,
    )
    listed: list[str | None] = json.loads(finished.stdout)
    return listed


def _fields(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _fields(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for item in node:
            yield from _fields(item, path)
    else:
        yield path
