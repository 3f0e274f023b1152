"""The cluster that the `eks` variant runs in: EKS Auto Mode, a node pool of ours, KEDA."""

import json
from typing import cast

from aws_cdk import App, CfnElement, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer

from infra.kubernetes import nodes
from infra.kubernetes.names import KEDA_NAMESPACE, KEDA_SERVICE_ACCOUNT
from infra.settings import Settings
from infra.shared.identity import build_identity
from infra.shared.lint import acknowledge, allow_obsolete_dependencies
from infra.shared.network import PRIVATE, build_vpc

# The layer's kubectl and the cluster move together: kubectl supports one minor version up or down.
VERSION = eks.KubernetesVersion.V1_36
KubectlLayer = KubectlV36Layer

# What EKS documents for the nodes of Auto Mode; CDK's own role may do more.
NODE_POLICIES = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
# What it documents for the control plane of Auto Mode.
CONTROL_PLANE_POLICIES = (
    *("AmazonEKSClusterPolicy", "AmazonEKSBlockStoragePolicy", "AmazonEKSComputePolicy"),
    *("AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy"),
)
# What CDK gives the functions that run kubectl and helm.
KUBECTL_POLICIES = (
    *("service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaVPCAccessExecutionRole"),
    "AmazonEC2ContainerRegistryReadOnly",
)
PUBLIC_REGISTRY = "AmazonElasticContainerRegistryPublicReadOnly"


class ClusterStack(Stack):
    """A VPC and a cluster, in which other applications may run too."""

    def __init__(self, scope: App, settings: Settings) -> None:
        super().__init__(scope, "DuplexCluster", description="Duplex: a Kubernetes cluster with Karpenter and KEDA")
        self.vpc = build_vpc(self, settings)
        node_role = iam.Role(
            self,
            "NodeRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in NODE_POLICIES],
        )
        self.cluster = eks.Cluster(
            self,
            "Cluster",
            version=VERSION,
            vpc=self.vpc,
            # The NodeClass `default` takes its subnets from here: nodes have no business in public ones.
            vpc_subnets=[ec2.SubnetSelection(subnet_group_name=PRIVATE)],
            default_capacity_type=eks.DefaultCapacityType.AUTOMODE,
            # With no built-in pool there would be no NodeClass `default` either.
            compute=eks.ComputeConfig(node_pools=["system"], node_role=node_role),
            kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=KubectlLayer(self, "Kubectl")),
        )
        node_pool = self.cluster.add_manifest("NodePool", nodes.node_pool(settings))
        self.cluster.add_manifest("NetworkPolicies", nodes.network_policies())
        identity = build_identity(
            self,
            "Keda",
            cluster_name=self.cluster.cluster_name,
            namespace=KEDA_NAMESPACE,
            service_account=KEDA_SERVICE_ACCOUNT,
        )
        identity.role.add_to_policy(iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"]))
        keda = self.cluster.add_helm_chart(
            "KedaChart",
            repository="https://kedacore.github.io/charts",
            chart="keda",
            release="keda",
            version=settings.keda_version,
            namespace=KEDA_NAMESPACE,
            create_namespace=True,
            wait=True,
            timeout=Duration.minutes(15),
            values={"serviceAccount": {"operator": {"name": KEDA_SERVICE_ACCOUNT}}},
        )
        # A pod that starts before its identity exists never gets credentials, and one without a node never starts.
        keda.node.add_dependency(identity.role, identity.association, node_pool)

        acknowledge(
            identity.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Metrics have no ARNs: GetMetricData is for all of them or for none.",
        )
        for name in NODE_POLICIES:
            _acknowledge_policy(node_role, name, "What EKS documents for nodes of Auto Mode: they pull and register.")
        self._acknowledge_cluster()
        # CDK would keep the logs of its functions for two years, and leave them behind.
        for child in self.cluster.node.find_all():
            if isinstance(child, logs.CfnLogGroup):
                child.retention_in_days = settings.log_retention_days
                child.apply_removal_policy(RemovalPolicy.DESTROY)

    def _acknowledge_cluster(self) -> None:
        for name in CONTROL_PLANE_POLICIES:
            _acknowledge_policy(self.cluster, name, "What EKS documents for the control plane of Auto Mode.")
        for name in KUBECTL_POLICIES:
            _acknowledge_policy(
                self.cluster, name, "CDK's functions that run kubectl and helm: they are its to narrow."
            )
        provider = self.cluster.node.find_child("KubectlProvider")
        handler = provider.node.find_child("Handler")
        # cdk-nag writes a policy that depends on a condition as its JSON.
        condition = self.get_logical_id(cast("CfnElement", handler.node.find_child("HasEcrPublic")))
        public = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":iam::aws:policy/{PUBLIC_REGISTRY}"]]}
        policy = json.dumps({"Fn::If": [condition, public, {"Ref": "AWS::NoValue"}]}, separators=(",", ":"))
        acknowledge(provider, f"AwsSolutions-IAM4[Policy::{policy}]", "CDK's function may pull charts that are images.")
        logical_id = self.get_logical_id(cast("CfnElement", handler.node.default_child))
        acknowledge(
            provider,
            f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>:*]",
            "CDK's provider calls any version of its own function.",
        )
        acknowledge(provider, "AwsSolutions-L1", "CDK's function: its runtime moves with aws-cdk-lib.")
        allow_obsolete_dependencies(self.cluster)


def _acknowledge_policy(construct: iam.IRole | eks.Cluster, name: str, reason: str) -> None:
    acknowledge(construct, f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]", reason)
