"""Invariants over all resources of the template: a function or a role added later is held to them too."""

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Template

from backend.actions import load
from infra.settings import LOG_RETENTION_DAYS, Settings
from infra.shared.functions import retention
from tests.conftest import Assembly, Resource, Synthesize


def get_att(logical_id: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(assembly: Assembly) -> list[tuple[str, Resource]]:
    """Return every statement that grants something, with the logical id of the role it is granted to."""
    return [
        (role["Ref"], statement)
        for policy in assembly.resources("AWS::IAM::Policy").values()
        for role in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def functions(assembly: Assembly) -> dict[str, Resource]:
    """Return the properties of each function, by handler."""
    return {
        entry["Properties"]["Handler"]: entry["Properties"]
        for entry in assembly.resources("AWS::Lambda::Function").values()
    }


def allowed(assembly: Assembly, handler: str) -> dict[str, list[Any]]:
    """Return what a function may do beside writing its log: resources by action."""
    role = functions(assembly)[handler]["Role"]["Fn::GetAtt"][0]
    found: dict[str, list[Any]] = {}
    for owner, statement in statements(assembly):
        for action in listed(statement["Action"]):
            if owner == role and not action.startswith("logs:"):
                found.setdefault(action, []).extend(listed(statement["Resource"]))
    return found


#: What each function may do to the table: what it does, and no more.
OPERATIONS = {
    "lambdas.connect.handler": {"PutItem"},
    "lambdas.disconnect.handler": {"GetItem", "UpdateItem", "DeleteItem"},
    "lambdas.message.handler": {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
    "lambdas.deliver.handler": {"UpdateItem", "DeleteItem"},
    "lambdas.work.handler": {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
    "lambdas.census.handler": {"Scan", "UpdateItem", "DeleteItem"},
}
#: What each may do to the stage's connections.
METHODS = {
    "lambdas.message.handler": {"POST", "DELETE"},
    "lambdas.deliver.handler": {"POST", "DELETE"},
    "lambdas.work.handler": {"POST", "DELETE"},
    "lambdas.census.handler": {"GET", "DELETE"},
}
ROUTES = {"$default", *load()}


def test_there_is_a_function_a_task_and_one_table(assembly: Assembly) -> None:
    assert set(functions(assembly)) == set(OPERATIONS)
    assert len(assembly.resources("AWS::DynamoDB::GlobalTable")) == 1


def test_every_function_runs_on_arm_on_the_layers_runtime_with_memory_and_timeout(assembly: Assembly) -> None:
    (layer_id,) = assembly.resources("AWS::Lambda::LayerVersion")
    layer = assembly.resources("AWS::Lambda::LayerVersion")[layer_id]["Properties"]
    for properties in functions(assembly).values():
        assert properties["Architectures"] == ["arm64"] == layer["CompatibleArchitectures"]
        assert [properties["Runtime"]] == ["python3.13"] == layer["CompatibleRuntimes"]
        assert properties["MemorySize"] == 512
        assert properties["Timeout"] == 10
        assert properties["Layers"] == [{"Ref": layer_id}]


def test_every_function_logs_json_into_a_group_of_its_own_that_expires(assembly: Assembly) -> None:
    groups = [properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions(assembly).values()]
    assert len(set(groups)) == len(groups)
    for properties in functions(assembly).values():
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"
        assert properties["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
        assert properties["LoggingConfig"]["SystemLogLevel"] == "WARN"


@pytest.mark.parametrize("access_logs", ["off", "create-role"])
def test_every_log_group_has_a_retention_and_goes_with_the_stack(synthesize: Synthesize, access_logs: str) -> None:
    for group in synthesize(access_logs).resources("AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == 14
        assert group["DeletionPolicy"] == "Delete"


def test_every_function_has_a_role_of_its_own_that_lambda_alone_assumes(assembly: Assembly) -> None:
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions(assembly).values()]
    assert len(set(roles)) == len(roles)
    for role in roles:
        properties = assembly.resources("AWS::IAM::Role")[role]["Properties"]
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert "ManagedPolicyArns" not in properties


def test_every_role_may_write_to_its_own_log_group_alone(assembly: Assembly) -> None:
    own = {
        properties["Role"]["Fn::GetAtt"][0]: properties["LoggingConfig"]["LogGroup"]["Ref"]
        for properties in functions(assembly).values()
    }
    writing = [(role, statement) for role, statement in statements(assembly) if "logs:" in json.dumps(statement)]
    assert sorted(role for role, _ in writing) == sorted(own)
    for role, statement in writing:
        assert sorted(statement["Action"]) == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert statement["Resource"] == get_att(own[role], "Arn")


@pytest.mark.parametrize("access_logs", ["off", "create-role"])
def test_no_policy_names_every_action_or_every_resource(synthesize: Synthesize, access_logs: str) -> None:
    for _, statement in statements(synthesize(access_logs)):
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        assert "*" not in listed(statement["Resource"])


def test_each_function_may_do_to_the_table_what_it_does_and_no_more(assembly: Assembly) -> None:
    (table,) = assembly.resources("AWS::DynamoDB::GlobalTable")
    operations = {
        handler: {
            action.removeprefix("dynamodb:"): resources
            for action, resources in allowed(assembly, handler).items()
            if action.startswith("dynamodb:")
        }
        for handler in functions(assembly)
    }
    assert {handler: set(by_action) for handler, by_action in operations.items()} == OPERATIONS
    for by_action in operations.values():
        assert all(resources == [get_att(table, "Arn")] for resources in by_action.values())


def test_each_function_may_do_to_connections_what_it_does_and_no_more(assembly: Assembly) -> None:
    (api,) = assembly.resources("AWS::ApiGatewayV2::Api")
    for handler in functions(assembly):
        arns = [json.dumps(arn) for arn in allowed(assembly, handler).get("execute-api:ManageConnections", [])]
        assert all(json.dumps({"Ref": api}) in arn for arn in arns)
        paths = {f"/prod/{method}/@connections/*" for method in METHODS.get(handler, ())}
        assert {arn.rsplit('"', 2)[1] for arn in arns} == paths


def queue_ids(assembly: Assembly) -> tuple[str, str]:
    """Return the logical ids of the queues for jobs and for deliveries."""
    feeding = {
        mapping["Properties"]["FunctionName"]["Ref"]: mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
        for mapping in assembly.resources("AWS::Lambda::EventSourceMapping").values()
    }
    handlers = {
        name: entry["Properties"]["Handler"] for name, entry in assembly.resources("AWS::Lambda::Function").items()
    }
    by_handler = {handlers[name]: queue for name, queue in feeding.items()}
    assert set(by_handler) == {"lambdas.deliver.handler", "lambdas.work.handler"}
    return by_handler["lambdas.work.handler"], by_handler["lambdas.deliver.handler"]


def test_messages_are_put_into_queues_that_other_functions_take_them_from(assembly: Assembly) -> None:
    jobs, deliveries = queue_ids(assembly)
    for handler in functions(assembly):
        actions = {action: where for action, where in allowed(assembly, handler).items() if action.startswith("sqs:")}
        if handler == "lambdas.message.handler":
            assert set(actions) == {"sqs:SendMessage"}
            assert sorted(map(str, actions["sqs:SendMessage"])) == sorted(
                str(get_att(id_, "Arn")) for id_ in (jobs, deliveries)
            )
        elif handler in {"lambdas.work.handler", "lambdas.deliver.handler"}:
            own = jobs if handler == "lambdas.work.handler" else deliveries
            assert "sqs:DeleteMessage" in actions
            assert "sqs:SendMessage" not in actions
            assert all(where == [get_att(own, "Arn")] for where in actions.values())
        else:
            assert actions == {}


def test_a_function_says_which_messages_of_a_batch_have_failed(assembly: Assembly) -> None:
    for mapping in assembly.resources("AWS::Lambda::EventSourceMapping").values():
        assert mapping["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_what_fails_for_good_waits_in_a_dead_letter_queue_that_raises_an_alarm(assembly: Assembly) -> None:
    queues = assembly.resources("AWS::SQS::Queue")
    alarms = assembly.resources("AWS::CloudWatch::Alarm").values()
    watched = {alarm["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]: alarm["Properties"] for alarm in alarms}
    for name in queue_ids(assembly):
        redrive = queues[name]["Properties"]["RedrivePolicy"]
        assert redrive["maxReceiveCount"] == 5
        assert queues[name]["Properties"]["VisibilityTimeout"] == 60, "six times a function's timeout"
        alarm = watched[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert len(watched) == len(queues) - 2


def test_functions_are_told_what_they_use(assembly: Assembly) -> None:
    (table,) = assembly.resources("AWS::DynamoDB::GlobalTable")
    (api,) = assembly.resources("AWS::ApiGatewayV2::Api")
    jobs, deliveries = queue_ids(assembly)
    common = {
        "BACKEND": "lambda",
        "TABLE_NAME": {"Ref": table},
        "TOUCH_SECONDS": "300",
        "SESSION_SECONDS": "900",
        "POWERTOOLS_SERVICE_NAME": "duplex",
        "POWERTOOLS_METRICS_NAMESPACE": "Duplex",
    }
    for handler, properties in functions(assembly).items():
        variables = dict(properties["Environment"]["Variables"])
        url = variables.pop("CONNECTIONS_URL", None)
        posting = {"HISTORY_MESSAGES": "100", "HISTORY_SECONDS": "3600", "MAX_MEMBERS": "1000"}
        answering = {
            "JOBS_URL": {"Ref": jobs},
            "DELIVERIES_URL": {"Ref": deliveries},
            "MAX_ROOMS": "50",
            "MESSAGE_RATE": "100",
        }
        expected = (
            common
            | (posting if url and handler != "lambdas.census.handler" else {})
            | (answering if handler == "lambdas.message.handler" else {})
        )
        assert variables == expected
        assert (url is not None) == (handler in METHODS)
        if url:
            region, suffix = {"Ref": "AWS::Region"}, {"Ref": "AWS::URLSuffix"}
            assert url["Fn::Join"][1] == ["https://", {"Ref": api}, ".execute-api.", region, ".", suffix, "/prod"]


def test_the_table_expires_its_rows_and_is_recoverable_encrypted_and_on_demand(assembly: Assembly) -> None:
    for table in assembly.resources("AWS::DynamoDB::GlobalTable").values():
        properties = table["Properties"]
        assert properties["KeySchema"] == [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
        assert properties["SSESpecification"]["SSEEnabled"] is True
        for replica in properties["Replicas"]:
            assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_each_route_reaches_its_function_and_replies_where_a_reply_is_due(assembly: Assembly) -> None:
    handlers = {
        name: entry["Properties"]["Handler"] for name, entry in assembly.resources("AWS::Lambda::Function").items()
    }
    replying = {
        entry["Properties"]["RouteId"]["Ref"]
        for entry in assembly.resources("AWS::ApiGatewayV2::RouteResponse").values()
    }
    integrations = assembly.resources("AWS::ApiGatewayV2::Integration")
    routes: dict[str, tuple[str, bool]] = {}
    for name, route in assembly.resources("AWS::ApiGatewayV2::Route").items():
        integration = integrations[route["Properties"]["Target"]["Fn::Join"][1][1]["Ref"]]["Properties"]
        assert integration["IntegrationType"] == "AWS_PROXY"
        (function,) = [
            part["Fn::GetAtt"][0] for part in integration["IntegrationUri"]["Fn::Join"][1] if "Fn::GetAtt" in part
        ]
        assert (name in replying) == ("RouteResponseSelectionExpression" in route["Properties"])
        routes[route["Properties"]["RouteKey"]] = (handlers[function], name in replying)
    assert routes == {
        "$connect": ("lambdas.connect.handler", False),
        "$disconnect": ("lambdas.disconnect.handler", False),
        **dict.fromkeys(ROUTES, ("lambdas.message.handler", True)),
    }
    assert len(integrations) == 3


def test_the_census_runs_every_minute_and_by_its_own_rule_alone(assembly: Assembly) -> None:
    ((rule_id, rule),) = assembly.resources("AWS::Events::Rule").items()
    assert rule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    (target,) = rule["Properties"]["Targets"]
    census = target["Arn"]["Fn::GetAtt"][0]
    assert assembly.resources("AWS::Lambda::Function")[census]["Properties"]["Handler"] == "lambdas.census.handler"
    (permission,) = [
        entry["Properties"]
        for entry in assembly.resources("AWS::Lambda::Permission").values()
        if entry["Properties"]["Principal"] == "events.amazonaws.com"
    ]
    assert permission["FunctionName"] == get_att(census, "Arn")
    assert permission["SourceArn"] == get_att(rule_id, "Arn")


def test_api_gateway_may_invoke_a_function_for_its_own_routes_only(assembly: Assembly) -> None:
    (api,) = assembly.resources("AWS::ApiGatewayV2::Api")
    routes = set()
    for permission in assembly.resources("AWS::Lambda::Permission").values():
        if permission["Properties"]["Principal"] == "events.amazonaws.com":
            continue
        assert permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
        parts = permission["Properties"]["SourceArn"]["Fn::Join"][1]
        assert parts[-2] == {"Ref": api}
        routes.add(parts[-1].removeprefix("/*"))
    assert routes == {"$connect", "$disconnect", *ROUTES}


def test_the_api_selects_by_action_on_a_throttled_stage_that_deploys_itself(assembly: Assembly) -> None:
    (api,) = assembly.resources("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["ProtocolType"] == "WEBSOCKET"
    assert api["Properties"]["RouteSelectionExpression"] == "$request.body.action"
    (stage,) = assembly.resources("AWS::ApiGatewayV2::Stage").values()
    assert stage["Properties"]["StageName"] == "prod"
    assert stage["Properties"]["AutoDeploy"] is True
    assert stage["Properties"]["DefaultRouteSettings"] == {"ThrottlingRateLimit": 1000, "ThrottlingBurstLimit": 500}


def test_the_outputs_are_an_address_a_command_to_try_it_and_the_table(assembly: Assembly) -> None:
    outputs = {name: json.dumps(output["Value"]) for name, output in assembly.template["Outputs"].items()}
    assert set(outputs) == {"Url", "Wscat", "TableName"}
    assert "wss://" in outputs["Url"]
    assert "npx wscat -c wss://" in outputs["Wscat"]


def test_the_stack_needs_nothing_but_a_bootstrapped_account(assembly: Assembly) -> None:
    assert set(assembly.template["Parameters"]) == {"BootstrapVersion"}
    assert "Fn::ImportValue" not in assembly.template_file.read_text(encoding="utf-8")


def test_the_layer_names_its_twin_for_this_machine(assembly: Assembly) -> None:
    (layer,) = assembly.resources("AWS::Lambda::LayerVersion").values()
    assert layer["Metadata"]["localcloud:layer"] == "build/host"


def test_every_retention_setting_is_the_retention_of_the_log_group() -> None:
    stack = Stack(App(), "Retentions")
    for days in LOG_RETENTION_DAYS:
        logs.LogGroup(stack, f"Days{days}", retention=retention(Settings(log_retention_days=days)))
    groups = Template.from_stack(stack).find_resources("AWS::Logs::LogGroup")
    assert sorted(group["Properties"]["RetentionInDays"] for group in groups.values()) == list(LOG_RETENTION_DAYS)


@pytest.fixture(params=["cluster", "eks", "ecs"])
def other(request: pytest.FixtureRequest) -> Assembly:
    assembly: Assembly = request.getfixturevalue(request.param)
    return assembly


def test_nothing_of_the_other_variants_outlives_its_stack(other: Assembly) -> None:
    for name, entry in other.template["Resources"].items():
        assert entry.get("DeletionPolicy") in {None, "Delete"}, name
        assert entry["Type"] != "AWS::Logs::LogGroup" or entry["Properties"]["RetentionInDays"] == 14, name
