"""Timers, yields and tasks on asyncio: micro_asyncio.py asyncio|uvloop WHAT."""

import asyncio
import sys

import common


def nothing():
    pass


async def timers(count):
    loop = asyncio.get_running_loop()
    for _ in range(count):
        loop.call_later(0, nothing)
    done = loop.create_future()
    loop.call_later(0, done.set_result, None)
    await done


async def sleep_0(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def spawn_n(count):
    async def task():
        pass
    loop = asyncio.get_running_loop()
    for _ in range(count // common.AT_A_TIME):
        for _ in range(common.AT_A_TIME):
            loop.create_task(task())
        await asyncio.sleep(0)


if sys.argv[1] == "uvloop":
    common.need("uvloop").install()
runner = asyncio.Runner()
once = globals()[sys.argv[2].removeprefix("py_")]
common.repeat(sys.argv[2], 10000, lambda count: runner.run(once(count)))
