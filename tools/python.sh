#!/bin/sh
# python.sh BUILD_DIRECTORY
#
# Builds the Python package and installs it into BUILD_DIRECTORY/venv, the way a
# user would: with pip. It downloads nothing; greenlet, Eventlet and meson-python
# are those of the system's Python, whose packages the environment can import.
set -eu

here=$(dirname "$0")
directory=$1
python=$("$here/find_python.sh")
stamp=$directory/venv/made-for

# Removes an environment that was made for another Python.
if [ "$(cat "$stamp" 2>/dev/null)" != "$python" ]; then
    rm -rf "$directory/venv"
    mkdir -p "$directory"
    "$python" -m venv --system-site-packages "$directory/venv"
    printf '%s\n' "$python" >"$stamp"
fi

# meson-python needs the meson and the greenlet that the set-up has found.
log=$directory/install.log
if ! PIP_DISABLE_PIP_VERSION_CHECK=1 "$directory/venv/bin/python" -m pip \
    install --no-index --no-deps --no-build-isolation \
    --config-settings builddir="$directory/meson" . >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
