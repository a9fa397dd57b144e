#!/bin/sh
# A request of an echo server on epolls costs one read and one write: no
# epoll_ctl, no read in vain. Counted by strace.
set -eu

name="system calls per request"
command=$GREENHUB_BUILD/greenhub
echo "1..1"
if ! command -v strace >/dev/null; then
    echo "ok 1 - $name # SKIP strace is not installed"
    exit 0
fi
if ! strace -o /dev/null true 2>/dev/null; then
    echo "ok 1 - $name # SKIP strace may not trace here"
    exit 0
fi
if ! command -v python3 >/dev/null; then
    echo "ok 1 - $name # SKIP the client needs python3"
    exit 0
fi

folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
strace -f -o "$folder/trace" "$command" serve --echo --hub epolls \
    --listen tcp://127.0.0.1:0 >"$folder/out" 2>&1 &
server=$!

python3 - "$folder/out" <<'CLIENT'
import re, socket, sys, time

def connect():
    for _ in range(200):
        port = re.search(r"tcp://127\.0\.0\.1:(\d+)", open(sys.argv[1]).read())
        if port:
            return socket.create_connection(("127.0.0.1", int(port.group(1))))
        time.sleep(0.05)
    sys.exit("the server does not say where it listens")

s = connect()
for i in range(1000):
    s.sendall(b"x" * 64)
    got = b""
    while len(got) < 64:
        got += s.recv(64)
s.close()
CLIENT
kill -TERM "$(sed -n '1s/ .*//p' "$folder/trace")"
wait "$server" || true

count() {
    grep -c "$1" "$folder/trace" || true
}
changes=$(count 'epoll_ctl(')
in_vain=$(count 'recvfrom(.*EAGAIN')
reads=$(count 'recvfrom(')
echo "# $reads reads, $in_vain in vain, $changes epoll_ctl for 1000 requests"
if [ "$changes" -le 20 ] && [ "$in_vain" -le 5 ] && [ "$reads" -ge 1000 ]
then
    echo "ok 1 - $name"
else
    echo "not ok 1 - $name"
    exit 1
fi
