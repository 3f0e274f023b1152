"""What checkers find in the templates, and why it stays."""

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Say why a rule of cdk-nag does not apply here, to a construct and what is in it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def allow_obsolete_dependencies(construct: IConstruct) -> None:
    """Let what CDK makes depend on what it refers to anyway, which cfn-lint calls obsolete."""
    for child in construct.node.find_all():
        if CfnResource.is_cfn_resource(child):
            child.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})  # type: ignore[attr-defined]
