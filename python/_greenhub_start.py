"""Has greenhub take part in Eventlet's choice of a hub.

greenhub.pth imports this module when Python starts, if EVENTLET_HUB is "greenhub" or
GREENHUB_EVENTLET is set. Nothing else happens until the program imports Eventlet.
"""

import importlib.abc
import importlib.machinery
import sys

_NAME = "eventlet.hubs"


class _Loader(importlib.abc.Loader):
    """Loads eventlet.hubs as usual, and then greenhub."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        from greenhub import _install
        _install.from_environment()


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())
