"""That the report of `python -m infra.nag` can fail; `make check` makes it for every variant."""

from aws_cdk import Acknowledgment, App, Stack, Validations
from aws_cdk import aws_sqs as sqs

from infra.nag import Finding, audit


def test_a_finding_that_nobody_acknowledged_fails_the_report() -> None:
    app = App()
    sqs.Queue(Stack(app, "Demo"), "Queue")
    report = audit(app)
    assert Finding("AwsSolutions-SQS3", "Demo/Queue/Resource") in report.findings
    assert not report.clean


def test_an_acknowledgement_with_a_mistyped_id_fails_the_report() -> None:
    app = App()
    stack = Stack(app, "Demo")
    Validations.of(stack).acknowledge(Acknowledgment(id="AwsSolutions-SQS33", reason="no such rule"))
    report = audit(app)
    assert [entry.rule for entry in report.idle] == ["AwsSolutions-SQS33"]
    assert [line for line in report.lines() if "HIDES NOTHING AwsSolutions-SQS33 at Demo" in line]
    assert not report.clean
