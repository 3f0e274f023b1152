import json
from pathlib import Path

from infra.layer import ROOT
from tests.conftest import Assembly


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_all_functions_share_one_asset_of_our_own_python_alone(assembly: Assembly) -> None:
    keys = {entry["Properties"]["Code"]["S3Key"] for entry in assembly.resources("AWS::Lambda::Function").values()}
    assert len(keys) == 1
    asset = assembly.asset(keys.pop())
    expected = {str(path.relative_to(ROOT)) for room in ("backend", "lambdas") for path in (ROOT / room).rglob("*.py")}
    assert files(asset) == expected
    assert {path.name for path in asset.iterdir()} == {"backend", "lambdas"}
    assert not list(asset.rglob("__pycache__"))


def test_the_layer_is_what_was_built(assembly: Assembly) -> None:
    (layer,) = assembly.resources("AWS::Lambda::LayerVersion").values()
    assert files(assembly.asset(layer["Properties"]["Content"]["S3Key"])) == files(ROOT / "build" / "layer")


def test_the_image_is_built_from_the_application_and_the_pods_folder_alone(eks: Assembly) -> None:
    manifest = json.loads((eks.outdir / "DuplexEks.assets.json").read_text(encoding="utf-8"))
    (image,) = manifest["dockerImages"].values()
    assert image["source"]["platform"] == "linux/arm64"
    folder = eks.outdir / image["source"]["directory"]
    assert (folder / image["source"]["dockerFile"]).is_file()
    python = {str(path.relative_to(ROOT)) for room in ("backend", "pods") for path in (ROOT / room).rglob("*.py")}
    assert {name for name in files(folder) if name.endswith(".py")} == python
    assert {path.name for path in folder.iterdir()} == {"backend", "pods"}
    assert not list(folder.rglob("__pycache__"))
