"""Makes hubs of this package available under Eventlet's own names of hubs."""

import importlib
import sys

from greenhub import _hub

# eventlet.hubs.NAME -> greenhub.NAME
_NAMES = {"pyevent": "libevent", "uring": "uring"}


def install(accelerate: bool = False) -> None:
    """Makes hubs.use_hub("pyevent") and hubs.use_hub("uring") work.

    Eventlet removed its libevent hub and refuses its name, pyevent; after this call
    the name means greenhub.libevent. The call selects no hub. It may be repeated.

    With accelerate, it replaces Eventlet's function trampoline, with which
    greenthreads wait for descriptors, by one in C that behaves alike, until the
    process ends. With a hub of another package, that calls Eventlet's own.
    """
    import eventlet.hubs

    for name, ours in _NAMES.items():
        module = importlib.import_module("greenhub." + ours)
        sys.modules["eventlet.hubs." + name] = module
        setattr(eventlet.hubs, name, module)
    if accelerate:
        _accelerate()


def _accelerate() -> None:
    import eventlet.hubs
    import eventlet.timeout

    original = eventlet.hubs.trampoline
    if not hasattr(original, "__code__"):
        return  # this package has replaced it already
    fast = _hub.make_trampoline(original, eventlet.hubs._threadlocal,
                                eventlet.timeout.Timeout)
    # Eventlet's modules have imported it by name.
    for name, module in list(sys.modules.items()):
        if name.startswith("eventlet") and \
                getattr(module, "__dict__", {}).get("trampoline") is original:
            module.trampoline = fast
