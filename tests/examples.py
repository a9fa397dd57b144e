#!/usr/bin/env python3
"""Runs each example against real peers over TCP."""

import os
import resource
import socket
import tempfile
import threading
import time

import peers
from peers import (Program, connect, echoes, example, limit, run, starved,
                   tool, web_server)

HERE = "tcp://127.0.0.1:0"


def through_nc(address, text):
    host, port = address
    status, out, err = run([tool("nc"), "-N", host, str(port)], text=text)
    assert status == 0, err
    return out


def case_echo_server_on_every_hub():
    for hub in peers.hubs():
        server = Program([example("echo_server"), HERE],
                         env={"GREENHUB_HUB": hub})
        address = server.listening()
        peer = connect(address)
        for size in (1, 64, 4096, 4097, 1000000):
            data = os.urandom(size)
            answer = []
            reader = threading.Thread(
                target=lambda: answer.append(peers.receive(peer, size)))
            reader.start()
            peer.sendall(data)
            reader.join()
            assert answer == [data], "%s: wrong bytes" % hub
        peers.echoes_to_many(address, 50)
        peer.close()
        peers.clean_up()


def case_echo_server_with_nc():
    address = Program([example("echo_server"), HERE]).listening()
    assert through_nc(address, "one\ntwo\n") == "one\ntwo\n"


def case_port_forwarder_half_closes():
    host, port = Program([example("echo_server"), HERE]).listening()
    forwarder = Program([example("port_forwarder"), HERE,
                         "tcp://%s:%d" % (host, port)])
    peer = connect(forwarder.listening())
    data = os.urandom(1 << 20)
    writer = threading.Thread(target=lambda: (
        peer.sendall(data), peer.shutdown(socket.SHUT_WR)))
    writer.start()
    assert peers.receive(peer, len(data)) == data
    assert peer.recv(1) == b"", "data after the end"
    writer.join()
    peers.echoes_to_many(forwarder.listening(), 50)


def case_port_forwarder_with_socat():
    host, port = Program([example("echo_server"), HERE]).listening()
    forwarder = Program([example("port_forwarder"), HERE,
                         "tcp://%s:%d" % (host, port)])
    status, out, err = run(
        [tool("socat"), "-t", "10", "-", "TCP:%s:%d" % forwarder.listening()],
        text="line\n" * 20000)
    assert status == 0 and out == "line\n" * 20000, err


def case_port_forwarder_with_curl():
    web = web_server(b"page " * 5000)
    forwarder = Program([example("port_forwarder"), HERE,
                         "tcp://127.0.0.1:%d" % web.server_port])
    status, out, err = run([tool("curl"), "-sS", "--max-time", "10",
                            "http://%s:%d/" % forwarder.listening()])
    web.shutdown()
    assert status == 0 and out == "page " * 5000, err


def case_port_forwarder_without_listener():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        forwarder = Program([example("port_forwarder"), HERE,
                             "tcp://127.0.0.1:%d" % free.getsockname()[1]])
        peer = connect(forwarder.listening())
        assert peer.recv(1) == b"", "the forwarder should have closed the connection"
    forwarder.line("Connection refused", forwarder.err)


def case_port_forwarder_without_memory():
    peers.skip_without_memory_limit()
    host, port = Program([example("echo_server"), HERE]).listening()
    forwarder = Program([example("port_forwarder"), HERE,
                         "tcp://%s:%d" % (host, port)])
    address = forwarder.listening()
    first = connect(address)
    echoes(first, b"before")
    open_then = peers.descriptors(forwarder)
    peers.starve(forwarder)
    crowd = [connect(address) for _ in range(200)]
    forwarder.line("port_forwarder: relay: Cannot allocate memory",
                   forwarder.err)
    echoes(first, b"meanwhile")
    for one in crowd:
        one.close()
    last = connect(address)
    echoes(last, b"after")
    last.close()
    peers.until("all new descriptors are closed", lambda:
                peers.descriptors(forwarder) == open_then)


