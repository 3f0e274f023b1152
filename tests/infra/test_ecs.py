"""The tasks of the `ecs` variant, and how many there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.emf import EmfMetrics
from backend.settings import Settings
from tests.conftest import Assembly, Resource
from tests.manifests.objects import objects, of_kind


def container(ecs: Assembly) -> Resource:
    _, task = ecs.only("AWS::ECS::TaskDefinition")
    (only,) = task["ContainerDefinitions"]
    return dict(only)


def policies(ecs: Assembly) -> dict[str, Resource]:
    return {
        entry["Properties"]["PolicyName"]: entry["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        for entry in ecs.resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    }


def queries(policy: Resource) -> dict[str, Resource]:
    return {query["Id"]: query for query in policy["CustomizedMetricSpecification"]["Metrics"]}


def dimensions(query: Resource) -> dict[str, Any]:
    return {item["Name"]: item["Value"] for item in query["MetricStat"]["Metric"]["Dimensions"]}


def test_a_task_is_one_arm64_container_on_fargate_that_writes_to_no_disk(ecs: Assembly) -> None:
    _, task = ecs.only("AWS::ECS::TaskDefinition")
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert task["RuntimePlatform"] == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
    assert (task["Cpu"], task["Memory"]) == ("512", "1024")
    assert container(ecs)["Command"] == ["python", "-m", "pods.api"]
    assert container(ecs)["ReadonlyRootFilesystem"] is True


def test_tasks_run_the_image_that_pods_run(ecs: Assembly, eks: Assembly) -> None:
    image = container(ecs)["Image"]["Fn::Sub"].rpartition(":")[2]
    assert image in eks.template_file.read_text(encoding="utf-8")


def test_the_backend_takes_the_variables_it_is_given(ecs: Assembly) -> None:
    variables = {
        item["Name"]: item["Value"] if isinstance(item["Value"], str) else "https://reference.invalid"
        for item in container(ecs)["Environment"]
    }
    assert Settings.from_environment(variables).backend == "ecs"
    assert variables["HOST"] == "0.0.0.0"  # noqa: S104


def test_a_deployment_keeps_what_serves_and_goes_back_when_it_fails(ecs: Assembly) -> None:
    _, service = ecs.only("AWS::ECS::Service")
    deployment = service["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert "DesiredCount" not in service, "deploying would undo what the autoscaling did"


def test_a_task_is_stopped_after_the_balancer_has_forgotten_it_and_has_time_to_finish(ecs: Assembly) -> None:
    """ECS waits for the deregistration delay before SIGTERM, and for the stop timeout before SIGKILL."""
    _, targets = ecs.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    attributes = {item["Key"]: item["Value"] for item in targets["TargetGroupAttributes"]}
    assert int(attributes["deregistration_delay.timeout_seconds"]) == 120
    shutdown = next(item["Value"] for item in container(ecs)["Environment"] if item["Name"] == "SHUTDOWN_SECONDS")
    assert 29 < int(shutdown) < container(ecs)["StopTimeout"] <= 120


def test_the_service_registers_with_the_stacks_own_target_group(ecs: Assembly) -> None:
    targets, _ = ecs.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    _, service = ecs.only("AWS::ECS::Service")
    (balanced,) = service["LoadBalancers"]
    assert balanced == {"ContainerName": "http", "ContainerPort": 8080, "TargetGroupArn": {"Ref": targets}}
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert all("Private" in subnet["Ref"] for subnet in network["Subnets"])


def test_connections_are_tracked_under_every_dimension_that_they_are_written_with(
    ecs: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    EmfMetrics("ecs").gauge(ActiveConnections=1)
    line = json.loads(capsys.readouterr().out)
    ((names,),) = [directive["Dimensions"] for directive in line["_aws"]["CloudWatchMetrics"]]
    query = queries(policies(ecs)["connections-per-task"])["connections"]
    assert dimensions(query) == {name: line[name] for name in names}


def test_what_is_tracked_falls_as_tasks_are_added(ecs: Assembly) -> None:
    api, _ = ecs.only("AWS::ApiGatewayV2::Api")
    service, _ = ecs.only("AWS::ECS::Service")
    cluster, cluster_properties = ecs.only("AWS::ECS::Cluster")
    for policy in policies(ecs).values():
        tasks = queries(policy)["tasks"]
        assert tasks["MetricStat"]["Metric"]["MetricName"] == "RunningTaskCount"
        assert dimensions(tasks) == {
            "ClusterName": {"Ref": cluster},
            "ServiceName": {"Fn::GetAtt": [service, "Name"]},
        }
        assert [query["Id"] for query in queries(policy).values() if query["ReturnData"]] == ["each"]
    # The metric of the running tasks exists only with Container Insights.
    assert cluster_properties["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]
    messages = queries(policies(ecs)["messages-per-task"])
    assert dimensions(messages["messages"]) == {"ApiId": {"Ref": api}, "Stage": "prod"}
    assert messages["each"]["Expression"] == "FILL(messages, 0) / 60 / tasks"
    assert queries(policies(ecs)["connections-per-task"])["each"]["Expression"] == "connections / tasks"


def test_the_targets_are_those_of_the_eks_variant(ecs: Assembly, eks: Assembly) -> None:
    spec = of_kind(objects(eks), "ScaledObject")["spec"]
    targets = {item["name"]: int(item["metadata"]["targetMetricValue"]) for item in spec["triggers"]}
    tracked = {name: policy["TargetValue"] for name, policy in policies(ecs).items()}
    assert tracked == {
        "connections-per-task": targets["connections"],
        "messages-per-task": targets["messages"] / 60,
    }
    _, scalable = ecs.only("AWS::ApplicationAutoScaling::ScalableTarget")
    assert (scalable["MinCapacity"], scalable["MaxCapacity"]) == (spec["minReplicaCount"], spec["maxReplicaCount"])


def test_the_stack_needs_nothing_but_a_bootstrapped_account(ecs: Assembly) -> None:
    assert set(ecs.template["Parameters"]) == {"BootstrapVersion"}
    assert "Fn::GetStackOutput" not in ecs.template_file.read_text(encoding="utf-8")
