"""The detector of code that blocks: SIGALRM interrupts what runs for too long.

Eventlet's debug.hub_blocking_detection() asks for it. Signals are the main
thread's: in another one arm() raises ValueError.
"""

import inspect
import signal

_old_handlers = {}


def _alarmed(signum, frame):
    raise RuntimeError(
        "Blocking detector ALARMED at" + str(inspect.getframeinfo(frame)))


def arm(hub):
    """From now on what runs for longer than the hub's resolution is stopped."""
    old = signal.signal(signal.SIGALRM, _alarmed)
    if old is not _alarmed:
        _old_handlers["SIGALRM"] = old
    signal.setitimer(signal.ITIMER_REAL, hub.debug_blocking_resolution)


def disarm(hub):
    """Undoes arm(): no alarm is pending, and the old handler is back."""
    signal.alarm(0)
    old = _old_handlers.pop("SIGALRM", None)
    if old is not None:
        signal.signal(signal.SIGALRM, old)
