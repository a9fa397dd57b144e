"""Code that the Python benchmark programs share; ../common.h is that of those in C."""

import importlib
import json
import os
import resource
import socket
import sys
import time

# The exit status with which a program reports that this system lacks something.
STATUS_UNAVAILABLE = 3
BUFFER = 65536 if sys.argv[-1] == "large" else 4096
BACKLOG = 4096
REPETITIONS = 15
# Spawned before any of them runs, as in a service under load.
AT_A_TIME = 100


def unavailable(reason):
    print(reason, file=sys.stderr)
    sys.exit(STATUS_UNAVAILABLE)


def need(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        unavailable(str(error))


def use_hub(name):
    """Selects a hub of Eventlet or of greenhub. Returns the hub."""
    from eventlet import hubs
    if name.startswith("greenhub."):
        module = need(name)
        if not module.is_available():
            unavailable(module.why_not())
    hubs.use_hub(name)
    return hubs.get_hub()


def port():
    """Returns PORT; raises the descriptor limit to the hard limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return int([word for word in sys.argv if word.isdigit()][-1])


def print_port(listener):
    print("listening", listener.getsockname()[1], flush=True)


def no_delay(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def calls_alone(call, run, count):
    """The ns of `count` calls, without running what they spawn."""
    spent = 0
    for _ in range(count // AT_A_TIME):
        began = time.perf_counter_ns()
        for _ in range(AT_A_TIME):
            call()
        spent += time.perf_counter_ns() - began
        run()
    return spent


def repeat(name, count, once):
    """Calls once(count) some times, and prints the ns for each of count as figures.h
    does. once may return the ns that it took, otherwise repeat() measures them."""
    once(count)  # warm
    times = []
    for _ in range(REPETITIONS):
        began = time.perf_counter_ns()
        spent = once(count)
        if spent is None:
            spent = time.perf_counter_ns() - began
        times.append(spent / count)
    times.sort()
    print(json.dumps({"benchmark": name, "figures": [{
        "name": name, "unit": "ns", "best": times[0],
        "median": times[len(times) // 2], "worst": times[-1],
        "repetitions": len(times)}]}), flush=True)
    os._exit(0)  # skips the messages of a loop at its end
