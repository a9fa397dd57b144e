"""Names by which Eventlet knows its hubs, for those of this package."""

import sys

# eventlet.hubs.NAME -> greenhub.NAME
_NAMES = {"pyevent": "libevent", "uring": "uring"}


def install() -> None:
    """Makes hubs.use_hub("pyevent") and hubs.use_hub("uring") work.

    Eventlet removed its hub on libevent, and refuses its name; from now on that is
    greenhub.libevent. Nothing is chosen by this call. It may be called again.
    """
    import importlib

    import eventlet.hubs

    for name, ours in _NAMES.items():
        module = importlib.import_module("greenhub." + ours)
        sys.modules["eventlet.hubs." + name] = module
        setattr(eventlet.hubs, name, module)
