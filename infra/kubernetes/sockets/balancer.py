"""The public balancer before the pods that hold sockets: TLS ends at it, or passes through it.

A pod that is to go is taken off the target group, and the balancer keeps its connections for the deregistration delay:
for as long as a pod may take to drain, so that it is the pod which says goodbye. All kinds of balancer drop a
connection that has been silent for NLB_IDLE_SECONDS, more than a pod lets pass between two pings.
"""

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from infra.settings import Settings
from infra.shared.balancer import PORT, health_check, let_through, pod_targets
from infra.shared.lint import acknowledge
from infra.shared.network import PUBLIC
from infra.socket_settings import NLB_IDLE_SECONDS

# A client that comes back within a day with its cookie gets the pod it had, if there is room.
COOKIE = Duration.hours(24)


class SocketBalancer(Construct):
    """A balancer that everybody reaches on port 443, and a target group of the pods' addresses behind it."""

    balancer: elb.NetworkLoadBalancer | elb.ApplicationLoadBalancer
    targets: elb.NetworkTargetGroup | elb.ApplicationTargetGroup

    def __init__(
        self, scope: Construct, construct_id: str, vpc: ec2.IVpc, settings: Settings, certificate_arn: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, allow_all_outbound=False, description="Duplex: clients to the balancer"
        )
        self.security_group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Clients")
        acknowledge(self.security_group, "AwsSolutions-EC23", "Clients come from anywhere, to port 443 alone.")
        certificates: list[elb.IListenerCertificate] = (
            [] if certificate_arn is None else [elb.ListenerCertificate.from_arn(certificate_arn)]
        )
        build = self._application if settings.sockets_balancer == "alb" else self._network
        build(vpc, certificates, settings.sockets_grace_seconds)
        acknowledge(
            self.balancer,
            "AwsSolutions-ELB2",
            "Access logs cost by the connection; who needs them adds a bucket with a lifecycle.",
        )

    def reach(self, pods: ec2.ISecurityGroup) -> None:
        """Let the balancer connect to the port of what is in the group `pods`."""
        let_through(self, self.security_group, pods)

    def _network(self, vpc: ec2.IVpc, certificates: list[elb.IListenerCertificate], delay_seconds: int) -> None:
        """Build one that ends TLS, or, without a certificate, passes bytes on."""
        balancer = elb.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PUBLIC),
            internet_facing=True,
            security_groups=[self.security_group],
            # Few pods are hardly ever spread evenly over zones.
            cross_zone_enabled=True,
        )
        # It does not ask whose certificate it is shown.
        targets = pod_targets(self, vpc, delay_seconds, elb.Protocol.HTTP if certificates else elb.Protocol.HTTPS)
        balancer.add_listener(
            "Listener",
            port=443,
            protocol=elb.Protocol.TLS if certificates else elb.Protocol.TCP,
            certificates=certificates or None,
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS if certificates else None,
            default_target_groups=[targets],
        )
        self.balancer, self.targets = balancer, targets

    def _application(self, vpc: ec2.IVpc, certificates: list[elb.IListenerCertificate], delay_seconds: int) -> None:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PUBLIC),
            internet_facing=True,
            security_group=self.security_group,
            idle_timeout=Duration.seconds(NLB_IDLE_SECONDS),
            drop_invalid_header_fields=True,
        )
        targets = elb.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=vpc,
            port=PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            deregistration_delay=Duration.seconds(delay_seconds),
            health_check=health_check(elb.Protocol.HTTP),
            # An open socket is an outstanding request, so new ones go to the pod with the fewest.
            load_balancing_algorithm_type=elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            stickiness_cookie_duration=COOKIE,
        )
        balancer.add_listener(
            "Listener",
            port=443,
            protocol=elb.ApplicationProtocol.HTTPS,
            certificates=certificates,
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
            open=False,
            default_target_groups=[targets],
        )
        self.balancer, self.targets = balancer, targets
