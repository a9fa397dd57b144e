"""greenhub's event loop as a hub for Eventlet, in C.

    from eventlet import hubs
    import greenhub
    hubs.use_hub(greenhub)             # the best hub of this system
    hubs.use_hub("greenhub.poll")      # or epolls, selects, libevent, uring

or, without touching the program, EVENTLET_HUB=greenhub.epolls in its
environment ("greenhub" for the best one), and GREENHUB_EVENTLET=accelerate,replace
for what install() does.
"""

import sys

from greenhub import _hub
from greenhub._install import from_environment, install
from greenhub._hub import hub_names

__all__ = ["Hub", "hub_names", "install", "is_available", "why_not"]
__version__ = _hub.library_version


class Hub(_hub.Hub):
    """The best hub of this system, or the one that GREENHUB_HUB names."""

    __slots__ = ()


is_available = Hub.is_available
why_not = Hub.why_not

# Eventlet imports this package while it chooses a hub.
if "eventlet.hubs" in sys.modules and hasattr(sys.modules["eventlet.hubs"],
                                              "use_hub"):
    from_environment()
