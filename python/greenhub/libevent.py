"""The hub that uses libevent."""

from greenhub import _hub

__all__ = ["Hub", "is_available", "why_not"]


class Hub(_hub.Hub):
    """greenhub's hub that uses libevent."""

    __slots__ = ()
    hub_name = "libevent"


is_available = Hub.is_available
why_not = Hub.why_not
