import threading

import pytest

from backend.delivery import PARALLEL, Delivery
from backend.ports import UnavailableError
from backend.records import Member
from tests.backend.support import FakeOutbound, Released

BUSY = UnavailableError("LimitExceededException")
MEMBERS = [Member(f"s{number}", f"c{number}") for number in range(3 * PARALLEL)]


class Flaky(FakeOutbound):
    """Fails the first so many posts to each connection."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.attempts: dict[str, int] = {}
        self._failures = failures

    def post(self, connection_id: str, data: bytes) -> bool:
        self.attempts[connection_id] = self.attempts.get(connection_id, 0) + 1
        if self.attempts[connection_id] <= self._failures:
            raise BUSY
        return super().post(connection_id, data)


def delivering(outbound: FakeOutbound, seconds: float = 5, gone: list[Member] | None = None) -> Delivery:
    presence = Released([] if gone is None else gone)
    return Delivery(outbound, presence, seconds=seconds)  # type: ignore[arg-type]  # all that is called of it


def test_a_throttled_post_is_tried_again_with_longer_and_longer_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    limits: list[float] = []

    def uniform(low: float, high: float) -> float:
        limits.append(high)
        return low

    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("random.uniform", uniform)
    outbound = Flaky(7)
    delivering(outbound).deliver(None, MEMBERS[:1], b"1")
    assert outbound.frames == [("c0", 1)]
    assert limits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert len(waits) == 7


def test_what_cannot_be_delivered_in_time_is_given_up_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outbound = Flaky(1000)
    delivering(outbound, seconds=0.1).deliver("r", MEMBERS, b"1")
    assert outbound.frames == []
    (record,) = caplog.records
    assert (record.message, record.members) == ("frame not delivered", len(MEMBERS))  # type: ignore[attr-defined]


def test_once_the_time_is_over_nobody_is_tried_any_more() -> None:
    outbound = FakeOutbound()
    delivering(outbound, seconds=0).deliver("r", MEMBERS, b"1")
    assert outbound.frames == []


def test_no_more_than_so_many_posts_are_under_way_at_once() -> None:
    class Counting(FakeOutbound):
        now = most = 0
        lock = threading.Lock()
        full = threading.Event()

        def post(self, connection_id: str, data: bytes) -> bool:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
                if self.now == PARALLEL:
                    self.full.set()
            assert self.full.wait(30)
            with self.lock:
                self.now -= 1
            return super().post(connection_id, data)

    outbound = Counting()
    delivering(outbound).deliver("r", MEMBERS, b"1")
    assert outbound.most == PARALLEL
    assert len(outbound.frames) == len(MEMBERS)


def test_one_members_trouble_is_not_the_others(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeOutbound):
        def post(self, connection_id: str, data: bytes) -> bool:
            if connection_id == "c1":
                raise RuntimeError("AccessDenied")
            return super().post(connection_id, data)

    outbound = Broken(gone={"c2"})
    gone: list[Member] = []
    delivering(outbound, gone=gone).deliver("r", MEMBERS[:4], b"1")
    assert sorted(target for target, _ in outbound.frames) == ["c0", "c3"]
    assert gone == [MEMBERS[2]]
    assert "AccessDenied" in caplog.text


@pytest.mark.parametrize(("failing_from", "posted"), [(0, 0), (1, 1), (3, 3)])
def test_frames_that_follow_one_another_stop_at_the_first_that_fails(failing_from: int, posted: int) -> None:
    class Closing(FakeOutbound):
        def post(self, connection_id: str, data: bytes) -> bool:
            return len(self.frames) < failing_from and super().post(connection_id, data)

    outbound = Closing()
    assert delivering(outbound).follow(MEMBERS[0], [b"1", b"2", b"3"]) == posted
    assert [frame for _, frame in outbound.frames] == [1, 2, 3][:posted]


def test_what_is_no_batch_of_deliveries_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    assert not delivering(FakeOutbound()).deliver_batch("{}")
    assert "not a batch" in caplog.text


DEEP = "[" * 100_000


@pytest.mark.parametrize("frame", [DEEP, DEEP + "1" + "]" * 100_000])
def test_a_batch_that_is_nested_too_deep_is_refused_like_any_other_that_is_none(frame: str) -> None:
    body = f'{{"room":"r","frame":{frame},"members":[]}}'
    assert not delivering(FakeOutbound()).deliver_batch(body)


def test_every_kind_of_defect_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeOutbound):
        def post(self, connection_id: str, data: bytes) -> bool:  # noqa: ARG002
            raise {"c0": RuntimeError, "c1": KeyError, "c2": RuntimeError}[connection_id]("no")

    delivering(Broken()).deliver("r", MEMBERS[:3], b"1")
    kinds = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert sorted(kind.__name__ for kind in kinds if kind is not None) == ["KeyError", "RuntimeError"]
