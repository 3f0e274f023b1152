"""Editing a handler while the cloud runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from websockets.sync.client import connect

from localcloud.testing import eventually, running

from . import assemblies

if TYPE_CHECKING:
    from pathlib import Path

    from websockets.sync.client import ClientConnection


def ask(client: ClientConnection) -> str:
    client.send("hello")
    return str(client.recv(timeout=60))


def answering(reply: str) -> str:
    return assemblies.HANDLERS + f'\ndef default(event, context): return {{"statusCode": 200, "body": "{reply}"}}\n'


def test_an_edit_takes_effect_an_import_error_is_shown_once_and_clears(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "assembly"
    project.mkdir()
    handlers = project / "handlers.py"
    handlers.write_text(answering("first"))
    builder = assemblies.echo()
    for logical_id in ("Connect", "Disconnect", "Default"):
        builder.resources[logical_id]["Metadata"] = {"localcloud:source": str(project)}
    builder.write(folder, answering("staged"))
    with running(tmp_path, "--assembly", str(folder)) as cloud, connect(cloud.url) as client:
        assert ask(client) == "first", "the original, not the copy that was staged before"

        handlers.write_text(answering("second"))
        eventually(lambda: ask(client) == "second", "the edited handler")
        assert cloud.printed("[reload]") == "[reload] handlers.py"

        handlers.write_text("import nowhere")
        cloud.printed("[Default] cannot load handlers.default")
        for _ in range(3):
            assert json.loads(ask(client))["message"] == "Internal server error"
        assert len([line for line in cloud.lines if line.startswith("[Default] cannot load")]) == 1

        handlers.write_text(answering("third"))
        eventually(lambda: ask(client) == "third", "the mended handler")
        cloud.printed("[Default] loads again")
