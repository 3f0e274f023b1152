"""What stacks say about containers, and errors that name what cannot be run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from localcloud import assembly
from localcloud.errors import LocalError
from localcloud.pods import definitions
from localcloud.pods.model import Binding, Exec, HttpGet, Probe, Sleep, TcpSocket

from . import samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localcloud.pods.model import FleetSpec, PodsPlan

    from ..assemblies import Builder


def plan(builder: Builder, folder: Path, stack: str = "ChatEks") -> PodsPlan:
    return definitions.read(assembly.read(samples.write(builder, folder, stack))[stack], "name")


def fleet(builder: Builder, folder: Path, stack: str = "ChatEks") -> FleetSpec:
    (found,) = plan(builder, folder, stack).fleets
    return found


def test_a_deployment_and_the_way_to_it(tmp_path: Path) -> None:
    found = plan(samples.eks(replicas=3), tmp_path)
    (pods,) = found.fleets
    (group,) = found.groups
    assert (pods.name, pods.noun, pods.replicas, pods.autoscaler) == ("name", "pod", 3, None)
    assert pods.bindings == (Binding(group.arn, 8080),)
    assert list(found.balancers.values()) == [{80: group.arn}]
    assert next(iter(found.balancers)).endswith(".elb.us-east-1.amazonaws.com")
    assert (group.check_path, group.check_port, group.interval) == ("/readyz", 8080, 10)
    assert (group.timeout, group.deregistration_delay) == (6, 20)
    pod = pods.pod
    assert (pod.folder, pod.path, pod.command) == (tmp_path / "asset.image", (), ("-m", "sample.server"))
    assert dict(pod.environment)["PORT"] == "8080"
    assert pod.ports == {"http": 8080}
    assert pod.startup == Probe(HttpGet(8080, "/healthz"), period=1, failure_threshold=60)
    assert pod.readiness == Probe(HttpGet(8080, "/readyz"), period=1, timeout=10, failure_threshold=1)
    assert (pod.pre_stop, pod.grace) == (None, 10)


def test_what_a_manifest_does_not_say_takes_the_defaults_of_kubernetes(tmp_path: Path) -> None:
    one = samples.container(livenessProbe=samples.get("/"), startupProbe=None, readinessProbe=None)
    manifest = samples.deployment(one)
    del manifest["spec"]["replicas"], manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    found = fleet(samples.kubernetes(manifest, samples.service(), samples.binding()), tmp_path)
    assert (found.replicas, found.pod.grace) == (1, 30)
    assert found.pod.liveness == Probe(HttpGet(8080, "/"), 0, 10, 1, 1, 3)


@pytest.mark.parametrize(
    ("hook", "read"),
    [
        ({"sleep": {"seconds": 5}}, Sleep(5)),
        ({"exec": {"command": ["/bin/sleep", "5"]}}, Sleep(5)),
        ({"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}}, Sleep(5)),
        ({"exec": {"command": ["python3", "-c", "pass"]}}, Exec(("-c", "pass"))),
        ({"httpGet": {"path": "/stop", "port": 8080}}, HttpGet(8080, "/stop")),
    ],
    ids=str,
)
def test_pre_stop_hooks(tmp_path: Path, hook: dict[str, Any], read: object) -> None:
    assert fleet(samples.eks(samples.container(lifecycle={"preStop": hook})), tmp_path).pod.pre_stop == read


def test_other_probes(tmp_path: Path) -> None:
    one = samples.container(
        livenessProbe={"tcpSocket": {"port": "http"}}, readinessProbe={"exec": {"command": ["python", "-c", "pass"]}}
    )
    pod = fleet(samples.eks(one), tmp_path).pod
    assert (pod.liveness, pod.readiness) == (Probe(TcpSocket(8080)), Probe(Exec(("-c", "pass"))))


@pytest.mark.parametrize("kind", ["Namespace", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget"])
def test_what_makes_no_difference_here_is_left_aside(tmp_path: Path, kind: str) -> None:
    assert fleet(samples.eks(None, samples.manifest(kind, "v1", {"odd": 1})), tmp_path).autoscaler is None


def change(**fields: Any) -> Callable[[], Builder]:
    return lambda: samples.eks(samples.container(**fields))


def pod(**fields: Any) -> Callable[[], Builder]:
    return lambda: samples.kubernetes(samples.deployment(None, **fields), samples.service(), samples.binding())


def more(*manifests: dict[str, Any]) -> Callable[[], Builder]:
    return lambda: samples.eks(None, *manifests)


APPLICATION = "ChatEks.Application, Deployment chat: "


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            change(image="nginx:1"),
            f"{APPLICATION}the image nginx:1 is no docker asset of this assembly: run cdk synth",
        ),
        (change(command=["nginx", "-g"]), f"{APPLICATION}its command has to be python with arguments to run here"),
        (change(command=None), f"{APPLICATION}its command has to be python with arguments to run here"),
        (change(env=[{"name": "A", "valueFrom": {"secretKeyRef": {}}}]), f"{APPLICATION}the variable A comes from"),
        (change(livenessProbe={"grpc": {"port": 1}}), f"{APPLICATION}a probe is httpGet, tcpSocket or exec here"),
        (change(livenessProbe={"httpGet": {"port": "no"}}), f"{APPLICATION}its container has no port 'no'"),
        (change(livenessProbe={"httpGet": {"port": 1, "scheme": "HTTPS"}}), f"{APPLICATION}probes speak plain HTTP"),
        (change(livenessProbe={"httpGet": {"port": 1}, "periodSeconds": "x"}), f"{APPLICATION}something has the wrong"),
        (change(lifecycle={"postStart": {}}), f"{APPLICATION}postStart hooks do not run here"),
        (change(env=5), f"{APPLICATION}something has the wrong shape: TypeError"),
        (pod(initContainers=[{}]), f"{APPLICATION}a pod has one container here, and no initContainers"),
        (more(samples.manifest("Job", "batch/v1", {})), "ChatEks.Application, Job chat: manifests of this kind"),
        (more(samples.deployment()), "ChatEks.Application, Deployment chat: a variant has one Deployment here"),
        (
            more(samples.scaled_object(samples.trigger("A", 0))),
            "ChatEks.Application, ScaledObject chat: spec.triggers[0].metadata.targetMetricValue: must be more",
        ),
        (
            more(samples.scaled_object(maxReplicas=4)),
            "ChatEks.Application, ScaledObject chat: spec.maxReplicas: unknown field",
        ),
        (
            more(samples.scaled_object(samples.trigger("A", 1, expression="SELECT 1"))),
            "ChatEks.Application, ScaledObject chat: triggers of type aws-cloudwatch name a metric here, and no",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_run_is_one_line_that_names_it(tmp_path: Path, make: Callable[[], Builder], text: str) -> None:
    with pytest.raises(LocalError) as error:
        plan(make(), tmp_path)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_a_manifest_that_is_no_json_is_one_line(tmp_path: Path) -> None:
    builder = samples.eks()
    builder.resources["Application"]["Properties"]["Manifest"] = "[{]"
    with pytest.raises(LocalError, match=r"ChatEks\.Application: its Manifest is no JSON"):
        plan(builder, tmp_path)


def test_packages_of_the_image_have_to_be_installed_for_this_machine(
    tmp_path: Path,
) -> None:
    builder = samples.eks()
    builder.told["packages"] = "build/host-pods"
    folder = samples.write(builder, tmp_path / "out")
    (tmp_path / "cdk.json").write_text("{}")
    assert definitions.read(assembly.read(folder)["ChatEks"], "eks").fleets[0].pod.path == (), "it installs nothing"
    (folder / "asset.image" / "sample" / "requirements.txt").write_text("starlette==1\n")
    missing = f"{tmp_path}/build/host-pods/python, which its metadata localcloud.packages names: build it first"
    with pytest.raises(LocalError, match=f"^{re.escape(f'{APPLICATION}there is no {missing}')}"):
        definitions.read(assembly.read(folder)["ChatEks"], "eks")
    (tmp_path / "build" / "host-pods" / "python").mkdir(parents=True)
    (found,) = definitions.read(assembly.read(folder)["ChatEks"], "eks").fleets
    assert found.pod.path == (tmp_path / "build" / "host-pods" / "python",)


def test_images_that_install_something_may_do_without_a_copy_of_it(tmp_path: Path) -> None:
    folder = samples.write(samples.eks(), tmp_path)
    (folder / "asset.image" / "sample" / "requirements.txt").write_text("starlette==1\n")
    assert definitions.read(assembly.read(folder)["ChatEks"], "eks").fleets[0].pod.path == ()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Protocol": "TLS"}, "ChatEks.Listener: a listener forwards TCP from a load balancer to one target group"),
        ({"DefaultActions": []}, "ChatEks.Listener: a property has the wrong shape"),
        ({"LoadBalancerArn": "other"}, "ChatEks.Listener: a listener forwards TCP"),
    ],
)
def test_other_listeners_are_one_line(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    builder = samples.eks()
    builder.resources["Listener"]["Properties"] |= changes
    with pytest.raises(LocalError) as error:
        plan(builder, tmp_path)
    assert str(error.value).startswith(text)


# ECS.


def test_a_service_and_its_tasks(tmp_path: Path) -> None:
    check = {"Command": ["CMD", "python", "-c", "pass"], "Interval": 7, "StartPeriod": 9}
    found = plan(samples.ecs(tasks=2, HealthCheck=check), tmp_path, "ChatEcs")
    (tasks,) = found.fleets
    assert (tasks.noun, tasks.replicas) == ("task", 2)
    assert tasks.bindings == (Binding(found.groups[0].arn, 8080),)
    assert dict(tasks.counted_as) == {"ClusterName": "ChatEcs-Cluster", "ServiceName": "ChatEcs-Service"}
    assert tasks.pod.liveness == Probe(Exec(("-c", "pass")), initial_delay=9, period=7, timeout=5, failure_threshold=3)
    assert tasks.pod.readiness is None


def test_a_task_is_stopped_when_its_target_group_has_let_it_go(tmp_path: Path) -> None:
    """Deregistration, its delay, SIGTERM, and SIGKILL after stopTimeout."""
    task = fleet(samples.ecs(), tmp_path, "ChatEcs").pod
    assert (task.pre_stop, task.grace) == (Sleep(20), 30)


def test_variables_of_a_task_are_no_references(tmp_path: Path) -> None:
    given = [{"Name": "A", "Value": "$(B) $$"}]
    task = fleet(samples.ecs(Environment=given), tmp_path, "ChatEcs").pod
    assert task.environment == (("A", "$$(B) $$$$"),)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Secrets": [{"Name": "A"}]}, "ChatEcs.Task: variables that are Secrets are not filled in here"),
        ({"Command": ["nginx"]}, "ChatEcs.Task: its command has to be python with arguments to run here"),
        ({"HealthCheck": {"Command": ["CMD-SHELL", "curl x"]}}, "ChatEcs.Task: its command has to be python"),
        ({"HealthCheck": 5}, "ChatEcs.Task: a property has the wrong shape"),
    ],
    ids=str,
)
def test_a_task_that_cannot_run_is_one_line(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(LocalError) as error:
        plan(samples.ecs(**changes), tmp_path, "ChatEcs")
    assert str(error.value).startswith(text)


def test_target_tracking_is_read_with_its_math(tmp_path: Path) -> None:
    builder = samples.ecs()
    samples.tracking(builder, "FILL(connections, 0) / tasks", ScaleInCooldown=5)
    tracking: Any = fleet(builder, tmp_path, "ChatEcs").autoscaler
    (tracked,) = tracking.policies
    policy = tracked.policy
    assert (policy.target_value, policy.min_capacity, policy.max_capacity) == (100, 1, 4)
    assert (policy.scale_out_cooldown, policy.scale_in_cooldown) == (300, 5)
    assert (tracked.expression, set(tracked.queries)) == ("FILL(connections, 0) / tasks", {"connections", "tasks"})
    assert tracked.queries["tasks"].dimensions == (
        ("ClusterName", "ChatEcs-Cluster"),
        ("ServiceName", "ChatEcs-Service"),
    )


def test_math_that_is_not_understood_is_one_line(tmp_path: Path) -> None:
    builder = samples.ecs()
    samples.tracking(builder, "RATE(connections)")
    with pytest.raises(LocalError, match=r"^ChatEcs\.Policy: metric math 'RATE\(connections\)' is not understood"):
        plan(builder, tmp_path, "ChatEcs")


def test_a_value_of_another_stack_is_its_output(tmp_path: Path) -> None:
    """As CDK refers to the cluster's stack."""
    builder = samples.eks()
    value = {"Fn::GetStackOutput": {"StackName": "Other", "Region": {"Ref": "AWS::Region"}, "OutputName": "Path"}}
    builder.resources["Targets"]["Properties"]["HealthCheckPath"] = value
    folder = samples.write(builder, tmp_path)
    other = {"Resources": {}, "Outputs": {"Path": {"Value": {"Fn::Join": ["", ["/", "live"]]}}}}
    (folder / "Other.template.json").write_text(json.dumps(other))
    manifest = json.loads((folder / "manifest.json").read_text())
    with pytest.raises(LocalError, match="no stack 'Other' is here"):
        definitions.read(assembly.read(folder)["ChatEks"], "eks")
    properties = {"templateFile": "Other.template.json"}
    manifest["artifacts"]["Other"] = {"type": "aws:cloudformation:stack", "properties": properties}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert definitions.read(assembly.read(folder)["ChatEks"], "eks").groups[0].check_path == "/live"
