"""Small cloud assemblies with functions of the tests' own, written as `cdk synth` writes its."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARN = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%s.Arn}/invocations"


@dataclass
class Builder:
    """A template of one WebSocket API whose routes lead to functions of one file, `handlers.py`.

    `told` is added to its metadata for the local cloud.
    """

    resources: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add(
            "Api", "AWS::ApiGatewayV2::Api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )
        self.add("Stage", "AWS::ApiGatewayV2::Stage", ApiId={"Ref": "Api"}, StageName="prod", AutoDeploy=True)

    def add(self, logical_id: str, type_: str, **properties: Any) -> None:
        self.resources[logical_id] = {"Type": type_, "Properties": properties}

    def function(self, logical_id: str, handler: str, **properties: Any) -> None:
        """A function, and an integration `<id>Integration` that invokes it."""
        code = {"S3Bucket": "assets", "S3Key": "handlers.zip"}
        fixed = {"Runtime": "python3.13", "Handler": handler, "Code": code, "Timeout": 30}
        self.add(logical_id, "AWS::Lambda::Function", **(fixed | properties))
        self.add(
            f"{logical_id}Integration",
            "AWS::ApiGatewayV2::Integration",
            ApiId={"Ref": "Api"},
            IntegrationType="AWS_PROXY",
            IntegrationUri={"Fn::Sub": ARN % logical_id},
        )

        granted = {"Principal": "apigateway.amazonaws.com", "Action": "lambda:InvokeFunction"}
        self.add(f"{logical_id}Permission", "AWS::Lambda::Permission", **granted, FunctionName={"Ref": logical_id})

    def route(self, logical_id: str, key: str, function: str | None, *, responds: bool = False) -> None:
        """A route to a function's integration, with a route response when it is to answer."""
        properties: dict[str, Any] = {"ApiId": {"Ref": "Api"}, "RouteKey": key}
        if function is not None:
            properties["Target"] = {"Fn::Join": ["", ["integrations/", {"Ref": f"{function}Integration"}]]}
        if responds:
            properties["RouteResponseSelectionExpression"] = "$default"
            reply = {"ApiId": {"Ref": "Api"}, "RouteId": {"Ref": logical_id}, "RouteResponseKey": "$default"}
            self.add(f"{logical_id}Response", "AWS::ApiGatewayV2::RouteResponse", **reply)
        self.add(logical_id, "AWS::ApiGatewayV2::Route", **properties)

    def write(self, folder: Path, handlers: str) -> Path:
        """Write the assembly; gives the folder."""
        source = folder / "asset.handlers"
        source.mkdir(parents=True, exist_ok=True)
        (source / "handlers.py").write_text(handlers)
        destinations = {"here": {"bucketName": "assets", "objectKey": "handlers.zip"}}
        contents = {
            "ChatLambda.template.json": {
                "Metadata": {"localcloud": {"name": "lambda", "port": 1, **self.told}},
                "Resources": self.resources,
            },
            "ChatLambda.assets.json": {
                "files": {"handlers": {"source": {"path": "asset.handlers"}, "destinations": destinations}}
            },
            "manifest.json": {
                "artifacts": {
                    "ChatLambda": {
                        "type": "aws:cloudformation:stack",
                        "properties": {"templateFile": "ChatLambda.template.json"},
                    }
                }
            },
        }
        for name, content in contents.items():
            (folder / name).write_text(json.dumps(content))
        return folder


HANDLERS = """
import json, os, sys, time

def connect(event, context):
    query = event.get("queryStringParameters") or {}
    if "sleep" in query:
        time.sleep(float(query["sleep"]))
    if query.get("raise"):
        raise ValueError("no")
    if query.get("malformed"):
        return "yes"
    headers = {"Sec-WebSocket-Protocol": query["protocol"], "X-Dropped": "1"} if "protocol" in query else {}
    return {"statusCode": int(query.get("status", 200)), "headers": headers, "body": "dropped"}

def disconnect(event, context):
    context_ = event["requestContext"]
    print("disconnected", context_["connectionId"], context_["disconnectStatusCode"], context_["disconnectReason"])
    return {"statusCode": 200}

def default(event, context):
    body = event["body"]
    if body == "raise":
        raise ValueError("a secret of the handler's")
    if body == "die":
        os._exit(7)
    if body == "hang":
        time.sleep(600)
    if body == "print":
        print("printed\\nby the handler")
    if body.startswith("say "):
        print(body)
    if body == "nothing":
        return None
    if body == "event":
        body = json.dumps(event)
    if body == "environment":
        body = json.dumps(dict(os.environ))
    if body == "path":
        body = json.dumps(sys.path)
    if body == "pid":
        body = str(os.getpid())
    if body == "spawn":
        import subprocess
        body = str(subprocess.Popen(["sleep", "600"]).pid)
    if body == "rendezvous":
        # Answers only when two of these run at once: each waits for the other's mark.
        open(f"{os.environ['MARKS']}/{os.getpid()}", "w").close()
        while len(os.listdir(os.environ["MARKS"])) < 2:
            time.sleep(0.01)
    if body == "import moto":
        import moto
    return {"statusCode": 200, "body": body}
"""


def echo(**settings: Any) -> Builder:
    """An API with `$connect`, `$disconnect`, an answering `$default` and a silent `quiet` route, over HANDLERS.

    `settings` are properties of the `Default` function.
    """
    builder = Builder()
    builder.function("Connect", "handlers.connect")
    builder.function("Disconnect", "handlers.disconnect")
    builder.function("Default", "handlers.default", **settings)
    builder.route("ConnectRoute", "$connect", "Connect")
    builder.route("DisconnectRoute", "$disconnect", "Disconnect")
    builder.route("DefaultRoute", "$default", "Default", responds=True)
    builder.route("QuietRoute", "quiet", "Default")
    builder.route("NowhereRoute", "nowhere", None)
    return builder
