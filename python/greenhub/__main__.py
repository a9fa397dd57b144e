"""python -m greenhub: the version, and each hub with whether it can be used here."""

import importlib
import pkgutil
import platform
import sys

import greenhub


def hubs():
    """[(name, the reason why it cannot be used, or "")]"""
    names = [module.name for module in pkgutil.iter_modules(greenhub.__path__)
             if not module.name.startswith("_")]
    return [(name, importlib.import_module("greenhub." + name).why_not())
            for name in names]


def main():
    print("greenhub %s, on %s %s" % (greenhub.__version__,
                                     platform.python_implementation(),
                                     platform.python_version()))
    for name, why in hubs():
        print("greenhub.%-9s %s" % (name, "no: " + why if why else "yes"))


if __name__ == "__main__":
    sys.exit(main())
