"""`app.py` as a process, on machines that lack something."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import aws_cdk

from infra.layer import ROOT
from tests.conftest import Assembly

HOME = os.environ.get("HOME", "")
# Where jsii keeps what it has unpacked, which takes longer than all of synth.
JSII_CACHE = {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": f"{HOME}/.cache/aws/jsii/package-cache"}


def run_app(scratch: Path, *interpreter: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run app.py into `scratch`/cdk.out with nothing on PATH and no configuration from the environment."""
    return subprocess.run(
        [*(interpreter or (sys.executable,)), "app.py"],
        cwd=ROOT,
        env={"HOME": HOME, "PATH": str(scratch), "CDK_OUTDIR": str(scratch / "cdk.out"), **JSII_CACHE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def namespaces() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rn", "true"], check=False).returncode == 0


def test_synth_needs_no_node_on_path_no_home_and_no_network_and_says_nothing(
    assembly: Assembly, tmp_path: Path
) -> None:
    """Without a network where Linux allows that to be tried."""
    alone = [str(shutil.which("unshare")), "-rn"] if namespaces() else []
    finished = run_app(tmp_path, *alone, sys.executable, HOME=str(tmp_path))
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert Assembly(tmp_path / "cdk.out").template_file.read_bytes() == assembly.template_file.read_bytes()


def test_a_wrong_option_is_one_line_on_stderr(tmp_path: Path) -> None:
    finished = run_app(tmp_path, CDK_CONTEXT_JSON=json.dumps({"touch_second": "5"}))
    assert finished.returncode == 1
    assert finished.stderr.startswith("app.py: unknown option 'touch_second'; did you mean touch_seconds? (options: ")
    assert finished.stderr.count(os.linesep) == 1


def test_missing_packages_are_one_line_that_says_how_to_install_them(tmp_path: Path) -> None:
    finished = run_app(tmp_path, sys.executable, "-S")
    assert finished.returncode == 1
    assert finished.stderr == (
        "app.py: the Python package aws_cdk is missing; run `make install`, or "
        "`pip install -r requirements.txt` in an activated virtual environment\n"
    )


def test_cdk_json_sets_every_feature_flag_that_this_version_recommends() -> None:
    (bundle,) = (Path(str(aws_cdk.__file__)).parent / "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(bundle) as tar:
        member = tar.extractfile("package/recommended-feature-flags.json")
        assert member is not None
        recommended = json.load(member)
    assert json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"] == recommended
