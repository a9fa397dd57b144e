#!/bin/sh
# test_inside.sh CASE
#
# One case of test.sh, in the new system: uses the installed packages.
set -eu

# Ends the server whatever happens.
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :' EXIT

# answer URL: what the server there answers, as soon as it listens.
answer()
{
    /usr/bin/python3 -c '
import sys, time, urllib.request
for attempt in range(200):
    try:
        sys.exit(print(urllib.request.urlopen(sys.argv[1]).read().decode()))
    except OSError:
        time.sleep(0.05) # it does not listen yet
sys.exit("no server listens")' "$1"
}

readme_echoes()
{
    /program/server &
    server=$!
    /usr/bin/python3 -c '
import socket, sys, time
for attempt in range(200):
    try:
        peer = socket.create_connection(("127.0.0.1", 6000), 10)
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
peer.sendall(b"hello\n")
sys.exit(peer.recv(100) != b"hello\n")'
    kill "$server"
}

the_command_shows_hubs()
{
    greenhub hubs | tee /dev/stderr | grep epolls
    greenhub --version
}

a_program_runs_green()
{
    mkdir -p /program/files
    echo "what it serves" >/program/files/page
    greenhub run /usr/bin/python3 -m http.server -d /program/files \
        --bind 127.0.0.1 8000 &
    server=$!
    [ "$(answer http://127.0.0.1:8000/page)" = "what it serves" ]
}

an_eventlet_service_answers()
{
    cat >/program/service.py <<'EOF'
import eventlet
import eventlet.wsgi
from eventlet import hubs


def answer(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [type(hubs.get_hub()).__module__.encode()]


eventlet.wsgi.server(eventlet.listen(("127.0.0.1", 8001)), answer)
EOF
    EVENTLET_HUB=greenhub.epolls /usr/bin/python3 /program/service.py &
    server=$!
    answer http://127.0.0.1:8001/ | tee /dev/stderr | grep '^greenhub'
}

there_are_manual_pages()
{
    for page in man1/greenhub.1 man3/green_read.3 man3/green_write.3 man7/greenhub.7; do
        ls "/usr/share/man/$page.gz"
    done
}

"$1"
