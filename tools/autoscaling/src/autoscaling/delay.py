"""How old a metric is when an autoscaler sees it."""

from __future__ import annotations


def visible(now: float, delay: float, period: float = 0) -> float:
    """The moment whose value is the newest that can be seen at `now`, in seconds.

    `delay` is how long a value takes to arrive. With a `period`, as in CloudWatch, values come as datapoints of that
    length, and a scaler asks up to the last whole one: what is seen is the end of the newest complete period. KEDA's
    aws-cloudwatch trigger cuts its end time down to metricStatPeriod (kedacore/keda
    pkg/scalers/aws_cloudwatch_scaler.go). How long CloudWatch takes to publish is not documented; one to two
    minutes are commonly seen.
    """
    seen = now - delay
    if period:
        return seen // period * period - 1
    return seen
