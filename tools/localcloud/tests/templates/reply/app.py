"""A handler as one finds it in the wild: boto3, and an endpoint built from the event."""

import json
import os

import boto3


def handler(event, context):  # type: ignore[no-untyped-def]  # noqa: ARG001
    told = event["requestContext"]
    client = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{told['domainName']}/{told['stage']}")
    said = {"greeting": os.environ["GREETING"], "said": event["body"], "authorizer": told["authorizer"]}
    client.post_to_connection(ConnectionId=told["connectionId"], Data=json.dumps(said).encode())
    return {"statusCode": 200}
