"""How many pods there are: KEDA on two metrics of CloudWatch. Source: https://keda.sh/docs/2.20/scalers/aws-cloudwatch/"""

from infra.kubernetes.names import NAME, Manifest, named
from infra.settings import Settings

# CloudWatch has a value a minute; the newest may be a minute late, so three are asked for.
PERIOD_SECONDS = 60
COLLECTION_SECONDS = 3 * PERIOD_SECONDS


def trigger_authentication() -> Manifest:
    """Return who reads CloudWatch: KEDA's own operator, by its pod identity."""
    return named("TriggerAuthentication", "keda.sh/v1alpha1", {"podIdentity": {"provider": "aws"}})


def scaled_object(api_id: str, stage: str, region: str, settings: Settings) -> Manifest:
    """Return the ScaledObject: enough pods for the connections there are, and for the messages they exchange.

    The connections are the census' count, under the two dimensions of the backend's gauges: a query that left one out
    would find nothing. The messages are API Gateway's own metric, which counts both directions, since both cost a pod
    something; it needs no log agent in the cluster.

    No connections are a datapoint of zero. Where there is none, the census has failed, and that is an error: KEDA then
    keeps the pods there are, or the minimum when that is more. A minute without a message has no datapoint, which is
    zero.
    """
    connections = _trigger(
        "connections",
        region,
        settings.connections_per_replica,
        namespace="Duplex",
        metricName="ActiveConnections",
        dimensionName="service;backend",
        dimensionValue="duplex;eks",
        metricStat="Average",
        ignoreNullValues="false",
    )
    messages = _trigger(
        "messages",
        region,
        settings.messages_per_replica * PERIOD_SECONDS,
        namespace="AWS/ApiGateway",
        metricName="MessageCount",
        dimensionName="ApiId;Stage",
        dimensionValue=f"{api_id};{stage}",
        metricStat="Sum",
        ignoreNullValues="true",
    )
    return named(
        "ScaledObject",
        "keda.sh/v1alpha1",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "minReplicaCount": settings.min_replicas,
            "maxReplicaCount": settings.max_replicas,
            "pollingInterval": 30,
            "fallback": {
                "failureThreshold": 3,
                "replicas": settings.min_replicas,
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior()}},
            "triggers": [connections, messages],
        },
    )


def _behavior() -> Manifest:
    """Up at once, by doubling or by four; down after five quiet minutes, a pod a minute.

    Pods hold no sockets, so scaling in costs no client its connection; but the metrics are minutes late.
    """
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 60},
                {"type": "Pods", "value": 4, "periodSeconds": 60},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
        },
    }


def _trigger(name: str, region: str, target: int, **metadata: str) -> Manifest:
    return {
        "type": "aws-cloudwatch",
        "name": name,
        "metricType": "AverageValue",
        # The autoscaler asks every 15 seconds for a value that changes once a minute, and each query is billed.
        "useCachedMetrics": True,
        "authenticationRef": {"name": NAME},
        "metadata": {
            "awsRegion": region,
            **metadata,
            "targetMetricValue": str(target),
            # Documented as optional, but KEDA 2.20 refuses a trigger without it.
            "minMetricValue": "0",
            "metricStatPeriod": str(PERIOD_SECONDS),
            "metricCollectionTime": str(COLLECTION_SECONDS),
            "metricEndTimeOffset": "0",
        },
    }
