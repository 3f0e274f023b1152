import gzip
import json
import shutil
from dataclasses import replace
from email.parser import HeaderParser
from pathlib import Path

import pytest

from infra import layer
from tests.conftest import Assembly


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """What pip leaves behind, in small."""
    for name, content in {
        "bin/jp.py": "#!/home/someone/.venv/bin/python\n",
        "jmespath/__init__.py": "",
        "jmespath-1.1.0.dist-info/RECORD": "../../bin/jp.py,sha256=differs,1707\n",
        "jmespath-1.1.0.dist-info/LICENSE": "MIT",
        "botocore/data/endpoints.json": json.dumps(
            {"partitions": [{"partition": "aws", "services": {"dynamodb": {"endpoints": {}}, "ec2": {}}}]}
        ),
        "botocore/data/ec2/2016-11-15/paginators-1.json": "{}",
        "botocore/data/dynamodb/2012-08-10/examples-1.json": "{}",
        "botocore/data/dynamodb/2012-08-10/waiters-2.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    model = {"documentation": "<p>Much</p>", "shapes": {"Tag": {"type": "string", "documentation": "<p>More</p>"}}}
    packed = tmp_path / "botocore/data/dynamodb/2012-08-10/service-2.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(model).encode()))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_clean_removes_scripts_and_checksums_and_keeps_licenses(site: Path) -> None:
    layer.clean(site)
    left = names(site)
    assert not {"bin/jp.py", "jmespath-1.1.0.dist-info/RECORD"} & left
    assert {"jmespath/__init__.py", "jmespath-1.1.0.dist-info/LICENSE"} <= left


def test_prune_keeps_the_shared_files_and_the_unpacked_models_of_the_services_in_use(site: Path) -> None:
    layer.prune_models(site, layer.SERVICES)
    assert names(site / "botocore" / "data") == {
        "endpoints.json",
        "dynamodb/2012-08-10/service-2.json",
        "dynamodb/2012-08-10/waiters-2.json",
    }
    model = json.loads((site / "botocore/data/dynamodb/2012-08-10/service-2.json").read_text(encoding="utf-8"))
    assert model == {"shapes": {"Tag": {"type": "string"}}}
    endpoints = json.loads((site / "botocore/data/endpoints.json").read_text(encoding="utf-8"))
    assert endpoints == {"partitions": [{"partition": "aws", "services": {"dynamodb": {"endpoints": {}}}}]}


def test_a_member_called_documentation_is_not_prose() -> None:
    shape = {
        "members": {"documentation": {"shape": "Text", "documentation": "<p>Prose</p>"}},
        "required": ["documentation"],
    }
    assert layer.without_prose(shape) == {
        "members": {"documentation": {"shape": "Text"}},
        "required": ["documentation"],
    }


@pytest.fixture
def broken(tmp_path: Path) -> layer.Folder:
    """A folder that pip cannot install."""
    lock = tmp_path / "requirements.txt"
    lock.write_text("not a requirement\n", encoding="utf-8")
    return replace(layer.LAYER, lock=lock)


def test_a_folder_is_installed_only_when_it_is_not_there_or_of_another_lock(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("\n", encoding="utf-8")
    folder = replace(layer.LAYER, lock=lock)
    build = tmp_path / "build"
    assert not layer.is_current(folder, build)
    build.mkdir()
    shutil.copytree(layer.ensure(), build / "layer")
    shutil.copy(layer.BUILD / "layer.made-of", build)
    assert layer.is_current(layer.LAYER, build)
    assert not layer.is_current(folder, build), "made of another lock"
    assert not layer.is_current(replace(layer.LAYER, services=("dynamodb",)), build)
    shutil.rmtree(build / "layer")
    assert not layer.is_current(layer.LAYER, build)


def test_a_failing_install_is_one_line_and_leaves_the_old_folder_as_it_was(
    tmp_path: Path, broken: layer.Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    build = tmp_path / "build"
    (build / "layer").mkdir(parents=True)
    (build / "layer" / "old").touch()
    with pytest.raises(
        layer.LayerError, match=r"could not install \S+requirements\.txt: ERROR: Invalid requirement"
    ) as told:
        layer.ensure(broken, build)
    assert "\n" not in str(told.value)
    assert names(build) == {"layer/old"}
    assert capsys.readouterr().err.startswith("Installing the packages of the functions, for Lambda (once, ")


def test_a_missing_network_is_one_line_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens on the port of `discard`
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(variable, raising=False)
    lock = tmp_path / "requirements.txt"
    lock.write_text("a-package-that-nobody-has==1.0\n", encoding="utf-8")
    with pytest.raises(layer.LayerError, match="the package index cannot be reached; connect this machine") as told:
        layer.ensure(replace(layer.LAYER, lock=lock), tmp_path / "build")
    assert "\n" not in str(told.value)


def test_a_folder_that_is_not_known_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        layer.main(["hosts"])
    assert exit_.value.code == 2
    assert "there is no folder 'hosts': choose from layer, host, host-pods" in capsys.readouterr().err


@pytest.fixture(scope="module")
def built(assembly: Assembly) -> Path:
    """The layer that a synth has made."""
    assert assembly.template_file.is_file()
    return layer.BUILD / "layer" / "python"


def test_the_built_layer_holds_the_lock_for_lambda_and_nothing_of_this_machine(built: Path) -> None:
    assert not (built / "bin").exists()
    home = str(layer.ROOT).encode()
    for path in built.rglob("*"):
        assert path.name != "RECORD"
        assert path.suffix != ".pyc"
        if path.suffix == ".so":
            assert path.name.endswith(".cpython-313-aarch64-linux-gnu.so")
        assert not path.is_file() or home not in path.read_bytes()


def test_the_built_layer_has_the_pins_of_the_lock_and_the_models_of_the_services(built: Path) -> None:
    installed = set()
    for metadata in built.glob("*.dist-info/METADATA"):
        headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        installed.add(f"{headers['Name'].lower().replace('_', '-')}=={headers['Version']}")
    assert installed == set(layer.LAYER.lock.read_text(encoding="utf-8").split())
    models = {path.name for path in (built / "botocore" / "data").iterdir() if path.is_dir()}
    assert models == set(layer.SERVICES)