SERVERS = ("channel_chat", "chat_server", "echo_server", "event_loop",
           "feed_scraper", "port_forwarder")


def case_servers_print_why_they_cannot_listen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
        for name in SERVERS:
            status, out, err = run([example(name), address])
            assert (status, err) == (1, "%s: %s: Address already in use\n" % (
                name, address)), (name, status, err)
            status, out, err = run([example(name), HERE],
                                   env={"GREENHUB_HUB": "nosuch"})
            assert status == 1 and "there is no hub" in err, (name, err)


def case_without_memory_they_fail_with_a_message():
    # event_loop needs no greenthread, and runs in little memory.
    for argv in [[example(name), HERE] for name in SERVERS
                 if name != "event_loop"] + [
            [example("prime_sieve"), "10"], [example("producer_consumer")],
            [example("dining_philosophers")],
            [example("parallel_connect"), "tcp://127.0.0.1:1"],
            [example("recursive_crawler"), "http://127.0.0.1:1/"],
            [example("redis_pool"), "tcp://127.0.0.1:1"],
            [example("parallel_crawler")]]:
        for status, said in starved(argv, text="http://127.0.0.1:1/\n"):
            assert status == 1 and "memory" in said, (argv, status, said)


class Guest:
    def __init__(self, address):
        self.peer = connect(address)
        self.file = self.peer.makefile("r", newline="\n")

    def say(self, text):
        self.peer.sendall(text.encode() + b"\n")

    def hears(self, text, start=""):
        """Reads up to a line that begins with `start` and ends with the text.
        Returns the lines before it."""
        before = []
        while True:
            line = self.file.readline()
            assert line, "the server hung up; wanted %r" % text
            if line.startswith(start) and line.rstrip("\n").endswith(text):
                return before
            before.append(line)


def case_chat_server_keeps_rooms_apart():
    address = Program([example("chat_server"), HERE]).listening()
    rooms = {}
    for room in range(10):
        rooms[room] = [Guest(address) for _ in range(10)]
        for guest in rooms[room]:
            guest.say("/join room%d" % room)
            guest.hears("joins", "[room%d]" % room)  # its own message: it has joined
    for room, guests in rooms.items():
        guests[0].say("hello room%d" % room)
    for room, guests in rooms.items():
        for guest in guests:
            for line in guest.hears("hello room%d" % room):
                assert "hello" not in line, "heard in room%d: %s" % (room, line)


def case_chat_server_reports_who_leaves():
    address = Program([example("chat_server"), HERE]).listening()
    stays, leaves = Guest(address), Guest(address)
    leaves.hears("joins")
    leaves.peer.shutdown(socket.SHUT_RDWR)
    stays.hears("leaves")
    stays.say("alone")
    stays.hears("alone")


def case_channel_chat_sends_to_the_others():
    for hub in peers.hubs():
        address = Program([example("channel_chat"), HERE],
                          env={"GREENHUB_HUB": hub}).listening()
        guests = [Guest(address)]
        for _ in range(4):
            guests.append(Guest(address))
            guests[0].hears("joined the chat")  # the new guest has entered
        for number, guest in enumerate(guests):
            guest.say("I am number %d" % number)
            for other in guests:
                if other is not guest:
                    other.hears("I am number %d" % number)
        guests[2].peer.shutdown(socket.SHUT_RDWR)
        guests[1].say("goodbye")
        guests[4].hears("goodbye")
        peers.clean_up()


def case_producer_and_consumer():
    status, out, err = run([example("producer_consumer"), "50"])
    lines = out.splitlines()
    assert status == 0, err
    assert lines[-1] == "the sum of the squares is %d" % sum(
        n * n for n in range(1, 51)), out
    assert sum("puts" in line for line in lines) == 50, out
    for name in ("Cleo", "Dan", "Eve"):
        assert any(line.startswith(name + ":") for line in lines), name


