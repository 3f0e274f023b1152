"""What the image is made of."""

import re
import subprocess
import sys

from infra import layer

ROOT = layer.ROOT
DOCKERFILE = (ROOT / "pods" / "Dockerfile").read_text()
LINES = re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()


def pins(path: str) -> set[str]:
    return set((ROOT / path).read_text().splitlines())


def test_what_it_copies_is_there() -> None:
    copied = [words[1:-1] for words in map(str.split, LINES) if words and words[0] == "COPY"]
    sources = [source for words in copied for source in words if not source.startswith(("--", "/"))]
    assert sources == ["pods/requirements.txt", "backend", "pods"]
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_it_is_pinned_and_runs_as_nobody() -> None:
    images = [line.split()[1] for line in LINES if line.startswith("FROM")]
    assert len(set(images)) == 1
    assert re.fullmatch(r"\S+:3\.13\.\d+-slim-\w+", images[0])
    assert "USER 10001:10001" in LINES
    assert LINES[-1] == 'CMD ["python", "-m", "pods.api"]'


def test_it_keeps_the_services_that_local_pods_have() -> None:
    assert tuple(re.findall(r"! -name (\w+)", DOCKERFILE)) == layer.PODS_SERVICES


def test_its_lock_has_the_pins_of_the_whole() -> None:
    assert pins("pods/requirements.txt") <= pins("requirements.txt")


def test_a_local_pod_needs_nothing_but_what_is_locked() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; import pods.api, uvicorn; print(uvicorn.__file__)"
    packages = layer.BUILD / "host-pods" / "python"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", code, str(ROOT), str(packages)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(packages))
