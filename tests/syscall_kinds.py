"""Started by syscalls.py under strace: reads and writes each kind of descriptor
several times, each call between two access(2) calls that mark it. Arguments: the
library, the number of calls."""

import array
import ctypes
import fcntl
import os
import pty
import signal
import socket
import sys
import tempfile
import termios
import tty

LIBRARY, TIMES = sys.argv[1], int(sys.argv[2])
lib = ctypes.PyDLL(LIBRARY, use_errno=True)
libc = ctypes.PyDLL(None, use_errno=True)
lib.green_read.restype = lib.green_write.restype = ctypes.c_ssize_t
for call in (lib.green_read, lib.green_write):
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
lib.green_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint]

folder = tempfile.mkdtemp(prefix="greenhub-syscalls-")
ROOM = 1 << 12
buffer = ctypes.create_string_buffer(ROOM)
ONE = (1).to_bytes(8, sys.byteorder)


def path(name):
    return os.path.join(folder, name)


def measure(name, call, fd, text, size, prepare=None):
    """Marks the first call apart, since it may query the descriptor's kind."""
    for n in range(TIMES + 1):
        if prepare:
            prepare()
        mark = "/%s/%s" % ("first" if n == 0 else "then", name)
        os.access(mark, 0)
        done = call(fd, text, size)
        os.access("/end", 0)
        assert done > 0, (name, done, os.strerror(ctypes.get_errno()))


def both(name, reads, writes, size=8, feed=None, drain=None):
    """Measures writes and reads. `drain` and `feed` prepare each, by plain calls."""
    if writes is not None:
        measure(name + "/write", lib.green_write, writes, ONE, size, drain)
    if reads is not None:
        measure(name + "/read", lib.green_read, reads, buffer, size, feed)


def pair(name, reads, writes, plain_in, plain_out):
    both(name, reads, writes, 8, lambda: os.write(plain_in, ONE))
    while select_read(plain_out):
        os.read(plain_out, ROOM)


def select_read(fd):
    import select
    return select.select([fd], [], [], 0)[0]


def green_two(call, *args):
    fds = (ctypes.c_int * 2)()
    assert call(*args, fds) == 0
    return list(fds)


def sockets():
    a, b = green_two(lib.green_socketpair, socket.AF_UNIX, socket.SOCK_STREAM,
                     0)
    both("green unix socket", a, a, 8, lambda: os.write(b, ONE))
    a, b = socket.socketpair()
    both("foreign unix socket", a.fileno(), a.fileno(), 8,
         lambda: b.send(ONE))
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer = server.accept()[0]
    both("foreign TCP socket", client.fileno(), client.fileno(), 8,
         lambda: peer.send(ONE))
    green = lib.green_socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    libc.connect(green, *address_of(server))
    peer = server.accept()[0]
    both("green TCP socket", green, green, 8, lambda: peer.send(ONE))
    keep.extend([client, peer, server, a, b])


keep = []


def address_of(server):
    port = server.getsockname()[1]
    raw = (socket.AF_INET.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big")
           + bytes([127, 0, 0, 1]) + bytes(8))
    return raw, len(raw)


def pipes():
    reads, writes = os.pipe()
    both("foreign pipe", reads, writes, 8, lambda: os.write(writes, ONE))

    def two(fds):
        return lib.green_pipe2(fds, os.O_CLOEXEC)
    reads, writes = green_two(two)
    both("green pipe", reads, writes, 8, lambda: os.write(writes, ONE))
    os.mkfifo(path("fifo"))
    fd = os.open(path("fifo"), os.O_RDWR)
    both("foreign FIFO", fd, fd, 8, lambda: os.write(fd, ONE))
    fd = lib.green_open(path("fifo").encode(), os.O_RDWR, 0)
    both("green FIFO", fd, fd, 8, lambda: os.write(fd, ONE))


def files():
    with open(path("file"), "wb") as file:
        file.write(bytes(ROOM * (TIMES + 9)))
    for made in ("foreign", "green"):
        for way, flags in (("read", os.O_RDONLY), ("write", os.O_WRONLY)):
            fd = (os.open(path("file"), flags) if made == "foreign" else
                  lib.green_open(path("file").encode(), flags, 0))
            both(made + " file", fd if way == "read" else None,
                 fd if way == "write" else None, ROOM)
            os.close(fd)
            if made == "green":
                lib.green_hub_forget(ctypes.c_void_p(lib.green_get_hub()), fd)


def terminals():
    master, terminal = pty.openpty()
    tty.setraw(terminal)
    both("foreign terminal", terminal, terminal, 8,
         lambda: os.write(master, ONE))
    while select_read(master):
        os.read(master, ROOM)
    both("foreign terminal's master", master, master, 8,
         lambda: os.write(terminal, ONE))
    fd = lib.green_open(os.ttyname(terminal).encode(),
                        os.O_RDWR | os.O_NOCTTY, 0)
    termios.tcflush(terminal, termios.TCIOFLUSH)
    both("green terminal", fd, fd, 8, lambda: os.write(master, ONE))


def others():
    fd = libc.eventfd(0, 0)
    both("foreign eventfd", fd, fd, 8,
         lambda: os.write(fd, ONE))
    fd = libc.timerfd_create(1, 0)
    times = array.array("q", [0, 1, 0, 1])
    start = times.tobytes()

    def fire():
        libc.timerfd_settime(fd, 0, start, None)
        while not select_read(fd):
            pass
    both("foreign timerfd", fd, None, 8, fire)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    mask = (1 << (signal.SIGUSR1 - 1)).to_bytes(128, sys.byteorder)
    signals = libc.signalfd(-1, mask, 0)
    both("foreign signalfd", signals, None, 128,
         lambda: os.kill(os.getpid(), signal.SIGUSR1))
    watch = libc.inotify_init1(0)
    libc.inotify_add_watch(watch, folder.encode(), 0x100)  # IN_CREATE
    names = iter(range(1000))
    both("foreign inotify", watch, None, ROOM,
         lambda: os.close(os.open(path("new%d" % next(names)),
                                  os.O_CREAT | os.O_WRONLY)))
    for name in ("/dev/null", "/dev/zero"):
        for made in ("foreign", "green"):
            fd = (os.open(name, os.O_RDWR) if made == "foreign" else
                  lib.green_open(name.encode(), os.O_RDWR, 0))
            both("%s %s" % (made, name[1:].replace("/", " ")),
                 fd if name == "/dev/zero" else None, fd)


lib.green_get_hub.restype = ctypes.c_void_p
assert lib.green_get_hub()
try:
    sockets()
    pipes()
    files()
    terminals()
    others()
finally:
    import shutil
    shutil.rmtree(folder)
