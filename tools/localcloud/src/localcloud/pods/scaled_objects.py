"""ScaledObjects: what their triggers ask, and whom."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from autoscaling import spec as specs
from autoscaling.keda import ScaledObject
from localcloud.pods.model import CloudWatchQuery, PrometheusQuery, Triggered

if TYPE_CHECKING:
    from autoscaling.keda import TriggerSpec
    from localcloud.pods.manifests import Object


def autoscaler(one: Object, objects: list[Object]) -> Triggered | None:
    """That of a Deployment, if it has one; LocalError for what is not understood."""
    found = [
        other
        for other in objects
        if other.kind == "ScaledObject"
        and other.namespace == one.namespace
        and (other.spec.get("scaleTargetRef") or {}).get("name") == one.name
    ]
    if not found:
        return None
    if len(found) > 1:
        raise found[1].error(f"the Deployment {one.name} has another ScaledObject")
    (scaled,) = found
    try:
        spec = specs.parse(scaled.spec, ScaledObject, "spec")
        triggers = tuple(
            (trigger.trigger(f"spec.triggers[{index}].metadata"), _query(scaled, trigger), trigger.use_cached_metrics)
            for index, trigger in enumerate(spec.triggers)
        )
    except specs.SpecError as error:
        raise scaled.error(str(error)) from error
    return Triggered(spec, triggers)


def _query(scaled: Object, trigger: TriggerSpec) -> CloudWatchQuery | PrometheusQuery:
    return _prometheus(scaled, trigger) if trigger.type == "prometheus" else _cloudwatch(scaled, trigger)


def _prometheus(scaled: Object, trigger: TriggerSpec) -> PrometheusQuery:
    """Source: https://keda.sh/docs/2.20/scalers/prometheus/

    Whatever the server's host, it is the cluster's Prometheus; the path before the API's own stays.
    """
    metadata = trigger.metadata
    server = urlsplit(metadata["serverAddress"])
    if server.scheme not in {"http", "https"} or not server.hostname:
        raise scaled.error(f"serverAddress is the http URL of a Prometheus, not {metadata['serverAddress']!r}")
    if unknown := metadata.keys() & {"customHeaders", "queryParameters", "namespace", "authModes"}:
        raise scaled.error(f"a prometheus trigger has no {min(unknown)} here")
    query = " ".join(metadata["query"].split())
    return PrometheusQuery(trigger.name or query, query, server.path.rstrip("/"))


def _cloudwatch(scaled: Object, trigger: TriggerSpec) -> CloudWatchQuery:
    """Source of names and defaults: https://keda.sh/docs/2.20/scalers/aws-cloudwatch/"""
    metadata = trigger.metadata
    if "expression" in metadata:
        raise scaled.error("triggers of type aws-cloudwatch name a metric here, and no expression")
    names, values = (metadata[key].split(";") for key in ("dimensionName", "dimensionValue"))
    return CloudWatchQuery(
        metadata["namespace"],
        metadata["metricName"],
        tuple(zip(names, values, strict=True)),
        metadata.get("metricStat", "Average"),
        period=int(metadata.get("metricStatPeriod", 300)),
        collection=int(metadata.get("metricCollectionTime", 300)),
        offset=float(metadata.get("metricEndTimeOffset", 0)),
    )
