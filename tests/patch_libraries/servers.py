"""Real servers from Debian's packages, each a scratch one of the script's own: it is
started when a case first asks for it, and is gone when the script ends.
"""

import atexit
import contextlib
import functools
import glob
import http.server
import os
import pwd
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading

import peers
from peers import Skip


def can_have_servers():
    if os.environ.get("GREENHUB_CHECKER") == "valgrind":
        raise Skip("valgrind would run the server as well")


def folder(who=None):
    """A temporary folder that other users may enter; who: its owner."""
    path = tempfile.mkdtemp(prefix="greenhub-test-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    os.chmod(path, 0o755)
    if who:
        os.chown(path, who["user"], who["group"])
    return path


def unprivileged(name="postgres"):
    """How to start what refuses to be root: as a user that Debian's packages
    have made. Who is not root starts it as himself."""
    if os.getuid() != 0:
        return {}
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise Skip("root needs a user %s to run this server as" % name)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def free_port():
    """Free a moment ago: what cannot be told to take any needs one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process, number):
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(peers.PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start(argv, log, ready, who, ends=signal.SIGTERM, **more):
    """Starts a server, and waits until it is ready."""
    with open(log, "wb") as file:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True, **who, **more)
    atexit.register(end, process, ends)
    peers.until("%s is ready" % argv[0],
                lambda: process.poll() is not None or ready())
    if process.poll() is not None:
        with open(log, errors="replace") as file:
            raise AssertionError("%s has ended: %s" % (argv[0], file.read()))


def prepare(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=4 * peers.PATIENCE, **more)
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def accepts(address, family=socket.AF_UNIX):
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def accepts_at(port):
    return accepts(("127.0.0.1", port), socket.AF_INET)


def postgres_tool(name):
    """The newest PostgreSQL's; Debian keeps them out of PATH."""
    found = glob.glob("/usr/lib/postgresql/*/bin/" + name)
    if not found:
        raise Skip("postgresql is not installed")
    return max(found, key=lambda path: int(path.split("/")[4]))


def certificate(path):
    """A certificate for localhost, signed by itself: its file and the key's."""
    cert, key = os.path.join(path, "cert.pem"), os.path.join(path, "key.pem")
    prepare([peers.tool("openssl"), "req", "-x509", "-newkey", "ec",
             "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", key, "-out", cert])
    return cert, key


@functools.lru_cache(maxsize=None)
def postgres():
    """(the folder of its socket, its port); it has TLS."""
    can_have_servers()
    who = unprivileged()
    postgres_server = postgres_tool("postgres")
    path, port = folder(who), free_port()
    data = os.path.join(path, "data")
    prepare([postgres_tool("initdb"), "--no-sync", "--auth=trust",
             "--username=postgres", "-D", data], cwd=path, **who)
    cert, key = certificate(path)
    os.chmod(key, 0o600)
    if who:
        os.chown(key, who["user"], who["group"])
    options = {"listen_addresses": "127.0.0.1", "port": port, "fsync": "off",
               "ssl": "on", "ssl_cert_file": cert, "ssl_key_file": key,
               "max_connections": 400, "shared_buffers": "32MB",
               # A backend whose client has gone ends its query.
               "client_connection_check_interval": "100ms"}
    settings = [word for name, value in options.items()
                for word in ("-c", "%s=%s" % (name, value))]
    ready = [postgres_tool("pg_isready"), "-q", "-h", path, "-p", str(port)]
    start([postgres_server, "-D", data, "-k", path, *settings],
          os.path.join(path, "log"),
          lambda: subprocess.run(ready).returncode == 0,
          who, signal.SIGQUIT, cwd=path)
    return path, port


@functools.lru_cache(maxsize=None)
def redis():
    """(the path of its socket, its port)."""
    can_have_servers()
    path, port = folder(), free_port()
    where = os.path.join(path, "redis.sock")
    start([peers.tool("redis-server"), "--port", str(port),
           "--bind", "127.0.0.1", "--unixsocket", where, "--save", "",
           "--appendonly", "no", "--dir", path], os.path.join(path, "log"),
          lambda: accepts(where), {})
    return where, port


@functools.lru_cache(maxsize=None)
def mariadb():
    """(the path of its socket, its port)."""
    can_have_servers()
    server = peers.tool("mariadbd", "/usr/sbin")
    install = peers.tool("mariadb-install-db")
    who = unprivileged("mysql")
    path, port = folder(who), free_port()
    data, where = os.path.join(path, "data"), os.path.join(path, "socket")
    prepare([install, "--no-defaults", "--datadir=" + data,
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            cwd=path, **who)
    first = os.path.join(path, "first.sql")
    with open(first, "w") as file:
        file.write("CREATE DATABASE test;\nCREATE USER test@localhost;\n"
                   "GRANT ALL ON test.* TO test@localhost;\n"
                   "GRANT PROCESS, CONNECTION ADMIN ON *.* "
                   "TO test@localhost;\n")
    start([server, "--no-defaults", "--datadir=" + data, "--socket=" + where,
           "--port=%d" % port, "--bind-address=127.0.0.1",
           "--init-file=" + first, "--max-connections=400",
           "--pid-file=" + os.path.join(path, "pid"),
           "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=8M"],
          os.path.join(path, "log"), lambda: accepts(where), who, cwd=path)
    return where, port


NGINX = """
daemon off;
worker_processes 1;
pid {path}/pid;
error_log {path}/error;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {path}/body;
    proxy_temp_path {path}/proxy;
    fastcgi_temp_path {path}/fastcgi;
    uwsgi_temp_path {path}/uwsgi;
    scgi_temp_path {path}/scgi;
    proxy_buffering off;
    server {{
        listen 127.0.0.1:{plain} backlog=1024;
        {named}
        listen 127.0.0.1:{tls} ssl backlog=1024;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        location = /small {{ return 200 "small"; }}
        location = /slow {{ # its headers, and 0.2 s later its bytes
            root {path}/files;
            sendfile on;
            sendfile_max_chunk 2k;
            limit_rate 10k;
        }}
        location = /large {{ root {path}/files; }}
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_read_timeout 600s;
        }}
    }}
}}
"""


class Gate(socketserver.ThreadingTCPServer):
    """A web server that answers /gate when a hundred such requests are there,
    and /never never."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, crowd=100):
        super().__init__(("127.0.0.1", 0), Gatekeeper)
        self.barrier = threading.Barrier(crowd)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        pass  # who asked has gone


class Gatekeeper(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/never":
            self.rfile.read(1)  # until the other end is closed
            return
        self.server.barrier.wait(peers.PATIENCE)
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"gate\n")

    def log_message(self, *unused):
        pass


@functools.lru_cache(maxsize=None)
def host_name():
    """(a name of this machine's loopback interface, its address). libcurl looks
    "localhost" up by itself, without its resolver."""
    names = []
    with open("/etc/hosts") as file:
        for line in file:
            names += line.split("#")[0].split()[1:]
    for name in [socket.gethostname(), *names]:
        with contextlib.suppress(OSError):
            address = socket.gethostbyname(name)
            if address.startswith("127.") and "localhost" not in name:
                return name, address
    raise Skip("/etc/hosts has no name but localhost for 127.0.0.1")


def listen_at_host_name(port):
    with contextlib.suppress(Skip):
        address = host_name()[1]
        if address != "127.0.0.1":
            return "listen %s:%d backlog=1024;" % (address, port)
    return ""


@functools.lru_cache(maxsize=None)
def nginx():
    """(its port, its port with TLS, its certificate); see NGINX."""
    can_have_servers()
    server = peers.tool("nginx", "/usr/sbin")
    path = folder()
    cert, key = certificate(path)
    plain, tls = free_port(), free_port()
    os.mkdir(os.path.join(path, "files"))
    for name, size in (("large", 200000), ("slow", 2000)):
        with open(os.path.join(path, "files", name), "wb") as file:
            file.write(b"x" * size)
    config = os.path.join(path, "config")
    with open(config, "w") as file:
        file.write(NGINX.format(
            path=path, plain=plain, tls=tls, cert=cert, key=key,
            named=listen_at_host_name(plain),
            behind=Gate().server_address[1]))
    start([server, "-p", path, "-c", config, "-e", os.path.join(path, "error")],
          os.path.join(path, "log"), lambda: accepts_at(plain), {})
    return plain, tls, cert


SSHD = """
ListenAddress 127.0.0.1
Port {port}
HostKey {path}/host
AuthorizedKeysFile {path}/login.pub
PidFile {path}/pid
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 1000
"""


@functools.lru_cache(maxsize=None)
def sshd():
    """(its port, the user it lets in, that user's key). It is the user's own, who
    is not root."""
    can_have_servers()
    server = peers.tool("sshd", "/usr/sbin")
    who = unprivileged()
    user = pwd.getpwuid(who.get("user", os.getuid()))
    if "nologin" in user.pw_shell or user.pw_shell.endswith("false"):
        raise Skip("the user %s has no shell" % user.pw_name)
    path, port = folder(who), free_port()
    for name in ("host", "login"):
        prepare([peers.tool("ssh-keygen"), "-q", "-t", "ecdsa", "-m", "PEM",
                 "-N", "", "-f", os.path.join(path, name)], cwd=path, **who)
    config = os.path.join(path, "config")
    with open(config, "w") as file:
        file.write(SSHD.format(port=port, path=path))
    start([server, "-D", "-e", "-f", config], os.path.join(path, "log"),
          lambda: accepts_at(port), who, cwd=path)
    return port, user.pw_name, os.path.join(path, "login")
