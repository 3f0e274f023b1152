from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import connect

from localcloud import references
from localcloud.errors import LocalError
from localcloud.references import Lookup
from localcloud.testing import running

from . import assemblies
from .test_main import line_of, local

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:App-Secret"


@pytest.mark.parametrize(
    ("text", "arguments", "key"),
    [
        ("ssm:/app/name", {"Name": "/app/name", "WithDecryption": True}, ""),
        ("ssm:name:3", {"Name": "name:3", "WithDecryption": True}, ""),
        ("ssm-secure:name", {"Name": "name", "WithDecryption": True}, ""),
        ("secretsmanager:name", {"SecretId": "name"}, ""),
        ("secretsmanager:name:SecretString", {"SecretId": "name"}, ""),
        ("secretsmanager:name:SecretString:key", {"SecretId": "name"}, "key"),
        (f"secretsmanager:{ARN}:SecretString:::", {"SecretId": "App-Secret"}, ""),
        (f"secretsmanager:{ARN}:SecretString:key:S:", {"SecretId": "App-Secret", "VersionStage": "S"}, "key"),
        (f"secretsmanager:{ARN}:SecretString:key::v1", {"SecretId": "App-Secret", "VersionId": "v1"}, "key"),
    ],
)  # fmt: skip
def test_every_form_names_what_is_read(text: str, arguments: dict[str, object], key: str) -> None:
    found: list[Lookup] = []

    async def fetch(lookup: Lookup) -> str:
        found.append(lookup)
        return "value"

    assert asyncio.run(references.substitute(f"a {{{{resolve:{text}}}}} b", fetch)) == "a value b"
    assert (dict(found[0].arguments), found[0].json_key) == (arguments, key)


@pytest.mark.parametrize("text", ["{{resolve:s3:x}}", "{{resolve:secretsmanager:name:SecretBinary}}"])
def test_what_is_not_supported_is_named(text: str) -> None:
    with pytest.raises(LocalError, match="not one that is supported here"):
        references.find(text)


@given(st.text())
def test_any_text_is_substituted_or_refused(text: str) -> None:
    try:
        references.find("{{resolve:" + text + "}}")
    except LocalError as error:
        assert str(error)  # noqa: PT017


def secretive() -> assemblies.Builder:
    builder = assemblies.echo(
        Environment={
            "Variables": {
                "NAME": "{{resolve:ssm:/app/name}}",
                "PASSWORD": {
                    "Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Secret"}, ":SecretString:pw::}}"]]
                },
                "BOTH": {"Fn::Sub": "${Name}={{resolve:ssm:${Name}}}"},
            }
        }
    )
    builder.add("Name", "AWS::SSM::Parameter", Name="/app/name", Type="String", Value="chat")
    generate = {"SecretStringTemplate": '{"user":"me"}', "GenerateStringKey": "pw", "PasswordLength": 40}
    builder.add("Secret", "AWS::SecretsManager::Secret", GenerateSecretString=generate)
    return builder


def test_a_function_gets_the_values_and_they_are_printed_nowhere(tmp_path: Path) -> None:
    folder = secretive().write(tmp_path, assemblies.HANDLERS)
    with running(tmp_path, "--assembly", str(folder), "--verbose") as cloud:
        with connect(cloud.url) as client:
            client.send("environment")
            environment = json.loads(client.recv(timeout=60))
        assert environment["NAME"] == "chat"
        assert environment["BOTH"] == "/app/name=chat"
        assert len(environment["PASSWORD"]) == 40
        assert environment["PASSWORD"].isalnum()
        assert environment["PASSWORD"] not in "\n".join(cloud.lines)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("{{resolve:ssm:nothing}}", "ssm 'nothing'"),
        ("{{resolve:secretsmanager:nothing}}", "secretsmanager 'nothing'"),
        ("{{resolve:secretsmanager:ChatLambda-Secret:SecretString:nokey}}", "it has no nokey"),
    ],
)
def test_a_value_that_is_not_there_is_one_clear_line(tmp_path: Path, reference: str, text: str) -> None:
    builder = secretive()
    builder.resources["Default"]["Properties"]["Environment"]["Variables"]["NAME"] = reference
    folder = builder.write(tmp_path, assemblies.HANDLERS)
    assert text in line_of(local("--assembly", str(folder), "--port", "0"))
