"""Integrations that are no proxies, of functions and mocks: templates and integration responses."""

from __future__ import annotations

from ..patterns import Json, Text
from ..steps import Case, Connect, Receive, Send, Silent
from .common import joined

CASES = (
    Case(
        "lambda-templated",
        "a function gets what the request template makes, and its result is the reply",
        ["7.types", "7.templates", "7.variables", "7.stage-variables", "6.responses"],
        [
            *joined(),
            Send('{"action":"lambda","value":[1,{"a":"it\'s"}]}'),
            Receive(
                Json(
                    {
                        "got": {
                            "id": "<id>",
                            "route": "lambda",
                            "colour": "green",
                            "value": [1, {"a": "it's"}],
                            "size": "2",
                        },
                        "list": [1, True, None],
                        "it's": "quoted",
                    }
                )
            ),
        ],
    ),
    Case(
        "lambda-error-selected",
        "a function raises: an integration response is chosen by the error's text, and its template is rendered",
        ["6.responses", "7.response-templates", "7.templates"],
        [
            *joined(),
            Send('{"action":"lambda","template":"failing","fail":"no such room"}'),
            Receive(Json({"refused": "no such room", "to": "<id>"})),
        ],
    ),
    Case(
        "lambda-error-default",
        "a function raises and no key fits: the default response sends what the function answered",
        ["6.responses"],
        [
            Connect("auth=allow"),
            Send('{"action":"lambda","template":"failing","fail":"anything else"}'),
            Receive(Text('.*"errorMessage": ?"anything else".*')),
        ],
    ),
    *(
        Case(
            f"mock-{status}",
            f"a mock integration whose template gives {status}",
            ["7.types", "7.mock", "6.responses", "7.response-templates"],
            [Connect("auth=allow"), Send(f'{{"action":"mock","status":{status}}}'), Receive(reply)],
        )
        for status, reply in (
            (201, "made"),
            (200, Text(r"other, for [0-9a-f.:]+")),
            (404, "the client's fault"),
            (500, Text(r"other, for [0-9a-f.:]+")),
        )
    ),
    Case(
        "mock-silent",
        "a mock integration without a route response answers nothing",
        ["6.route-response", "7.mock"],
        [Connect("auth=allow"), Send('{"action":"mock-silent"}'), Silent("probe", "probe")],
    ),
)
