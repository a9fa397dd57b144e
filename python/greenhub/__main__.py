"""python -m greenhub: the version, and each hub with whether it can be used here."""

import platform
import sys

import greenhub
from greenhub import epolls, libevent, poll, selects, uring

HUBS = (epolls, poll, selects, libevent, uring)


def main():
    print("greenhub %s, on %s %s" % (greenhub.__version__,
                                     platform.python_implementation(),
                                     platform.python_version()))
    for hub in HUBS:
        why = hub.why_not()
        print("%-18s %s" % (hub.__name__, "no: " + why if why else "yes"))


if __name__ == "__main__":
    sys.exit(main())
