"""Makes hubs of this package available under Eventlet's own names of hubs."""

import importlib
import os
import sys

from greenhub import _hub

# eventlet.hubs.NAME -> greenhub.NAME
_NEW_NAMES = {"greenhub": None, "pyevent": "libevent", "uring": "uring"}
_EVENTLETS = ("epolls", "poll", "selects")

# The environment variable that does what install() does, and its words.
_VARIABLE = "GREENHUB_EVENTLET"
_WORDS = ("accelerate", "replace")


def install(accelerate: bool = False, replace: bool = False) -> None:
    """Makes hubs.use_hub("greenhub"), ("pyevent") and ("uring") work.

    Eventlet removed its libevent hub and refuses its name, pyevent; after this call
    the name means greenhub.libevent. The call selects no hub. It may be repeated.

    With accelerate, it replaces Eventlet's function trampoline, with which
    greenthreads wait for descriptors, by one in C that behaves alike, until the
    process ends. With a hub of another package, that calls Eventlet's own.

    With replace, the names of Eventlet's hubs, epolls, poll and selects, mean those
    of this package, and Eventlet's default hub is one of this package, until the
    process ends. For programs that choose a hub themselves.
    """
    for name, ours in _NEW_NAMES.items():
        _set_name(name, ours)
    if replace:
        _replace()
    if accelerate:
        _accelerate()


def from_environment() -> None:
    """Calls install() with what the variable GREENHUB_EVENTLET asks for.

    Its value is "accelerate", "replace", or both with a comma. Raises ValueError for
    other words.
    """
    words = [word.strip() for word in
             os.environ.get(_VARIABLE, "").split(",") if word.strip()]
    for word in words:
        if word not in _WORDS:
            raise ValueError("%s=%s: %r is none of %s" % (
                _VARIABLE, os.environ[_VARIABLE], word, ", ".join(_WORDS)))
    install(**{word: True for word in words})


def _hubs():
    """eventlet.hubs, which `eventlet` may not have as an attribute yet."""
    return importlib.import_module("eventlet.hubs")


def _set_name(name, ours):
    module = importlib.import_module("greenhub." + ours if ours
                                     else "greenhub")
    sys.modules["eventlet.hubs." + name] = module
    setattr(_hubs(), name, module)
    return module


def _replace():
    hubs = _hubs()
    old = {name: getattr(hubs, name) for name in _EVENTLETS}
    new = {old[name]: _set_name(name, name) for name in _EVENTLETS}
    # Eventlet's default is the first of these that works.
    hubs.builtin_hub_modules = tuple(
        new.get(module, module) for module in hubs.builtin_hub_modules)


def _accelerate() -> None:
    hubs = _hubs()
    original = hubs.trampoline
    if not hasattr(original, "__code__"):
        return  # this package has replaced it already
    timeout = importlib.import_module("eventlet.timeout").Timeout
    fast = _hub.make_trampoline(original, hubs._threadlocal, timeout)
    # Eventlet's modules have imported it by name.
    for name, module in list(sys.modules.items()):
        if name.startswith("eventlet") and \
                getattr(module, "__dict__", {}).get("trampoline") is original:
            module.trampoline = fast
