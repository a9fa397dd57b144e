"""The detector of code that blocks: SIGALRM interrupts code that runs too long.

Eventlet's debug.hub_blocking_detection() turns it on. Only the main thread may set
signal handlers: in other threads arm() raises ValueError.
"""

import inspect
import signal

_old_handlers = {}


def _alarmed(signum, frame):
    where = inspect.getframeinfo(frame) if frame else " no Python code"
    raise RuntimeError("Blocking detector ALARMED at" + str(where))


def arm(hub):
    """From now on, code that runs for longer than the hub's resolution is stopped."""
    old = signal.signal(signal.SIGALRM, _alarmed)
    if old is not _alarmed:
        _old_handlers["SIGALRM"] = old
    signal.setitimer(signal.ITIMER_REAL, hub.debug_blocking_resolution)


def disarm(hub):
    """Undoes arm(): cancels the alarm and restores the old handler."""
    signal.alarm(0)
    old = _old_handlers.pop("SIGALRM", None)
    if old is not None:
        signal.signal(signal.SIGALRM, old)
