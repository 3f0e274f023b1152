"""The functions end to end, on golden events of API Gateway's exact shape."""

import json
import time
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from backend import aws
from backend.records import Connection
from tests.backend.support import TABLE, delete_session, failing, items, session_item
from tests.lambdas.conftest import ENVIRONMENT, Functions, golden

CONNECTION_ID = golden("connect")["requestContext"]["connectionId"]
SESSION_ID = Connection(CONNECTION_ID, 0).session_id
OTHER = "L0TXnd5wvHcCFzw="


def young() -> int:
    """`connectedAt` of a connection that opened just now."""
    return int(time.time() * 1000)


def body(request: AWSPreparedRequest) -> bytes:
    assert isinstance(request.body, bytes)
    return request.body


def old() -> int:
    """`connectedAt` of a connection whose first touch is long due."""
    return young() - 3_600_000


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("event", ["connect", "connect_without_user_agent", "connect_with_query"])
def test_a_connect_is_accepted_and_leaves_an_item_with_a_ttl_in_the_future(functions: Functions, event: str) -> None:
    assert functions.invoke("connect", golden(event)) == {"statusCode": 200}
    assert functions.calls == ["PutItem"]
    [item] = items(functions.client)
    assert item["pk"]["S"] == f"session#{SESSION_ID}"
    assert item["connectionId"]["S"] == CONNECTION_ID
    assert int(item["expiresAt"]["N"]) > time.time()
    assert "principal" not in item


def test_the_principal_of_an_authorizer_is_kept(functions: Functions) -> None:
    functions.invoke("connect", golden("connect_with_authorizer"))
    assert items(functions.client)[0]["principal"]["S"] == "user-1"


def test_a_connect_that_fails_refuses_the_handshake(functions: Functions) -> None:
    with failing(functions.modules["connect"].application.sessions._store._client, "InternalServerError", 500):
        assert functions.invoke("connect", golden("connect")) == {"statusCode": 500}