def case_prime_sieve():
    status, out, err = run([example("prime_sieve"), "100"])
    primes = [n for n in range(2, 542)
              if all(n % d for d in range(2, int(n ** 0.5) + 1))]
    assert status == 0, err
    assert [int(line) for line in out.split()] == primes, out


def case_dining_philosophers_eat():
    status, out, err = run([example("dining_philosophers")])
    lines = out.splitlines()
    assert (status, err) == (0, ""), (status, err)
    assert len(lines) == 15 and all("eats meal" in line for line in lines), out


def case_rash_philosophers_deadlock():
    status, out, err = run([example("dining_philosophers"), "rash"])
    assert status == 0, err
    assert "deadlock" in err and err.count("lock since") == 5, err
    for name in ("Plato", "Hypatia", "Kant", "Arendt", "Laozi"):
        assert name in err, err
    assert "stays hungry: Resource deadlock avoided" in out, out


def case_parallel_connect_connects_at_once():
    webs = [web_server(b"x" * 100 * n) for n in range(1, 11)]
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    port = silent.getsockname()[1]
    addresses = ["tcp://127.0.0.1:%d" % web.server_port for web in webs]
    addresses += ["tcp://127.0.0.1:%d" % port] * 5
    start = time.monotonic()
    status, out, err = run([example("parallel_connect")] + addresses)
    took = time.monotonic() - start
    for web in webs:
        web.shutdown()
    silent.close()
    lines = out.splitlines()
    assert status == 1 and len(lines) == 15, (status, out, err)
    assert all(", ok, " in line for line in lines[:10]), out
    assert all("timed out" in line for line in lines[10:]), out
    assert 2 <= took < 6, "5 limits of 2 s at once take %.1f s" % took


NAMES = r"""
set -e
echo "nameserver 127.0.0.1" >"$1/resolv.conf"
echo "hosts: files dns" >"$1/nsswitch.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
ip link set lo up
/usr/sbin/dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --user=root \
    --group=root \
    --pid-file="$1/pid" --local=/test/ --listen-address=127.0.0.1 \
    --bind-interfaces --log-facility=/dev/null \
    --host-record=both.test,192.0.2.1,2001:db8::1
status=0
"$2" both.test none.test 192.0.2.1 || status=$?
kill "$(cat "$1/pid")"
exit $status
"""


def case_name_lookup_asks_dnsmasq():
    if not os.path.exists(example("name_lookup")):
        print("skipped: built without libgreenhub-dns")
        return
    if run(["unshare", "-mn", "true"])[0] or \
            not os.path.exists("/usr/sbin/dnsmasq"):
        print("skipped: needs dnsmasq, and root for namespaces of its own")
        return
    with tempfile.TemporaryDirectory() as folder:
        status, out, err = run(["unshare", "-mn", "sh", "-c", NAMES, "sh",
                                folder, example("name_lookup")])
    lines = sorted(out.splitlines())
    assert status == 1 and len(lines) == 3, (status, out, err)
    assert lines[0] == "192.0.2.1: both.test", out
    assert lines[1] in ("both.test: 2001:db8::1 192.0.2.1",
                        "both.test: 192.0.2.1 2001:db8::1"), out
    assert lines[2].startswith("none.test: "), out


def case_parallel_connect_looks_names_up():
    web = web_server(b"hello")
    status, out, err = run([
        example("parallel_connect"),
        "tcp://localhost:%d" % web.server_port,
        "tcp://no-such-host.invalid:80", "nonsense"])
    web.shutdown()
    lines = out.splitlines()
    assert status == 1 and len(lines) == 3, (out, err)
    assert ", ok, " in lines[0], out
    assert lines[1].startswith("tcp://no-such-host.invalid:80: "), out
    assert "No such file" not in lines[1], out
    assert lines[2].startswith("nonsense: Invalid argument, "), out


