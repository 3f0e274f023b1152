"""What a process of the cloud runs first: a function's worker, in the place of Lambda's own bootstrap, or a container.
Standard library only, and no import of ours.

Started as `python -I -S -B bootstrap.py CONFIG`, so that nothing but what CONFIG names can be imported. CONFIG is JSON:
`{"path": [folders to import from], "gateways": {"ID.execute-api.REGION.amazonaws.com": "http://127.0.0.1:PORT"},
"clock": [when it started, in epoch seconds, how many times as fast as real time it runs]}`. A container has its
`"folder"` and what follows `python` in its `"command"`, too; with a `"program"`, that is run instead of python. A
command that is an `"exec"` probe or hook of a container sleeps in virtual time.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time


def _end_with_parent() -> None:
    """Exit when the process that started this one is gone, however it went: its end of our stdin closes then.

    What runs here gets an empty stdin, as on Lambda and in a container.
    """
    parent = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def watch() -> None:
        while os.read(parent, 4096):
            pass
        os.killpg(0, signal.SIGKILL)  # this process leads a group of its own: what was started here goes too

    threading.Thread(target=watch, daemon=True).start()


def _tell_virtual_time(started: float, scale: float) -> None:
    """Let `time.time()` follow the local cloud's clock when that runs fast. Only that: `datetime` stays real, and so do
    the signatures of AWS calls, which are made with it."""
    real = time.time
    time.time = lambda: started + (real() - started) * scale


def _sleep_in_virtual_time(scale: float) -> None:
    """Let a hook wait by the local cloud's clock, as its grace period does."""
    real = time.sleep
    time.sleep = lambda seconds: real(float(seconds) / scale)


class _Redirect(importlib.abc.MetaPathFinder):
    """Carries `https://*.execute-api.*` to the local gateway, whoever built the URL, once botocore is imported.

    Handlers take the host from their own event or configuration, where it looks as on AWS, and an explicit endpoint
    beats the environment. The Host header stays as it was: signatures are made over it.
    """

    def __init__(self, gateways: dict[str, str]) -> None:
        self.gateways = gateways

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ARG002
        if name != "botocore.httpsession":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):  # type: ignore[no-untyped-def]
            execute(module)
            self.wrap(module.URLLib3Session)  # type: ignore[no-untyped-call]

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def wrap(self, session):  # type: ignore[no-untyped-def]
        from urllib.parse import urlsplit  # noqa: PLC0415 - only once a function uses botocore

        send, gateways = session.send, self.gateways

        def send_here(self, request):  # type: ignore[no-untyped-def]
            url = urlsplit(request.url)
            gateway = gateways.get(url.hostname or "")
            if gateway is not None:
                request.headers["Host"] = url.netloc
                request.url = gateway + request.url[len(url.scheme) + 3 + len(url.netloc) :]
            return send(self, request)

        session.send = send_here


def main() -> None:
    """Prepare the process, then hand over."""
    config = json.loads(sys.argv[1])
    _end_with_parent()
    if "program" in config:
        os.chdir(config["folder"])
        _run_program([config["program"], *config["command"]])
    if config["clock"][1] != 1:
        _tell_virtual_time(*config["clock"])
        if config.get("exec"):
            _sleep_in_virtual_time(config["clock"][1])
    sys.path[:0] = config["path"]
    sys.meta_path.insert(0, _Redirect(config["gateways"]))
    if "command" in config:
        os.chdir(config["folder"])
        _run(config["command"])
    else:
        os.chdir(os.environ["LAMBDA_TASK_ROOT"])
        _run_function()


def _run_program(command: list[str]) -> None:
    """Run another program, and end as it does."""
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGTERM))
    status = process.wait()
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    sys.exit(status)


def _run(command: list[str]) -> None:
    """As `python` with these arguments: `-m MODULE …`, `-c CODE …` or `FILE …`."""
    option, *rest = command
    if option == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif option == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - what python -c does
    else:
        sys.argv = command
        runpy.run_path(option, run_name="__main__")


def _run_function() -> None:
    from awslambdaric import bootstrap  # type: ignore[import-untyped]  # noqa: PLC0415
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # type: ignore[import-untyped]  # noqa: PLC0415

    # For 3.12 and newer its own main() starts a thread for every event to wait in, so that an idle function can take
    # signals. Here functions get none but SIGKILL, and the thread would be most of what a small handler costs.
    client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"], use_thread_for_polling_next=False)
    bootstrap.run(os.environ["_HANDLER"], client)


if __name__ == "__main__":
    main()
