import re

from tests.docs.actions_table import PAGE, table, updated


def test_the_table_of_actions_is_that_of_the_folder() -> None:
    page = PAGE.read_text()
    assert updated(page) == page, "write it anew: python -m tests.docs.actions_table"


def test_every_action_says_what_is_sent_and_what_happens() -> None:
    for row in table().splitlines()[2:]:
        assert re.fullmatch(r'\| `\{"action":"[a-z-]+".*\}` \| [A-Z].*\. \|', row), row
