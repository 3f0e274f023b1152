"""Check the stacks against cdk-nag's AwsSolutions rules: `python -m infra.nag`.

Not part of synth, which stays quick. An acknowledgement stands beside the construct it concerns; one that hides nothing
fails the report too, since cdk-nag takes a mistyped rule id without a word.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NagPack

from infra.assembly import build_app
from infra.layer import LayerError

# Together they contain every construct there is.
VARIANTS: tuple[dict[str, str], ...] = (
    {"backends": "all", "access_logs": "off"},
    {"access_logs": "create-role"},
    {"backends": "sockets", "sockets_balancer": "alb"},
    {"backends": "sockets", "sockets_balancer": "tcp"},
)

# Acknowledgements that CDK makes by itself, of its own checks.
FOREIGN = "CloudFormation-Validate::"


class RawChecks(AwsSolutionsChecks):
    """The same rules under a name that no acknowledgement mentions, so that what those hide is found."""

    def __init__(self) -> None:
        super().__init__()
        self._pack_name = "Raw"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    rule: str
    path: str


@dataclass(frozen=True, slots=True, order=True)
class Acknowledged:
    rule: str
    path: str
    reason: str

    def hides(self, finding: Finding) -> bool:
        return self.rule == finding.rule and f"{finding.path}/".startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True)
class Report:
    """findings: what nobody acknowledged. idle: acknowledgements that hide nothing."""

    findings: frozenset[Finding]
    acknowledged: frozenset[Acknowledged]
    idle: frozenset[Acknowledged]

    @property
    def clean(self) -> bool:
        return not self.findings and not self.idle

    def lines(self) -> Iterator[str]:
        for finding in sorted(self.findings):
            yield f"FINDING       {finding.rule} at {finding.path}"
        for entry in sorted(self.idle):
            yield f"HIDES NOTHING {entry.rule} at {entry.path}"
        for entry in sorted(self.acknowledged - self.idle):
            yield f"acknowledged  {entry.rule} at {entry.path}: {entry.reason}"


def audit(app: App) -> Report:
    acknowledged = frozenset(_acknowledgements(app))
    raw = {
        Finding(finding.rule.replace("Raw-", "AwsSolutions-", 1), finding.path) for finding in _run(RawChecks(), app)
    }
    return Report(
        findings=frozenset(_run(AwsSolutionsChecks(), app)),
        acknowledged=acknowledged,
        idle=frozenset(entry for entry in acknowledged if not any(entry.hides(finding) for finding in raw)),
    )


def _run(pack: NagPack, app: App) -> Iterator[Finding]:
    for violation in pack.validate_scope(app).violations:
        for resource in violation.violating_resources:
            yield Finding(violation.rule_name, resource.construct_path or "")


def _acknowledgements(app: App) -> Iterator[Acknowledged]:
    for construct in app.node.find_all():
        for entry in construct.node.metadata:
            if entry.type == Validations.ACKNOWLEDGED_RULES_METADATA_KEY:
                for rule, reason in entry.data.items():
                    if rule.startswith(FOREIGN):
                        continue
                    yield Acknowledged(rule.removeprefix("Annotation::"), construct.node.path, reason)


def main() -> int | str:
    clean = True
    for options in VARIANTS:
        with tempfile.TemporaryDirectory() as outdir:
            try:
                report = audit(build_app(outdir, **options))
            except LayerError as error:
                return f"infra.nag: {error}"
        heading = " ".join(f"{key}={value}" for key, value in options.items())
        sys.stdout.writelines(f"{line}\n" for line in (heading, *report.lines()))
        clean = clean and report.clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
