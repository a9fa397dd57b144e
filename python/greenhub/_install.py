"""Names by which Eventlet knows its hubs, for those of this package."""

import importlib
import sys

from greenhub import _hub

# eventlet.hubs.NAME -> greenhub.NAME
_NAMES = {"pyevent": "libevent", "uring": "uring"}


def install(accelerate: bool = False) -> None:
    """Makes hubs.use_hub("pyevent") and hubs.use_hub("uring") work.

    Eventlet removed its hub on libevent, and refuses its name; from now on that is
    greenhub.libevent. Nothing is chosen by this call. It may be called again.

    With accelerate, Eventlet's function trampoline, by which greenthreads wait for
    descriptors, is replaced by one in C that behaves alike; Eventlet's own is still
    called where the hub is not one of this package. That lasts until the process
    ends.
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
        return  # it is ours already
    fast = _hub.make_trampoline(original, eventlet.hubs._threadlocal,
                                eventlet.timeout.Timeout)
    # Eventlet's modules have it by name.
    for name, module in list(sys.modules.items()):
        if name.startswith("eventlet") and \
                getattr(module, "__dict__", {}).get("trampoline") is original:
            module.trampoline = fast
