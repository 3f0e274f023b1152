"""What AWS does not say about balancers and metrics: docs/differences.md has the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodSettings:
    """Virtual seconds."""

    registration_seconds: float = 0
    """From a pod's being ready to its being a target."""
    deregistration_seconds: float = 0
    """From a pod's not being ready, or ending, to the start of its deregistration."""
    straggler_seconds: float = 120
    """How long a target gets requests, as if nothing had happened, after its deregistration has begun."""
    metric_seconds: float = 60
    """From the end of a minute to its datapoints' being seen by autoscalers."""
    cpu_percent: float = 0
    """Scale pods on CPU instead, to so many per cent of their request, as most people do; 0: by their ScaledObject."""
