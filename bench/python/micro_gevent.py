"""Timers, yields and spawns on gevent: micro_gevent.py WHAT."""

import sys

import common

gevent = common.need("gevent")


def nothing():
    pass


def timers(count):
    loop = gevent.get_hub().loop
    started = [loop.timer(0) for _ in range(count)]
    for timer in started:
        timer.start(nothing)
    last = loop.timer(0)
    gevent.get_hub().wait(last)
    for timer in started:
        timer.close()
    last.close()


def sleep_0(count):
    for _ in range(count):
        gevent.sleep(0)


def spawn_n(count):
    for _ in range(count // common.AT_A_TIME):
        for _ in range(common.AT_A_TIME):
            gevent.spawn_raw(nothing)
        gevent.sleep(0)


def spawn_n_call(count):
    return common.calls_alone(lambda: gevent.spawn_raw(nothing),
                              lambda: gevent.sleep(0), count)


common.repeat(sys.argv[1], 10000, globals()[sys.argv[1].removeprefix("py_")])
