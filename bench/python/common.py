"""What the Python programs of the bench share; see ../common.h for those in C."""

import importlib
import json
import os
import resource
import socket
import sys
import time

# The status by which a program says that something cannot be had here.
STATUS_UNAVAILABLE = 3
BUFFER = 65536 if sys.argv[-1] == "large" else 4096
BACKLOG = 4096
REPETITIONS = 15
# Spawned before they get to run: as a service under load has them.
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
    """Takes a hub of Eventlet's or of ours; the hub."""
    from eventlet import hubs
    if name.startswith("greenhub."):
        module = need(name)
        if not module.is_available():
            unavailable(module.why_not())
    hubs.use_hub(name)
    return hubs.get_hub()


def port():
    """PORT; and as many descriptors as there may be."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return int([word for word in sys.argv if word.isdigit()][-1])


def say_port(listener):
    print("listening", listener.getsockname()[1], flush=True)


def no_delay(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def calls_alone(call, run, count):
    """The ns that `count` calls took, with what they begin run in between."""
    spent = 0
    for _ in range(count // AT_A_TIME):
        began = time.perf_counter_ns()
        for _ in range(AT_A_TIME):
            call()
        spent += time.perf_counter_ns() - began
        run()
    return spent


def repeat(name, count, once):
    """Runs once(count) some times, and prints as figures.h does what it took for
    each of count, in ns. once may say by itself how many ns were spent."""
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
    os._exit(0)  # whatever a loop would like to say at its end
