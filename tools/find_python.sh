#!/bin/sh
# find_python.sh: prints the Python that has greenlet and Eventlet from the
# system's packages. PYTHON names another one. The first `python3` on PATH may
# be another one, which does not see these packages.
set -eu

for python in ${PYTHON:-/usr/bin/python3 python3}; do
    if "$python" -c 'import greenlet, eventlet' >/dev/null 2>&1; then
        command -v "$python"
        exit 0
    fi
done
echo "No Python here has greenlet and Eventlet; PYTHON=... names one." >&2
exit 1
