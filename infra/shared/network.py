"""The network of the variants that run containers."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.settings import Settings
from infra.shared.lint import acknowledge

# The subnets of what runs.
PRIVATE = "Private"
# Those of what has a public address: NAT, and the balancer of the pods that hold sockets.
PUBLIC = "Public"
# The subnets that hold nothing but internal balancers, so that pods can tell by the address who calls.
BALANCERS = "Balancers"


def build_vpc(scope: Construct, settings: Settings) -> ec2.Vpc:
    """Return a VPC over two zones: public subnets for NAT, private ones for what runs, small ones for balancers.

    Pods answer through the stage's public `@connections` address, so they need a way out. DynamoDB is reached by a
    gateway endpoint, which costs nothing.
    """
    vpc = ec2.Vpc(
        scope,
        "Vpc",
        ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
        max_azs=2,
        # Nothing is in the default group, and closing it takes a function of its own.
        restrict_default_security_group=False,
        nat_gateways=settings.nat_gateways,
        gateway_endpoints={
            "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            # Layers of images are in S3.
            "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
        },
        subnet_configuration=[
            ec2.SubnetConfiguration(name=PUBLIC, subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
            ec2.SubnetConfiguration(name=PRIVATE, subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=18),
            ec2.SubnetConfiguration(name=BALANCERS, subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=27),
        ],
    )
    acknowledge(vpc, "AwsSolutions-VPC7", "Flow logs cost by the flow; who needs them adds them with a retention.")
    return vpc
