"""What the server's processes use, when they run on this machine: the backend's apart from the emulator's."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

# The local cloud's own: the process that was started, which is gateway and cloud, its AWS endpoint, and a Prometheus
# that watches the pods. All others are what serves users: function workers, pods, their bus.
_EMULATOR = "localcloud.aws.server"
_PROMETHEUS = "/prometheus.json"


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since their start, MiB of memory of their own, and how many there are."""

    cpu: float = 0.0
    mib: float = 0.0
    processes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, self.mib + other.mib, self.processes + other.processes)


@dataclass(frozen=True, slots=True)
class Sample:
    """The two parts of a local cloud at one moment."""

    backend: Usage
    emulator: Usage


def sample(pid: int) -> Sample | None:
    """Look at a local cloud by the process id in its ready file; None when it is gone."""
    try:
        root = psutil.Process(pid)
        children = root.children(recursive=True)
        own, reaped = _used(root)
    except psutil.NoSuchProcess:
        return None
    backend, emulator = Usage(cpu=reaped), own
    for child in children:
        try:
            used, below = _used(child)
            if is_emulator(child.cmdline()):
                emulator += used + Usage(cpu=below)
            else:
                backend += used + Usage(cpu=below)
        except psutil.NoSuchProcess:
            continue  # ended in between: its parent has its CPU now, which the next sample sees
    return Sample(backend, emulator)


def is_emulator(command: list[str]) -> bool:
    """Whether a process of the local cloud is not one that serves users."""
    return _EMULATOR in command or any(_PROMETHEUS in part for part in command)


class Killer:
    """Kills processes of a local cloud's backend, the busiest one each time, as a machine that fails would."""

    def __init__(self, pid: int) -> None:
        """`pid` is of the local cloud."""
        self._root = pid
        self._used: dict[tuple[int, float], float] = {}
        self._look()

    def kill(self) -> bool:
        """SIGKILL to the one that has used most CPU since the last time; False when there is none."""
        known = set(self._used)
        found = self._look()
        # One that is still starting has used much, and serves nobody.
        serving = [one for one in found if (one[0].pid, one[0].create_time()) in known] or found
        busiest = max(serving, key=lambda one: one[1], default=None)
        if busiest is None:
            return False
        try:
            busiest[0].kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def _look(self) -> list[tuple[psutil.Process, float]]:
        """The backend's processes, and the CPU seconds of each since the last look."""
        try:
            processes = psutil.Process(self._root).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        found, used = [], {}
        for process in processes:
            try:
                if is_emulator(process.cmdline()) or process.children():
                    continue  # only what serves: not what starts it
                times = process.cpu_times()
                key = process.pid, process.create_time()
            except psutil.NoSuchProcess:
                continue
            used[key] = times.user + times.system
            found.append((process, used[key] - self._used.get(key, 0.0)))
        self._used = used
        return found


def _used(process: psutil.Process) -> tuple[Usage, float]:
    """What a process uses, and the CPU seconds of those below it that have ended."""
    times = process.cpu_times()
    try:
        memory = process.memory_full_info().uss
    except psutil.AccessDenied:
        memory = process.memory_info().rss
    return Usage(times.user + times.system, memory / 2**20, 1), times.children_user + times.children_system
