"""The real CDK CLI, on a copy of the project whose sources a test may change."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import ROOT

STACK = "DuplexLambda"
SOURCES = ("app.py", "cdk.json", "backend", "infra", "lambdas")


def clean_environment(home: Path) -> dict[str, str]:
    """No configuration of the user's, and everything that is written goes below `home`."""
    scratch = home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    path = [str(Path(sys.executable).parent), str(ROOT / "node_modules/.bin"), os.environ.get("PATH", os.defpath)]
    return {
        "PATH": os.pathsep.join(path),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "CDK_HOME": str(home / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        # What jsii has unpacked already: doing it again takes longer than all of synth.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
    }


def copy_of_the_project(target: Path) -> Path:
    """What the app is made of, in a folder of its own. The layer is shared: it is built once, from the lock."""
    target.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target / name)
    (target / "build").symlink_to(ROOT / "build")
    return target


@dataclass(frozen=True)
class Cdk:
    """Runs `cdk` in a project; `took` has the seconds of each run."""

    project: Path
    environment: dict[str, str]
    took: dict[str, float] = field(default_factory=dict)

    def start(self, *arguments: str) -> Command:
        return Command(self, arguments)

    def run(self, *arguments: str, status: int = 0) -> str:
        """What the command printed, once it has ended with `status`."""
        with self.start(*arguments) as command:
            return command.finish(status)


class Command:
    """One run of the CLI; it and what it started are gone at the end of the `with` block."""

    def __init__(self, cdk: Cdk, arguments: tuple[str, ...]) -> None:
        self._cdk = cdk
        self._arguments = arguments

    def __enter__(self) -> Command:
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            ["cdk", *self._arguments, "--no-notices", "--no-color"],
            cwd=self._cdk.project,
            env=self._cdk.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self

    def finish(self, status: int = 0) -> str:
        output, _ = self._process.communicate()
        shown = " ".join(("cdk", *self._arguments))
        self._cdk.took[shown] = time.monotonic() - self._started
        assert self._process.returncode == status, f"{shown}: status {self._process.returncode}\n{output}"
        return output

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
