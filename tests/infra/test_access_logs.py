import json

import pytest

from tests.conftest import Assembly, Resource, Synthesize
from tests.synthesized import synthesized_once


def stage_of(assembly: Assembly) -> Resource:
    (stage,) = assembly.resources("AWS::ApiGatewayV2::Stage").values()
    return stage


def kinds(assembly: Assembly) -> set[str]:
    return {resource["Type"] for resource in assembly.template["Resources"].values()}


def test_off_logs_nothing_and_touches_no_account_setting(assembly: Assembly) -> None:
    assert "AccessLogSettings" not in stage_of(assembly)["Properties"]
    assert "AWS::ApiGateway::Account" not in kinds(assembly)


@pytest.mark.parametrize("access_logs", ["on", "create-role"])
def test_a_line_is_one_json_object_in_a_log_group_of_its_own(synthesize: Synthesize, access_logs: str) -> None:
    assembly = synthesize(access_logs)
    settings = stage_of(assembly)["Properties"]["AccessLogSettings"]
    line = json.loads(settings["Format"])
    assert line["requestId"] == "$context.requestId"  # API Gateway refuses a format without it
    assert all(value.startswith("$context.") for value in line.values())
    group = settings["DestinationArn"]["Fn::GetAtt"][0]
    functions = assembly.resources("AWS::Lambda::Function").values()
    assert group in assembly.resources("AWS::Logs::LogGroup")
    assert group not in [entry["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for entry in functions]


def test_on_leaves_the_account_setting_alone(synthesize: Synthesize) -> None:
    assert "AWS::ApiGateway::Account" not in kinds(synthesize("on"))


def test_create_role_sets_the_account_role_before_the_stage_and_outlives_the_stack(synthesize: Synthesize) -> None:
    assembly = synthesize("create-role")
    ((account_id, account),) = assembly.resources("AWS::ApiGateway::Account").items()
    role_id = account["Properties"]["CloudWatchRoleArn"]["Fn::GetAtt"][0]
    role = assembly.resources("AWS::IAM::Role")[role_id]
    assert account_id in stage_of(assembly)["DependsOn"]
    assert account["DeletionPolicy"] == role["DeletionPolicy"] == "Retain"
    (policy,) = role["Properties"]["ManagedPolicyArns"]
    assert json.dumps(policy).endswith(':iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]]}')


def test_only_a_retained_table_outlives_the_stack(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert not [
        name for name, entry in assembly.template["Resources"].items() if entry.get("DeletionPolicy") == "Retain"
    ]
    retained = Assembly(synthesized_once(tmp_path_factory, retain_table="true"))
    (table,) = retained.resources("AWS::DynamoDB::GlobalTable").values()
    assert table["DeletionPolicy"] == "Retain"
