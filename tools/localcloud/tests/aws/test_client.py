from __future__ import annotations

import asyncio

import pytest

from localcloud.aws.client import CallError, Client

from . import endpoints


def test_calls_are_answered_or_refused_or_given_up() -> None:
    async def test(url: str) -> None:
        client = Client(url, endpoints.REGION, "sqs", "AmazonSQS")
        try:
            created = await client.call("CreateQueue", QueueName="Q")
            await client.call("SendMessage", QueueUrl=created["QueueUrl"], MessageBody="höi")
            answer = await client.call("ReceiveMessage", QueueUrl=created["QueueUrl"])
            assert [message["Body"] for message in answer["Messages"]] == ["höi"]
            with pytest.raises(CallError, match=r"ReceiveMessage: 400 .*QueueDoesNotExist"):
                await client.call("ReceiveMessage", QueueUrl="https://sqs.us-east-1.amazonaws.com/1/other")

            async with asyncio.timeout(60):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await client.call("ReceiveMessage", QueueUrl=created["QueueUrl"], WaitTimeSeconds=20)
                listed = await client.call("ListQueues")
            assert listed == {"QueueUrls": [created["QueueUrl"]]}, "not the answer that nobody waited for"
        finally:
            client.close()

    with endpoints.started(endpoints.OURS) as ready:
        asyncio.run(test(f"http://127.0.0.1:{ready['port']}"))


def test_an_endpoint_that_is_gone_is_an_error() -> None:
    with endpoints.started(endpoints.OURS) as ready:
        client = Client(f"http://127.0.0.1:{ready['port']}", endpoints.REGION, "sqs", "AmazonSQS")
    with pytest.raises(OSError, match=r"refused|failed"):
        asyncio.run(client.call("ListQueues"))
