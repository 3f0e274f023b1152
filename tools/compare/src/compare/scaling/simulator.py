"""One autoscaler over one traffic: tick by tick, in whole connections.

The order within a tick, which is one synchronization: pods that are due become ready; clients leave; the autoscaler
decides; then clients arrive, until the next tick, on the pods that are ready by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from autoscaling.concurrency import Concurrency
from autoscaling.delay import visible
from autoscaling.keda import MetricError
from compare.scaling.controllers import Controller, View, controller
from compare.scaling.fleet import Fleet, SocketFleet
from compare.scaling.results import Simulation
from compare.scaling.scenario import ApiGateway, Autoscaler, Ecs, Lambda, Loaded, Reconnect, Scenario
from compare.scaling.traces import Cursor
from compare.scaling.waiting import WaitingRoom

#: Where nothing bounds the number of connections.
UNBOUNDED = 1 << 40
#: A few times a second.
PROGRESS_TICKS = 10_000
OUTAGE = MetricError("the metric cannot be read")


def simulate(loaded: Loaded, autoscaler: Autoscaler, progress: Callable[[int], object] = lambda _: None) -> Simulation:
    """Runs the whole scenario for one of its autoscalers; `progress` is told now and then how many seconds are done."""
    return _Simulator(loaded, autoscaler).run(progress)


@dataclass
class _Drain:
    """Sockets on pods that are being stopped: they are moved evenly until the end."""

    end: float
    sockets: int
    pods: int


class _Simulator:
    def __init__(self, loaded: Loaded, spec: Autoscaler) -> None:
        self._scenario: Scenario = loaded.scenario
        self._spec = spec
        self._duration = loaded.duration
        self._period = spec.sync_period_seconds
        self._cuts = deque(loaded.cuts)
        trace = loaded.trace
        self._times, self._values = trace.times, [round(value) for value in trace.values]
        self._step = 1  # the next one of the trace
        self._demand = self._values[0]
        self._shown, self._seen = Cursor(trace), Cursor(trace)
        self._gateway = self._scenario.api_gateway or (ApiGateway() if isinstance(spec, Lambda | Ecs) else None)
        self._fleet, self._controller = self._pods()
        self._lambda = Concurrency(spec.limits) if isinstance(spec, Lambda) else None
        rules = self._scenario.reconnect
        self._waiting = WaitingRoom(rules or Reconnect(), self._period)
        self._retries = rules is not None
        self._drains: list[_Drain] = []
        self._churn = 0.0
        self._allowance = 0
        self._opened = 0  # in the last tick
        self._run = Simulation(spec.name, type(spec).__name__.lower(), self._period, self._duration)
        self._counts = self._run.connections

    def _pods(self) -> tuple[Fleet, Controller | None]:
        scenario, spec = self._scenario, self._spec
        if isinstance(spec, Lambda):
            return Fleet(1, UNBOUNDED, 0, None), None
        replicas = scenario.initial_replicas
        if replicas is None:
            replicas = spec.min_replicas
        kind = Fleet if self._gateway else SocketFleet
        capacity = scenario.pod_capacity or UNBOUNDED
        fleet = kind(replicas, capacity, scenario.pod_start_seconds, scenario.nodes)
        return fleet, controller(spec, scenario.pod)

    # --- one tick ---------------------------------------------------------------------------------------------------

    def run(self, progress: Callable[[int], object]) -> Simulation:
        # Who is there at the start was there before: the sockets are spread over the pods, as far as they fit.
        self._allowance = UNBOUNDED
        self._arrive(-1, min(self._demand, self._fleet.room), 0)
        self._opened = 0
        found = self._demand - self._fleet.held
        for tick in range(-(-self._duration // self._period)):
            now = tick * self._period
            length = min(self._period, self._duration - now)
            if tick % PROGRESS_TICKS == 0:
                progress(now)
            self._fleet.promote(now)
            self._leave_at(now)
            before = self._counts.refused + self._counts.throttled, self._counts.dropped
            if self._lambda:
                self._invoke(now, length)
            else:
                self._decide(tick, now)
            self._allowance = int(self._gateway.connects_per_second * length) if self._gateway else UNBOUNDED
            self._opened = 0
            self._drain(tick, now, length)
            if found:
                self._arrive(tick, found, 0)
                found = 0
            if self._waiting.count:
                for attempt, clients in self._waiting.due(tick).items():
                    self._arrive(tick, clients, attempt)
            self._traffic(tick, now + length)
            self._turn_over(tick, length)
            self._request(length)
            self._note(length, before)
        return self._finish()

    def _decide(self, tick: int, now: int) -> None:
        assert self._controller is not None  # noqa: S101 - every kind but lambda has one
        fleet = self._fleet
        current = fleet.replicas
        desired, replicas = self._controller.step(now, current, fleet, self._view(tick, now))
        if replicas > current:
            fleet.add(now, replicas - current)
        elif replicas < current:
            self._scale_in(tick, now, current - replicas)
        run = self._run
        run.metric.append(self._shown.at(now))
        run.desired.append(desired)
        run.replicas.append(replicas)
        run.ready.append(fleet.ready)

    def _view(self, tick: int, now: int) -> View:
        scenario = self._scenario
        seen: float = now
        if scenario.metric_delay_seconds or scenario.metric_period_seconds:
            seen = visible(now, scenario.metric_delay_seconds, scenario.metric_period_seconds)
        late = int((now - seen) // self._period)
        held = self._run.held[max(tick - 1 - late, 0)] if late and tick else self._fleet.held + self._moving
        wanted = self._seen.at(seen)
        view = View(held if scenario.observe == "held" else wanted, held, self._opened / self._period)
        for outage in scenario.outages:
            if outage.start_seconds <= seen < outage.end_seconds:
                view.metric = None if outage.no_data else OUTAGE
        return view

    def _scale_in(self, tick: int, now: int, pods: int) -> None:
        unready = self._fleet.replicas - self._fleet.ready
        sockets = self._fleet.remove(now, pods)
        if not sockets:
            return
        if self._scenario.drain_seconds:
            self._drains.append(_Drain(now + self._scenario.drain_seconds, sockets, pods - min(unready, pods)))
            return
        self._counts.dropped += sockets
        self._return(tick, sockets)

    def _drain(self, tick: int, now: int, length: int) -> None:
        for drain in self._drains:
            share = min(length / (drain.end - now), 1)
            moved = min(-int(-drain.sockets * share // 1), drain.sockets)
            drain.sockets -= moved
            self._counts.drained += moved
            self._run.draining_pod_seconds += drain.pods * min(length, drain.end - now)
            self._return(tick, moved)
        self._drains = [drain for drain in self._drains if drain.end > now + length]

    def _traffic(self, tick: int, end: float) -> None:
        """What happens up to the end of the tick, in order: steps of the trace and cuts."""
        times = self._times
        while True:
            step = times[self._step] if self._step < len(times) else end
            if self._cuts and self._cuts[0][0] < end and self._cuts[0][0] <= step:
                at, fraction = self._cuts.popleft()
                self._fleet.promote(at)
                sockets = round(self._fleet.held * fraction)
                self._fleet.leave(sockets)
                self._counts.cut += sockets
                self._return(tick, sockets)
            elif step < end:
                self._fleet.promote(step)
                demand = self._values[self._step]
                self._step += 1
                if demand < self._demand:
                    self._leave(demand)
                else:
                    new, self._demand = demand - self._demand, demand
                    self._arrive(tick, new, 0)
            else:
                return

    def _leave_at(self, now: int) -> None:
        """Clients that go at this very moment are gone before the autoscaler decides about their pods."""
        step = self._step
        if step < len(self._times) and self._times[step] == now and self._values[step] < self._demand:
            self._leave(self._values[step])
            self._step += 1

    def _leave(self, demand: int) -> None:
        """So many remain. In proportion go those who hold a connection, are on their way back, or have given up."""
        gone, before = self._demand - demand, self._demand
        lost = before - self._fleet.held - self._waiting.count - self._moving
        left = gone
        for drain in self._drains:
            part = min(-(-gone * drain.sockets // before), left)
            drain.sockets -= part
            self._counts.left += part
            left -= part
        waiting = min(-(-gone * self._waiting.count // before), left)
        self._waiting.give_up(waiting)
        left -= waiting
        left -= min(gone * lost // before, left)
        self._fleet.leave(left)
        self._counts.left += left
        self._demand = demand

    @property
    def _moving(self) -> int:
        return sum(drain.sockets for drain in self._drains)

    def _turn_over(self, tick: int, length: int) -> None:
        """Clients whose connection has lived its life go, and as many others come."""
        lifetime = self._scenario.connection_lifetime_seconds
        if lifetime is None:
            return
        self._churn += self._fleet.held * min(length / lifetime, 1)
        clients = min(int(self._churn), self._fleet.held)
        self._churn -= clients
        self._fleet.leave(clients)
        self._counts.left += clients
        self._arrive(tick, clients, 0)

    # --- arrivals ---------------------------------------------------------------------------------------------------

    def _return(self, tick: int, clients: int) -> None:
        if self._retries:
            self._waiting.cut(tick, clients)
        else:
            self._arrive(tick, clients, 0)

    def _arrive(self, tick: int, clients: int, attempt: int) -> None:
        if not clients:
            return
        counts = self._counts
        admitted = min(clients, self._allowance)
        accepted = self._fleet.accept(admitted)
        self._allowance -= admitted
        self._opened += accepted
        counts.arrivals += clients
        counts.accepted += accepted
        counts.throttled += clients - admitted
        counts.refused += admitted - accepted
        if self._retries:
            self._waiting.refused(tick, clients - accepted, attempt)

    # --- requests, totals -------------------------------------------------------------------------------------------

    def _invoke(self, now: int, length: int) -> None:
        """Lambda: environments for messages and handshakes that the gateway lets through; the rest is turned away."""
        spec = self._spec
        assert isinstance(spec, Lambda) and self._lambda  # noqa: S101, PT018 - called for that kind only
        offered, admitted = self._rates()
        rate = self._messages * (admitted / offered if offered else 1) + self._opened / self._period
        outcome = self._lambda.step(now, rate, spec.handler_milliseconds / 1000)
        requests = self._run.requests
        requests.throttled += rate * outcome.throttled * length
        requests.cold_starts += outcome.cold_starts
        requests.cold_start_seconds += outcome.cold_starts * spec.cold_start_milliseconds / 1000
        run = self._run
        run.metric.append(self._shown.at(now))
        run.desired.append(outcome.wanted)
        run.replicas.append(outcome.environments)
        run.ready.append(outcome.environments)

    @property
    def _messages(self) -> float:
        """Messages a second from the clients that are connected."""
        return self._fleet.held * self._scenario.messages_per_connection_per_minute / 60

    def _rates(self) -> tuple[float, float]:
        """Requests a second, with the callbacks that a gateway counts too: offered, and let through."""
        if self._gateway is None:
            return self._messages, self._messages
        offered = self._messages * (1 + self._gateway.callbacks_per_message)
        return offered, min(offered, self._gateway.requests_per_second)

    def _request(self, length: int) -> None:
        offered, admitted = self._rates()
        self._run.requests.offered += offered * length
        self._run.requests.throttled += (offered - admitted) * length

    def _note(self, length: int, before: tuple[int, int]) -> None:
        run, counts = self._run, self._counts
        run.held.append(self._fleet.held + self._moving)
        run.refused.append(counts.refused + counts.throttled - before[0])
        run.dropped.append(counts.dropped - before[1])
        run.pod_seconds += run.replicas[-1] * length

    def _finish(self) -> Simulation:
        run, counts = self._run, self._counts
        counts.held = run.held[-1]
        counts.waiting = self._waiting.count
        if self._fleet.nodes:
            self._fleet.nodes.advance(self._duration)
            run.node_seconds = self._fleet.nodes.node_seconds
        price = self._scenario.pod_hour_price
        if price is not None and not self._lambda:  # Lambda is billed by request
            run.cost = price * (run.pod_seconds + run.draining_pod_seconds) / 3600
        return run
