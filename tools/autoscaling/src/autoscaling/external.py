"""How many replicas a fleet-wide metric asks for: External metrics, which is what KEDA creates.

Source: GetExternalPerPodMetricReplicas, GetExternalMetricReplicas and getUsageRatioReplicaCount in
kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go. An average value ignores pods' readiness.
"""

from __future__ import annotations

import math

from autoscaling.behavior import Tolerance
from autoscaling.spec import MAX_INT32, milli


def average_value(total: float, target: float, replicas: int, tolerance: Tolerance) -> int:
    """Target type AverageValue: `target` is a pod's share of `total`; `replicas` as the target's status counts them."""
    usage, share = milli(total), milli(target)
    if replicas and tolerance.covers(usage / (share * replicas)):
        return replicas
    return min(math.ceil(usage / share), MAX_INT32)


def value(total: float, target: float, replicas: int, ready: int, tolerance: Tolerance) -> int:
    """Target type Value: `target` is what the whole of `total` should be; `ready` pods are what it is multiplied by."""
    ratio = milli(total) / milli(target)
    if replicas == 0:
        return math.ceil(ratio)
    if tolerance.covers(ratio):
        return replicas
    return min(math.ceil(ratio * ready), MAX_INT32)