def case_event_loop_on_every_hub():
    for hub in peers.hubs():
        server = Program([example("event_loop"), HERE],
                         env={"GREENHUB_HUB": hub})
        address = server.listening()
        server.line("hub " + hub)
        assert through_nc(address, "ping\n") == "ping\n"
        peer = connect(address)
        echoes(peer, b"x" * 1000)
        server.line("^1 connections", server.err)
        peer.close()
        server.line("^0 connections", server.err)
        peers.clean_up()


def case_event_loop_out_of_descriptors():
    server = Program([example("event_loop"), HERE],
                     preexec_fn=limit(resource.RLIMIT_NOFILE, 20))
    address = server.listening()
    first = connect(address)
    echoes(first, b"before")
    crowd = [connect(address) for _ in range(40)]
    server.line("Too many open files", server.err)
    ticks = sum("connections" in line for line in server.err)
    peers.until("two seconds have passed", lambda: sum(
        "connections" in line for line in server.err) >= ticks + 2)
    echoes(first, b"meanwhile")
    # It tries again at each tick, and does not spin.
    said = list(server.err)
    pauses = sum("pauses" in line for line in said)
    assert pauses <= len(said) - pauses + 1, said[:50]
    for one in crowd:
        one.close()
    last = connect(address)
    echoes(last, b"after")
    echoes(first, b"after")


def case_counting_hub_passes_the_check():
    status, out, err = run([peers.COMMAND, "check",
                            example("counting_hub.so")], timeout=120)
    assert status == 0, out + err
    assert "0 failed" in out, out


def case_counting_hub_counts():
    status, out, err = run([example("counting_hub_demo"),
                            example("counting_hub.so")])
    assert status == 0 and "on the hub counting" in out, out + err
    waits = int(err.split("counting_hub: ")[1].split()[0])
    assert 10 <= waits <= 30, "10 sleeps take %d waits" % waits


def case_counting_hub_by_file_and_by_name():
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(example("counting_hub.so"),
                   os.path.join(folder, "greenhub_hub_tallying.so"))
        for env in ({"GREENHUB_HUB": example("counting_hub.so")},
                    {"GREENHUB_HUB": "tallying",
                     "GREENHUB_HUB_PATH": "/nowhere:" + folder}):
            server = Program([peers.COMMAND, "serve", "--echo", "--listen",
                              HERE], env=env)
            address = server.listening()
            server.line("hub counting")
            peers.echoes_to_many(address, 100)
            assert server.stop() == 0


NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    root {folder}/pages;
    server {{
        listen 127.0.0.1:{port};
        location /slow {{ limit_rate 1; }}
    }}
}}
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def read(path):
    with open(path) as file:
        return file.read()


class Nginx:
    """nginx with these pages, {path: text}. It listens on a socket that it
    inherits, on a port that the kernel chose."""

    def __init__(self, pages):
        self.folder = tempfile.TemporaryDirectory()
        name = self.folder.name
        os.chmod(name, 0o755)
        for path, text in pages.items():
            write(name + "/pages" + path, text)
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        write(name + "/nginx.conf", NGINX.format(folder=name, port=self.port))
        os.set_inheritable(listener.fileno(), True)
        self.program = Program(
            [tool("nginx", "/usr/sbin"), "-c", name + "/nginx.conf",
             "-e", name + "/error.log"],
            env={"NGINX": "%d;" % listener.fileno()},
            pass_fds=[listener.fileno()])
        listener.close()
        self.url = "http://127.0.0.1:%d" % self.port

    def requests(self):
        return read(self.folder.name + "/access.log").splitlines()

    def stop(self):
        self.program.stop()
        self.folder.cleanup()


