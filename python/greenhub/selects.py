"""The hub that uses select(2)."""

from greenhub import _hub

__all__ = ["Hub", "is_available", "why_not"]


class Hub(_hub.Hub):
    """greenhub's hub that uses select(2)."""

    __slots__ = ()
    hub_name = "selects"


is_available = Hub.is_available
why_not = Hub.why_not
