"""What pods may do: a role, and by which service account they get it."""

from dataclasses import dataclass

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whoever applies pods depends on `association`: a pod that starts before it never gets credentials."""

    role: iam.Role
    association: eks.CfnPodIdentityAssociation


def build_identity(
    scope: Construct, construct_id: str, *, cluster_name: str, namespace: str, service_account: str
) -> Identity:
    """Return a role that the pods of one service account of one cluster have, by EKS Pod Identity.

    The L2's add_service_account would install an agent that Auto Mode has built in, and make the account itself.
    """
    role = iam.Role(
        scope,
        f"{construct_id}Role",
        assumed_by=iam.ServicePrincipal("pods.eks.amazonaws.com").with_session_tags(),
    )
    association = eks.CfnPodIdentityAssociation(
        scope,
        f"{construct_id}Identity",
        cluster_name=cluster_name,
        namespace=namespace,
        service_account=service_account,
        role_arn=role.role_arn,
    )
    return Identity(role=role, association=association)
