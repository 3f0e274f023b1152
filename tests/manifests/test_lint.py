"""What cfn-lint says of templates that `make check` does not see."""

from cfnlint.api import lint_file  # type: ignore[import-untyped]

from tests.conftest import Synthesize


def test_cfn_lint_finds_nothing_in_what_access_logs_add(synthesize: Synthesize) -> None:
    assert lint_file(synthesize("create-role").template_file) == []
