"""An AWS in a process of its own: MiniStack on a free port, as emulator.py starts it."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import venv
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tests.e2e.emulator import ACCOUNT, REGION
from tests.processes import PATIENCE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ACCOUNT", "REGION", "Aws", "ministack", "ministack_bin"]

# The account's root user, as far as MiniStack is concerned.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


@dataclass(frozen=True)
class Aws:
    port: int
    log: Path

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What sends a command line tool here."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def client(self, service: str, path: str = "") -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=f"{self.endpoint}{path}",
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


def ministack_bin() -> Path:
    """The commands of an environment with MiniStack in it, which pins another botocore than the functions' layer has.

    The first test that needs it makes it, below build; others wait.
    """
    lock = ROOT / "tests" / "e2e" / "ministack.txt"
    folder = ROOT / "build" / "ministack"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / ".ministack.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        copy = folder / lock.name
        if not copy.is_file() or copy.read_bytes() != lock.read_bytes():
            venv.create(folder, clear=True, with_pip=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "--no-deps", "--requirement", str(lock)], check=True)
            shutil.copy(lock, copy)
    return folder / "bin"


@contextmanager
def ministack(folder: Path, environment: dict[str, str]) -> Iterator[Aws]:
    """Its log goes to `folder`. It ends with the block, or with this process: its standard input closes either way."""
    log = folder / "ministack.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [ministack_bin() / "python", "-m", "tests.e2e.emulator"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline()
        assert port, log.read_text()
        yield Aws(int(port), log)
    except BaseException as error:
        error.add_note(f"MiniStack's log ends with:\n{log.read_text()[-4000:]}")
        raise
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
