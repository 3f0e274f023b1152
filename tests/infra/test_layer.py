import gzip
import json
from email.parser import HeaderParser
from pathlib import Path

import pytest

from infra import layer

BUILT = layer.BUILD / "layer" / "python"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """What pip leaves behind, in small."""
    for name, content in {
        "bin/jp.py": "#!/home/someone/.venv/bin/python\n",
        "jmespath/__init__.py": "",
        "jmespath-1.1.0.dist-info/RECORD": "../../bin/jp.py,sha256=differs,1707\n",
        "jmespath-1.1.0.dist-info/LICENSE": "MIT",
        "botocore/data/endpoints.json": "{}",
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
    layer.prune_models(site)
    assert names(site / "botocore" / "data") == {
        "endpoints.json",
        "dynamodb/2012-08-10/service-2.json",
        "dynamodb/2012-08-10/waiters-2.json",
    }
    model = json.loads((site / "botocore/data/dynamodb/2012-08-10/service-2.json").read_text(encoding="utf-8"))
    assert model == {"shapes": {"Tag": {"type": "string"}}}


def test_a_member_called_documentation_is_not_prose() -> None:
    shape = {
        "members": {"documentation": {"shape": "Text", "documentation": "<p>Prose</p>"}},
        "required": ["documentation"],
    }
    assert layer.without_prose(shape) == {
        "members": {"documentation": {"shape": "Text"}},
        "required": ["documentation"],
    }


def test_a_missing_layer_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(layer.LayerError, match=r"is missing; run `python -m infra\.layer`"):
        layer.current(tmp_path / "layer")


def test_a_layer_of_another_lock_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    (tmp_path / layer.LOCK.name).write_text("botocore==1.0\n", encoding="utf-8")
    with pytest.raises(layer.LayerError, match=r"from another requirements\.txt; run `python -m infra\.layer`"):
        layer.current(tmp_path)


def test_a_failing_install_leaves_the_old_folders_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "old").touch()
    lock = tmp_path / "requirements.txt"
    lock.write_text("not a requirement\n", encoding="utf-8")
    for name in ("LOCK", "RUNTIME_LOCK", "PODS_LOCK"):
        monkeypatch.setattr(layer, name, lock)
    with pytest.raises(layer.LayerError, match="Invalid requirement"):
        layer.build(tmp_path)
    assert names(tmp_path) == {"requirements.txt", "layer/old"}


def test_the_built_layer_holds_the_lock_for_lambda_and_nothing_of_this_machine() -> None:
    assert layer.current() == BUILT.parent
    assert not (BUILT / "bin").exists()
    home = str(layer.ROOT).encode()
    for path in BUILT.rglob("*"):
        assert path.name != "RECORD"
        assert path.suffix != ".pyc"
        if path.suffix == ".so":
            assert path.name.endswith(".cpython-313-aarch64-linux-gnu.so")
        assert not path.is_file() or home not in path.read_bytes()


@pytest.mark.parametrize("folder", ["layer", "host"])
def test_the_built_folders_have_the_pins_of_the_lock_and_the_models_of_the_services(folder: str) -> None:
    site = layer.BUILD / folder / "python"
    installed = set()
    for metadata in site.glob("*.dist-info/METADATA"):
        headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        installed.add(f"{headers['Name'].lower().replace('_', '-')}=={headers['Version']}")
    assert installed == set(layer.LOCK.read_text(encoding="utf-8").split())
    models = {path.name for path in (site / "botocore" / "data").iterdir() if path.is_dir()}
    assert models == set(layer.SERVICES)