def case_parallel_crawler_in_order_within_its_limits():
    pages = {"/%d" % n: "x" * n * 1000 for n in range(30)}
    pages["/slow"] = "y" * 1000
    nginx = Nginx(pages)
    urls = [nginx.url + "/%d" % n for n in range(30)]
    urls[7] = nginx.url + "/slow"
    urls[8] = nginx.url + "/none"
    urls[9] = "ftp://127.0.0.1/"
    for hub in peers.hubs():
        start = time.monotonic()
        status, out, err = run([example("parallel_crawler")],
                               env={"GREENHUB_HUB": hub},
                               text="".join(url + "\n" for url in urls))
        took = time.monotonic() - start
        lines = out.splitlines()
        assert status == 1 and len(lines) == 30, (status, out, err)
        for n, (url, line) in enumerate(zip(urls, lines)):
            assert line.startswith(url + ": "), (n, line)
            if n not in (7, 8, 9):
                assert line.endswith(": %d bytes, ok" % (n * 1000)), line
        assert "timed out" in lines[7], lines[7]
        assert "Protocol error" in lines[8], lines[8]
        assert "Invalid argument" in lines[9], lines[9]
        assert took >= 2, "the limit is 2 s, it took %.1f s" % took
    assert len(nginx.requests()) >= 29 * len(peers.hubs()) - 1
    nginx.stop()


def case_recursive_crawler_sees_each_page_once():
    def links(numbers):
        return "".join('<a href="/%d.html">%d</a>' % (n, n) for n in numbers)

    # A tree of 200 pages, with links up and down and one broken link.
    pages = {"/%d.html" % n: links([n // 2, 2 * n, 2 * n + 1, 1])
             if 2 * n + 1 < 200 else links([n // 2]) for n in range(1, 200)}
    pages["/index.html"] = links([1]) + '<a href="/none.html">'
    pages["/0.html"] = "the end"
    nginx = Nginx(pages)
    status, out, err = run([example("recursive_crawler"), nginx.url + "/"])
    nginx.program.stop()
    lines = out.splitlines()
    asked = [line.split()[6] for line in nginx.requests()]
    nginx.stop()
    assert status == 1 and lines[-1] == "201 pages, 1 failed", (out, err)
    assert "/none.html: Protocol error" in lines, out
    assert len(asked) == len(set(asked)) == 202, len(asked)


def case_feed_scraper_answers_in_order():
    feeds = {"/%d.xml" % n: "<rss><channel><title>Feed %d</title></channel></rss>"
             % n for n in range(40)}
    nginx = Nginx(feeds)
    address = Program([example("feed_scraper"), HERE]).listening()
    numbers = list(range(40))[::-1]
    lines = ["%s/%d.xml" % (nginx.url, n) for n in numbers]
    lines.insert(3, nginx.url + "/none.xml")
    out = through_nc(address, "\r\n".join(lines) + "\r\n")
    wanted = ["Feed %d" % n for n in numbers]
    wanted.insert(3, "?")
    assert out.splitlines() == wanted, out
    nginx.stop()


def case_redis_pool_shares_connections():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/redis.sock"
        server = Program([tool("redis-server"), "--port", "0", "--unixsocket",
                          path, "--dir", folder, "--save", ""])
        peers.until("Redis listens", lambda: os.path.exists(path))

        def redis(*words):
            return run([tool("redis-cli"), "-s", path] + list(words))[1].strip()

        hubs = peers.hubs()
        for hub in hubs:
            # While Redis delays its answers, all greenthreads need a connection.
            redis("CLIENT", "PAUSE", "60000", "WRITE")
            program = Program([example("redis_pool"), "unix://" + path],
                              env={"GREENHUB_HUB": hub})
            peers.until("five connections, besides the one that counts", lambda:
                        len(redis("CLIENT", "LIST").splitlines()) >= 6)
            redis("CLIENT", "UNPAUSE")
            assert program.wait() == 0, program.out + program.err
            assert program.out == ["100 of 100, over 5 connections"], program.out
        assert redis("GET", "visitors") == str(100 * len(hubs))
        # The program discards unusable connections and continues.
        redis("SET", "visitors", "no number")
        status, out, err = run([example("redis_pool"), "unix://" + path])
        assert status == 1 and out.startswith("0 of 100, over 100 "), out
        server.stop()


if __name__ == "__main__":
    peers.main(globals())
