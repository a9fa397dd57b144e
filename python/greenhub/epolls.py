"""The hub that uses epoll(7)."""

from greenhub import _hub

__all__ = ["Hub", "is_available", "why_not"]


class Hub(_hub.Hub):
    """greenhub's hub that uses epoll(7)."""

    __slots__ = ()
    hub_name = "epolls"


is_available = Hub.is_available
why_not = Hub.why_not
