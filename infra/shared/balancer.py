"""The internal balancer between API Gateway's VPC link and the pods, and how long things take when a pod goes.

A pod that is to go is taken off the target group, but a Network Load Balancer has been seen to send new connections for
two minutes more. So it serves on for DEREGISTRATION_SECONDS, as if nothing had happened: a preStop sleep in Kubernetes,
the deregistration delay in ECS, which waits for it before it stops a task. Then comes SIGTERM: it answers what is in
flight, which takes an integration's timeout at most, and tells the gateway to close its connections.
"""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from infra.shared.lint import acknowledge
from infra.shared.network import BALANCERS

PORT = 8080
METRICS_PORT = 9090

DEREGISTRATION_SECONDS = 120
# API Gateway gives up on an integration after 29 seconds.
SHUTDOWN_SECONDS = 30
# From SIGTERM to SIGKILL.
STOP_SECONDS = SHUTDOWN_SECONDS + 10

HEALTHY = "/healthz"
READY = "/readyz"


class PodBalancer(Construct):
    """A balancer that a VPC link alone reaches, and a target group of addresses behind it."""

    def __init__(self, scope: Construct, construct_id: str, vpc: ec2.IVpc) -> None:
        super().__init__(scope, construct_id)
        # Nothing is let in: what comes by the VPC link is not subject to the group's rules, and all else is refused.
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            allow_all_outbound=False,
            description="Duplex: from the balancer to the pods",
        )
        self.balancer = elb.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=BALANCERS),
            internet_facing=False,
            security_groups=[self.security_group],
            enforce_security_group_inbound_rules_on_private_link_traffic=False,
            # Few pods are hardly ever spread evenly over zones.
            cross_zone_enabled=True,
        )
        self.targets = pod_targets(self, vpc, DEREGISTRATION_SECONDS)
        self.balancer.add_listener("Listener", port=80, protocol=elb.Protocol.TCP, default_target_groups=[self.targets])
        acknowledge(
            self.balancer,
            "AwsSolutions-ELB2",
            "A Network Load Balancer logs TLS connections alone, and there are none: the stage's access logs show each "
            "request.",
        )

    def reach(self, pods: ec2.ISecurityGroup) -> None:
        """Let the balancer, and nothing else, connect to the port of what is in the group `pods`."""
        let_through(self, self.security_group, pods)


def pod_targets(
    scope: Construct, vpc: ec2.IVpc, delay_seconds: int, health: elb.Protocol = elb.Protocol.HTTP
) -> elb.NetworkTargetGroup:
    """Return the target group of a Network Load Balancer, which asks the pods over `health` whether they are ready."""
    return elb.NetworkTargetGroup(
        scope,
        "Targets",
        vpc=vpc,
        port=PORT,
        protocol=elb.Protocol.TCP,
        target_type=elb.TargetType.IP,
        deregistration_delay=Duration.seconds(delay_seconds),
        health_check=health_check(health),
    )


def health_check(protocol: elb.Protocol) -> elb.HealthCheck:
    return elb.HealthCheck(
        protocol=protocol,
        path=READY,
        port=str(PORT),
        interval=Duration.seconds(10),
        timeout=Duration.seconds(6),
        healthy_threshold_count=2,
        unhealthy_threshold_count=2,
    )


def let_through(scope: Construct, balancer: ec2.SecurityGroup, pods: ec2.ISecurityGroup) -> None:
    """Let what is in the group `balancer` connect to the port of what is in the group `pods`."""
    peer, port = ec2.Peer.security_group_id(pods.security_group_id), ec2.Port.tcp(PORT)
    balancer.add_egress_rule(peer, port, "Requests and health checks")
    ec2.CfnSecurityGroupIngress(
        scope,
        "FromBalancer",
        group_id=pods.security_group_id,
        source_security_group_id=balancer.security_group_id,
        ip_protocol="tcp",
        from_port=PORT,
        to_port=PORT,
        description="Requests and health checks of the Duplex balancer",
    )


def subnet_ranges(vpc: ec2.IVpc, group: str = BALANCERS) -> Sequence[str]:
    """Return the CIDRs in which balancers have their addresses."""
    return [subnet.ipv4_cidr_block for subnet in vpc.select_subnets(subnet_group_name=group).subnets]
