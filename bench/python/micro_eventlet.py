"""Timers, yields and spawns on Eventlet: micro_eventlet.py HUB WHAT."""

import sys

import common

eventlet = common.need("eventlet")
hub = common.use_hub(sys.argv[1])


def nothing():
    pass


def timers(count):
    """Schedule so many, which are due at once, and have them fire."""
    for _ in range(count):
        hub.schedule_call_global(0, nothing)
    eventlet.sleep(0)


def sleep_0(count):
    for _ in range(count):
        eventlet.sleep(0)


def spawn_n(count):
    """Spawn so many, which run and end, a hundred at a time."""
    for _ in range(count // common.AT_A_TIME):
        for _ in range(common.AT_A_TIME):
            eventlet.spawn_n(nothing)
        eventlet.sleep(0)


def spawn_n_call(count):
    """The calls alone, without what they begin."""
    return common.calls_alone(lambda: eventlet.spawn_n(nothing),
                              lambda: eventlet.sleep(0), count)


common.repeat(sys.argv[2], 10000, globals()[sys.argv[2].removeprefix("py_")])
