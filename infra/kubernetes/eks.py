"""The `eks` variant: API Gateway holds the sockets, pods on Kubernetes run the code."""

from typing import cast

from aws_cdk import App, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks

from infra.kubernetes import scaling, workload
from infra.kubernetes.cluster import ClusterStack
from infra.kubernetes.names import NAME, NAMESPACE
from infra.settings import Settings
from infra.shared.api import STAGE
from infra.shared.backend import add_consumers, build_backend
from infra.shared.balancer import PodBalancer, subnet_ranges
from infra.shared.http_routes import add_http_routes, build_secret
from infra.shared.identity import build_identity
from infra.shared.image import build_image
from infra.shared.pods import allow_pods, pod_environment
from infra.variants import EKS


class EksStack(Stack):
    """The application in a cluster of another stack: everything it adds to it goes when this stack is destroyed."""

    def __init__(self, scope: App, settings: Settings, home: ClusterStack) -> None:
        super().__init__(scope, EKS.stack, description="Duplex: WebSockets on API Gateway, pods and DynamoDB")
        self.template_options.metadata = EKS.metadata()
        self.add_stack_dependency(home)
        cluster = cast("eks.ICluster", home.cluster)
        backend = build_backend(self, settings, EKS.name)
        secret = build_secret(self)
        path = PodBalancer(self, "Path", home.vpc)
        path.reach(
            ec2.SecurityGroup.from_security_group_id(self, "PodGroup", cluster.cluster_security_group_id, mutable=False)
        )
        # Auto Mode's controller may touch target groups of its own cluster only, which it knows by this tag.
        Tags.of(path.targets).add("eks:eks-cluster-name", cluster.cluster_name)
        add_http_routes(backend.api, path.balancer, secret, settings)
        add_consumers(self, backend)

        identity = build_identity(
            self, "Pods", cluster_name=cluster.cluster_name, namespace=NAMESPACE, service_account=NAME
        )
        allow_pods(identity.role, backend, secret)
        image = build_image(self)
        environment = pod_environment(backend, secret)

        namespace = eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[workload.namespace()])
        pods = eks.KubernetesManifest(
            self,
            "Application",
            cluster=cluster,
            manifest=[
                workload.service_account(),
                workload.network_policy(subnet_ranges(home.vpc)),
                workload.disruption_budget(),
                workload.service(),
                workload.deployment(image.image_uri, environment, settings),
                workload.target_group_binding(path.targets.target_group_arn),
            ],
        )
        pods.node.add_dependency(namespace, identity.role, identity.association)
        autoscaling = eks.KubernetesManifest(
            self,
            "Autoscaling",
            cluster=cluster,
            manifest=[
                scaling.trigger_authentication(),
                scaling.scaled_object(backend.api.api_id, STAGE, self.region, settings),
            ],
        )
        autoscaling.node.add_dependency(pods)
