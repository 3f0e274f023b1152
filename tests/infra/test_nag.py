from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk import Acknowledgment, App, Stack, Validations
from aws_cdk import aws_sqs as sqs

from infra.assembly import build_app
from infra.nag import VARIANTS, Finding, audit


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_every_finding_is_acknowledged_and_every_acknowledgement_hides_one(
    options: Mapping[str, object], tmp_path: Path
) -> None:
    report = audit(build_app(str(tmp_path), **options))
    assert report.findings == frozenset()
    assert report.idle == frozenset()
    assert all(len(entry.reason) > 20 for entry in report.acknowledged)


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
