"""The cluster that the `eks` variant runs in: EKS Auto Mode, a node pool of ours, KEDA."""

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer

from infra.api import acknowledge
from infra.identity import build_identity
from infra.kubernetes import nodes
from infra.kubernetes.names import KEDA_NAMESPACE, KEDA_SERVICE_ACCOUNT
from infra.network import PRIVATE, build_vpc
from infra.settings import Settings

# The layer's kubectl and the cluster move together: kubectl supports one minor version up or down.
VERSION = eks.KubernetesVersion.V1_36
KubectlLayer = KubectlV36Layer


class ClusterStack(Stack):
    """A VPC and a cluster, in which other applications may run too."""

    def __init__(self, scope: App, settings: Settings) -> None:
        super().__init__(scope, "DuplexCluster", description="Duplex: a Kubernetes cluster with Karpenter and KEDA")
        self.vpc = build_vpc(self, settings)
        self.cluster = eks.Cluster(
            self,
            "Cluster",
            version=VERSION,
            vpc=self.vpc,
            # The NodeClass `default` takes its subnets from here: nodes have no business in public ones.
            vpc_subnets=[ec2.SubnetSelection(subnet_group_name=PRIVATE)],
            default_capacity_type=eks.DefaultCapacityType.AUTOMODE,
            # With no built-in pool there would be no NodeClass `default` either.
            compute=eks.ComputeConfig(node_pools=["system"]),
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
        role = identity.role
        role.add_to_policy(iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"]))
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "Metrics have no ARNs: GetMetricData is for all of them or for none.",
        )
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
        keda.node.add_dependency(identity.association, node_pool)
