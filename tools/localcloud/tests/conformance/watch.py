"""What CloudWatch tells of an API, by boto3's clients: each function gives the problem with it, in a line, or None."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .patterns import difference

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .patterns import Names
    from .steps import Measured

_AGE = timedelta(hours=1)  # of what is looked at


def logged(logs: Any, group: str, about: str, pattern: Any, names: Names) -> str | None:
    """Whether a line of a log group has the text `about` in it and matches."""
    since = int((datetime.now(UTC) - _AGE).timestamp() * 1000)
    problem = f"no line of {group} is about {about}"
    try:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                if about in event["message"]:
                    found = difference(pattern, event["message"], names, "the line")
                    if found is None:
                        return None
                    problem = found
    except logs.exceptions.ResourceNotFoundException:
        return f"there is no log group {group}"
    return problem


def measured(cloudwatch: Any, step: Measured, dimensions: Mapping[str, str]) -> str | None:
    """Whether a metric's statistic comes to what a step wants."""
    now = datetime.now(UTC)
    metric = {
        "Namespace": step.namespace,
        "MetricName": step.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    answer = cloudwatch.get_metric_data(
        StartTime=now - _AGE,
        EndTime=now + timedelta(minutes=1),
        MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 7200, "Stat": step.statistic}}],
    )
    value = sum(answer["MetricDataResults"][0]["Values"])
    return None if value >= step.least else f"{step.name} by {dict(dimensions)} is {value}, less than {step.least}"


def unnamed(cloudwatch: Any, api: str, names: Collection[str]) -> str | None:
    """Whether an API has metrics, and none but those that are named."""
    pages = cloudwatch.get_paginator("list_metrics")
    found = {
        metric["MetricName"]
        for page in pages.paginate(Namespace="AWS/ApiGateway", Dimensions=[{"Name": "ApiId", "Value": api}])
        for metric in page["Metrics"]
    }
    if not found:
        return f"the API {api} has no metrics"
    return f"there are also {sorted(found - set(names))}" if found - set(names) else None
