"""AWS's default quotas, and how much of them a steady load needs. Peaks and reconnect storms need more."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from compare.cost.bill import ARITHMETIC, Bill
from compare.cost.rows import Rows
from compare.cost.workload import SECONDS, Workload
from compare.variants import VARIANTS


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of a variant, in the unit of its row."""

    key: str
    unit: str
    needed: Decimal
    default: Decimal

    @property
    def factor(self) -> Decimal:
        return self.needed / self.default

    @property
    def exceeded(self) -> bool:
        return self.needed > self.default


def quotas(bill: Bill, workload: Workload, rows: Rows) -> list[Quota]:
    """Every quota that the variant has, exceeded or not."""
    with localcontext(ARITHMETIC):
        needs = _needs(bill, workload, rows)
        units = {key: rows.by_key[key].unit for key in needs}
        return [Quota(key, units[key], needed, rows.value(key)) for key, needed in needs.items()]


def _needs(bill: Bill, workload: Workload, rows: Rows) -> dict[str, Decimal]:
    month, traffic = bill.month, bill.month.traffic
    needs = {}
    if VARIANTS[bill.variant].gateway:
        needs = {
            "quota.api_connects": traffic.connects,
            "quota.api_requests": (traffic.events + traffic.posts) / SECONDS + traffic.connects,
            "quota.stage_requests": traffic.events / SECONDS + traffic.connects,
            "quota.connection_minutes": workload.minutes,
            "quota.frame_bytes": workload.message_bytes,
        }
    if "lambda.duration" in bill.lines:
        needs["quota.lambda_concurrency"] = month.function_ms / SECONDS / 1000
    needs["quota.dynamodb_writes"] = month.write_units / SECONDS
    if "fargate" in bill.lines:
        needs["quota.fargate_vcpu"] = month.pods * rows.value("pod.vcpu")
    return needs
