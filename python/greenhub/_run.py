"""The function that a hub's greenlet runs.

It is in Python so that the greenlet has a Python frame while it waits: signal handlers
get it as their argument, sys._current_frames() shows the OS thread by it, and greenlet
expects one of every greenlet that has run.
"""


def run(hub, *args, **keywords):
    return hub.run(*args, **keywords)
