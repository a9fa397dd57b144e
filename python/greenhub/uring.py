"""The hub that uses io_uring(7)."""

from greenhub import _hub

__all__ = ["Hub", "is_available", "why_not"]


class Hub(_hub.Hub):
    """greenhub's hub that uses io_uring(7)."""

    __slots__ = ()
    hub_name = "uring"


is_available = Hub.is_available
why_not = Hub.why_not