@pytest.mark.parametrize("event", ["message_text", "message_unknown_action"])
def test_an_echo_makes_no_call_and_prints_one_metrics_line(
    functions: Functions, capsys: pytest.CaptureFixture[str], event: str
) -> None:
    message = golden(event, connectedAt=young())
    assert functions.invoke("message", message) == {"statusCode": 200, "body": message["body"]}
    assert functions.calls == []
    [emf] = lines(capsys)
    [definition] = emf["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "Duplex"
    dimensions = [sorted(names) for names in definition["Dimensions"]]
    assert dimensions == [["backend", "route", "service"], ["backend", "service"]]
    assert (emf["service"], emf["backend"], emf["route"]) == ("duplex", "lambda", "$default")
    assert {metric["Name"]: metric["Unit"] for metric in definition["Metrics"]} == {
        "Messages": "Count",
        "Errors": "Count",
        "Latency": "Milliseconds",
    }


@pytest.mark.parametrize(
    ("function", "event", "route", "count"),
    [
        ("connect", "connect", "$connect", "Connects"),
        ("disconnect", "disconnect_idle", "$disconnect", "Disconnects"),
        ("message", "message_ping", "ping", "Messages"),
        ("message", "message_session", "session", "Messages"),
    ],
)
def test_every_function_prints_one_metrics_line(
    functions: Functions, capsys: pytest.CaptureFixture[str], *, function: str, event: str, route: str, count: str
) -> None:
    functions.invoke(function, golden(event, connectedAt=young()))
    [emf] = lines(capsys)
    assert (emf["route"], emf[count], emf["Errors"]) == (route, [1], [0])
    assert len(emf["Latency"]) == 1


def test_a_ping_gets_a_pong(functions: Functions) -> None:
    answer = functions.invoke("message", golden("message_ping", connectedAt=young()))
    assert json.loads(answer["body"]) == {"type": "pong", "id": "1"}


def test_a_steady_echo_on_an_old_connection_looks_once_whether_somebody_has_touched_it(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    functions.calls.clear()
    for _ in range(50):
        assert functions.say("hello", connectedAt=old()) == "hello"
    assert functions.calls == ["GetItem"]


def test_a_deleted_session_is_back_with_the_next_message_once_the_touch_is_due(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    delete_session(functions.client, SESSION_ID)
    functions.say("hello", connectedAt=young())
    assert session_item(functions.client, SESSION_ID) is None, "not due yet"
    functions.say("hello", connectedAt=old())
    item = session_item(functions.client, SESSION_ID)
    assert item is not None
    assert int(item["expiresAt"]["N"]) > time.time()


def test_what_fails_is_logged_with_the_id_that_the_gateway_gave_the_message(
    functions: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    event = golden("message_text", connectedAt=old(), requestId="asked")
    with failing(functions.modules["connect"].application.dynamodb, "InternalServerError", 500):
        assert functions.invoke("message", event)["body"] == event["body"]
    assert [record.__dict__["request_id"] for record in caplog.records] == ["asked"]


def test_an_expired_session_counts_as_gone(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    token = json.loads(functions.say('{"action":"session"}'))["resumeToken"]
    functions.client.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"session#{SESSION_ID}"}, "sk": {"S": "session"}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
    )
    resume = json.dumps({"action": "session", "resume": token})
    assert json.loads(functions.say(resume, connectionId=OTHER))["code"] == "invalid-token"
    functions.modules["message"].application.sessions._touches.forget(CONNECTION_ID)  # as another environment would
    functions.say("hello", connectedAt=old())
    item = session_item(functions.client, SESSION_ID)
    assert item is not None
    assert "tokenHash" not in item, "made anew"
    assert json.loads(functions.say(resume, connectionId=OTHER))["code"] == "invalid-token"


def test_a_session_survives_its_connection_and_moves_to_the_next(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    first = json.loads(functions.invoke("message", golden("message_session"))["body"])
    assert (first["sessionId"], first["resumed"], first["id"]) == (SESSION_ID, False, "2")
    functions.invoke("disconnect", golden("disconnect_client"))

    functions.invoke("connect", golden("connect", connectionId=OTHER))
    resume = json.dumps({"action": "session", "resume": first["resumeToken"], "after": 0})
    second = json.loads(functions.say(resume, connectionId=OTHER))
    assert (second["sessionId"], second["resumed"]) == (SESSION_ID, True)
    assert functions.management.requests == [], "there was nobody to tell"

    before = items(functions.client)
    functions.invoke("disconnect", golden("disconnect_idle"))
    assert items(functions.client) == before, "a late or repeated $disconnect changes nothing"


def test_a_takeover_tells_the_older_connection_and_closes_it(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    token = json.loads(functions.say('{"action":"session"}'))["resumeToken"]
    functions.say(json.dumps({"action": "session", "resume": token}), connectionId=OTHER)
    [post, delete] = functions.management.requests
    assert (post.method, delete.method) == ("POST", "DELETE")
    assert post.url.startswith(
        "https://abcdef1234.execute-api.eu-west-1.amazonaws.com/prod/@connections/L0SM9cOFvHcCIhw"
    )
    assert post.body == f'{{"type":"taken-over","sessionId":"{SESSION_ID}"}}'.encode()
    functions.invoke("disconnect", golden("disconnect_client"))
    item = session_item(functions.client, SESSION_ID)
    assert item is not None
    assert item["connectionId"]["S"] == OTHER


def test_a_session_of_a_principal_is_resumed_by_nobody_else(functions: Functions) -> None:
    functions.invoke("connect", golden("connect_with_authorizer"))
    answer = functions.invoke("message", golden("message_session_with_authorizer"))
    resume = json.dumps({"action": "session", "resume": json.loads(answer["body"])["resumeToken"]})
    assert json.loads(functions.say(resume, connectionId=OTHER))["code"] == "invalid-token"
    other = {"connectionId": OTHER, "authorizer": {"principalId": "user-1", "integrationLatency": 3}}
    assert json.loads(functions.say(resume, **other))["resumed"] is True


def test_no_secret_reaches_the_table_the_log_or_the_metrics(
    functions: Functions, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    token = json.loads(functions.say('{"action":"session"}'))["resumeToken"]
    with failing(functions.modules["message"].application.sessions._store._client, "AccessDeniedException"):
        failed = functions.say(json.dumps({"action": "session", "resume": token}), connectionId=OTHER)
    assert json.loads(failed)["code"] == "internal"
    assert json.loads(functions.say(json.dumps({"action": "session", "resume": token})))["resumed"] is True
    captured = capfd.readouterr()
    kept = repr(items(functions.client)) + captured.out + captured.err + caplog.text
    assert "route failed" in caplog.text
    assert token.partition(".")[2] not in kept


def test_a_text_that_is_no_valid_unicode_goes_in_and_out_as_it_is(functions: Functions) -> None:
    assert functions.say("\ud800", connectedAt=young()) == "\ud800"


def test_a_message_is_published_to_a_room_through_connections(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    functions.say('{"action":"join","room":"r"}')
    accepted = json.loads(functions.say('{"action":"publish","room":"r","data":1,"id":"p"}'))
    assert accepted == {"type": "accepted", "id": "p", "room": "r", "seq": 1}
    (post,) = functions.management.requests
    frame = json.loads(body(post))
    assert (post.method, frame["type"], frame["seq"], frame["from"]) == ("POST", "message", 1, SESSION_ID)


def test_a_reply_that_others_follow_has_no_body(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    functions.say('{"action":"publish","room":"r","data":1}')
    join = {**golden("message_text"), "body": '{"action":"join","room":"r","epoch":0,"after":0}'}
    assert functions.invoke("message", join) == {"statusCode": 200}
    assert [json.loads(body(post))["type"] for post in functions.management.requests] == ["joined", "message"]


def test_work_goes_through_the_queue_to_the_inbox_and_what_fails_stays_in_it(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    functions.say('{"action":"work","data":1,"id":"w"}')
    queue = aws.sqs()
    (message,) = queue.receive_message(QueueUrl=ENVIRONMENT["JOBS_URL"])["Messages"]
    assert functions.fed("work", "no job", message["Body"], message["Body"]) == ["0"]
    frames = [json.loads(body(post)) for post in functions.management.requests]
    assert [(frame["type"], frame["id"], frame["seq"]) for frame in frames] == [("result", "w", 1)] * 2


def test_a_batch_of_deliveries_is_posted_and_what_is_none_stays_in_the_queue(functions: Functions) -> None:
    batch = json.dumps({"room": "r", "frame": {"type": "message"}, "members": [["s", CONNECTION_ID], ["t", OTHER]]})
    assert functions.fed("deliver", batch, "{}") == ["1"]
    assert [json.loads(body(post)) for post in functions.management.requests] == [{"type": "message"}] * 2


def test_the_census_counts_and_lets_go_of_what_is_gone(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.invoke("connect", golden("connect"))
    functions.invoke("census", {})
    functions.client.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"session#{SESSION_ID}"}, "sk": {"S": "session"}},
        UpdateExpression="SET expiresAt = expiresAt - :minute",
        ExpressionAttributeValues={":minute": {"N": "61"}},
    )
    functions.invoke("census", {})
    fresh, gone = (line for line in lines(capsys) if "ActiveConnections" in line)
    assert (fresh["ActiveConnections"], fresh["Gone"]) == ([1], [0])
    assert (gone["ActiveConnections"], gone["Gone"]) == ([0], [1])
    assert gone["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "backend"]]
    assert "connectionId" not in (session_item(functions.client, SESSION_ID) or {})


def test_a_disconnect_takes_the_connection_from_its_rooms(functions: Functions) -> None:
    functions.invoke("connect", golden("connect"))
    functions.say('{"action":"join","room":"r"}')
    functions.invoke("disconnect", golden("disconnect_client"))
    assert [item for item in items(functions.client) if item["pk"]["S"].startswith("members#")] == []
