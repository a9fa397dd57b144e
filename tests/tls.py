#!/usr/bin/env python3
"""TLS with peers that are not greenhub's: openssl s_client and s_server, curl, nginx, and
Python's own, on every hub.
"""

import os
import signal
import socket
import ssl
import subprocess
import tempfile

import peers
from peers import COMMAND, Program, Skip, run, tool, until

FOLDER = tempfile.TemporaryDirectory()
HERE = "tcp://127.0.0.1:0"


def path(name):
    return os.path.join(FOLDER.name, name)


def openssl(*words, **more):
    status, out, err = run([tool("openssl"), *words], **more)
    assert status == 0, err
    return out


def make(name, days="1", issuer="ca", host="host.test", more=()):
    """A certificate NAME.crt with its key; its own issuer if that is its name."""
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:P-256", "-nodes", "-keyout", path(name + ".key"),
               "-out", path(name + ".crt"), "-days", days, "-subj", "/CN=" + host]
    if name != issuer:
        request += ["-CA", path(issuer + ".crt"), "-CAkey", path(issuer + ".key"),
                    "-addext", "subjectAltName=DNS:%s,IP:127.0.0.1" % host,
                    "-addext", "basicConstraints=CA:FALSE"]
    openssl(*request, *more)


def certificates():
    if not os.path.exists(path("good.crt")):
        if not os.path.exists(built()):
            raise Skip("built without OpenSSL")
        make("ca", issuer="ca", host="an authority")
        make("good")


def built():
    return os.path.join(peers.BUILD, "tests", "tls_get")


def serve(*options, hub="poll", **more):
    certificates()
    server = Program([COMMAND, "serve", "--echo", "--listen", HERE, "--hub", hub,
                      "--tls", path("good.crt"), path("good.key"), *options], **more)
    return server, server.listening()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- greenhub serves ---------------------------------------------------------------

def s_client(address, *options, talk=(("ping\n", "\nping"),)):
    """All that it prints. talk: what it is given, and what it then has to print, unless it
    ends."""
    client = Program(
        [tool("openssl"), "s_client", "-connect", "%s:%d" % address, "-servername",
         "host.test", "-verify_hostname", "host.test", "-verify_return_error",
         "-CAfile", path("ca.crt"), *options], stdin=subprocess.PIPE)

    def printed():
        return "\n" + "\n".join(client.out + client.err)

    for text, wanted in talk:
        client.process.stdin.write(text)
        client.process.stdin.flush()
        until("s_client prints %r" % wanted,
              lambda: wanted in printed() or client.process.poll() is not None)
    client.process.stdin.close()
    client.wait()
    return printed()


def case_s_client_of_each_version_on_every_hub():
    for hub in peers.hubs():
        server, address = serve(hub=hub)
        for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            out = s_client(address, option)
            assert "ping" in out and version in out, (hub, out)
            assert "Verify return code: 0 (ok)" in out, out
            assert "Compression: NONE" in out, out
        assert server.stop() == 0


def case_s_client_of_an_old_version_is_refused():
    server, address = serve()
    out = s_client(address, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    assert "protocol version" in out, out
    server.stop()


def case_s_client_without_forward_secrecy_is_refused():
    server, address = serve()
    out = s_client(address, "-tls1_2", "-cipher", "AES128-GCM-SHA256")
    assert "handshake failure" in out, out
    server.stop()


def case_renegotiation_is_refused():
    server, address = serve()
    out = s_client(address, "-tls1_2", talk=[("R\n", "no renegotiation")])
    assert "no renegotiation" in out, out
    # Others are served.
    out = s_client(address, "-tls1_2")
    assert "ping" in out, out
    server.stop()


def case_s_client_updates_its_keys():
    server, address = serve()
    context = ssl.create_default_context(cafile=path("ca.crt"))
    out = s_client(address, "-tls1_3", talk=[("K\n", "KEYUPDATE"), ("ping\n", "\nping")])
    assert "KEYUPDATE" in out and "ping" in out, out
    with context.wrap_socket(peers.connect(address),
                             server_hostname="host.test") as peer:
        peers.echoes(peer, b"x" * 100000)
    server.stop()


def case_s_client_resumes_its_session():
    server, address = serve()
    for option in ("-tls1_2", "-tls1_3"):
        out = s_client(address, option, "-sess_out", path("session"))
        assert "New, " in out, out
        out = s_client(address, option, "-sess_in", path("session"))
        assert "Reused, " in out, out
    server.stop()


def case_many_clients_of_python():
    for hub in peers.hubs():
        server, address = serve("--threads", "2", hub=hub)
        context = ssl.create_default_context(cafile=path("ca.crt"))
        clients = [context.wrap_socket(peers.connect(address),
                                       server_hostname="host.test")
                   for _ in range(50)]
        for number, client in enumerate(clients):
            peers.echoes(client, b"client %d;" % number * 5000)
        for client in clients:
            client.unwrap().close()
        assert server.stop() == 0
        server.line("served 50 connections")


def case_serve_says_what_is_wrong():
    certificates()
    for words, reason in (
            (["none.crt", "good.key"], "none.crt: No such file"),
            (["good.crt", "ca.key"], "is not the key of")):
        status, out, err = run([COMMAND, "serve", "--echo", "--listen", HERE, "--tls",
                                *map(path, words)])
        assert status == 1 and reason in err, err
    status, out, err = run([COMMAND, "serve", "--echo", "--tls", path("good.crt")])
    assert status == 2 and "takes a certificate and its key" in err, err


# ---- The example ------------------------------------------------------------------

def case_example_renews_its_certificate_under_load():
    certificates()
    context = ssl.create_default_context(cafile=path("ca.crt"))
    for hub in peers.hubs():
        make("renewed")
        server = Program([peers.example("tls_echo"), HERE, path("renewed.crt"),
                          path("renewed.key")], env={"GREENHUB_HUB": hub})
        address = server.listening()

        def connected():
            return context.wrap_socket(peers.connect(address),
                                       server_hostname="host.test")

        first = connected()
        serials = {first.getpeercert()["serialNumber"]}
        for round in range(3):
            make("renewed")
            server.process.send_signal(signal.SIGHUP)
            for _ in range(20):
                with connected() as peer:
                    peers.echoes(peer, b"hello")
                    serials.add(peer.getpeercert()["serialNumber"])
            until("it has read the certificate again", lambda: sum(
                "read again" in line for line in server.err) == round + 1)
        with connected() as peer:
            serials.add(peer.getpeercert()["serialNumber"])
        assert len(serials) >= 3, serials
        os.unlink(path("renewed.key"))
        server.process.send_signal(signal.SIGHUP)
        server.line("the old certificate stays: .*renewed.key: No such file", server.err)
        with connected() as peer:
            peers.echoes(peer, b"still here")
        peers.echoes(first, b"from before")
        # Python's clients close without a close_notify, or with unread tickets. No
        # handshake has failed.
        ends = ("certificate", "without a close_notify", "receiving: Connection reset",
                "sending: ")
        assert all(any(end in line for end in ends) for line in server.err), server.err
        server.stop()


# ---- The forwarder, with curl as client ------------------------------------------------

def forwarder(target, *words, hub="poll"):
    certificates()
    program = Program([peers.example("tls_forwarder"), HERE,
                       "tcp://127.0.0.1:%d" % target, *words],
                      env={"GREENHUB_HUB": hub})
    return program, program.listening()


def curl(port, *options, name="host.test", scheme="https"):
    """Its exit status, and what it printed."""
    return run([tool("curl"), "-sS", "--max-time", "15", "--cacert", path("ca.crt"),
                "--resolve", "%s:%d:127.0.0.1" % (name, port), *options,
                "%s://%s:%d/" % (scheme, name, port)])


PAGE = b"page " * 100000


def case_forwarder_takes_tls_off_for_curl_on_every_hub():
    web = peers.web_server(PAGE)
    for hub in peers.hubs():
        program, (_, port) = forwarder(web.server_port, "server", path("good.crt"),
                                       path("good.key"), hub=hub)
        for versions in (("--tls-max", "1.2"), ("--tlsv1.3",)):
            status, out, err = curl(port, *versions)
            assert status == 0 and out == PAGE.decode(), (hub, versions, err)
        status, out, err = curl(port, name="other.test")
        assert status == 60, (status, err)  # the name is not the certificate's
        program.stop()
    web.shutdown()


def case_forwarder_puts_tls_on_for_curl_on_every_hub():
    web = peers.web_server(PAGE)
    back, (_, secure) = forwarder(web.server_port, "server", path("good.crt"),
                                  path("good.key"))
    for hub in peers.hubs():
        front, (_, plain) = forwarder(secure, "client", "host.test", path("ca.crt"),
                                      hub=hub)
        status, out, err = curl(plain, scheme="http")
        assert status == 0 and out == PAGE.decode(), (hub, err)
        front.stop()
    front, (_, plain) = forwarder(secure, "client", "other.test", path("ca.crt"))
    status, out, err = curl(plain, scheme="http")
    assert status != 0
    front.line("hostname mismatch", front.err)
    back.stop()
    web.shutdown()


# ---- greenhub asks --------------------------------------------------------------------

def get(port, *protocols, name="host.test", hub=None):
    env = {"GREENHUB_HUB": hub} if hub else None
    status, out, err = run([built(), "127.0.0.1:%d" % port, name, path("ca.crt"),
                            *protocols], env=env)
    assert err == "", err
    return status, out.splitlines()


def s_server(name="good", *options):
    certificates()
    port = free_port()
    server = Program([tool("openssl"), "s_server", "-accept", "127.0.0.1:%d" % port,
                      "-cert", path(name + ".crt"), "-key", path(name + ".key"),
                      "-www", *options])
    server.line("ACCEPT")
    return server, port


def case_s_server_of_each_version_on_every_hub():
    for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        server, port = s_server("good", option, "-alpn", "http/1.1")
        for hub in peers.hubs():
            status, lines = get(port, "h2", "http/1.1", hub=hub)
            assert status == 0, (hub, lines)
            assert lines == ["%s http/1.1 %s: HTTP/1.0 200 ok" % (version, kind)
                             for kind in ("new", "resumed")], (hub, lines)
        server.stop()


def case_s_server_of_an_old_version_is_refused():
    server, port = s_server("good", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    status, lines = get(port)
    assert status == 1 and "handshake: EPROTO" in lines[0], lines
    server.stop()


def case_s_server_with_another_name_is_refused():
    server, port = s_server()
    status, lines = get(port, name="other.test")
    assert status == 1 and lines[0].startswith("handshake: EKEYREJECTED") and \
        lines[0].endswith("hostname mismatch"), lines
    server.stop()


def case_s_server_whose_staple_says_revoked_is_refused():
    certificates()
    make("revoked")
    index = openssl("x509", "-in", path("revoked.crt"), "-noout", "-serial", "-enddate")
    serial = index.split("serial=")[1].split()[0]
    with open(path("index"), "w") as file:
        file.write("R\t491231235959Z\t200101000000Z\t%s\tunknown\t/CN=host.test\n"
                   % serial)
    openssl("ocsp", "-index", path("index"), "-CA", path("ca.crt"), "-rsigner",
            path("ca.crt"), "-rkey", path("ca.key"), "-issuer", path("ca.crt"),
            "-cert", path("revoked.crt"), "-ndays", "1", "-respout", path("response"),
            "-noverify")
    server, port = s_server("revoked", "-status_file", path("response"))
    status, lines = get(port)
    assert status == 1 and "EKEYREJECTED" in lines[0] and "revoked" in lines[0], lines
    server.stop()


NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {folder}/good.crt;
        ssl_certificate_key {folder}/good.key;
        ssl_protocols {version};
        return 200 "hello";
    }}
}}
"""


def case_nginx_on_every_hub():
    certificates()
    os.chmod(FOLDER.name, 0o755)
    for version in ("TLSv1.2", "TLSv1.3"):
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        port = listener.getsockname()[1]
        with open(path("nginx.conf"), "w") as file:
            file.write(NGINX.format(folder=FOLDER.name, port=port, version=version))
        os.set_inheritable(listener.fileno(), True)
        server = Program([tool("nginx", "/usr/sbin"), "-c", path("nginx.conf"), "-e",
                          path("error.log")], env={"NGINX": "%d;" % listener.fileno()},
                         pass_fds=[listener.fileno()])
        listener.close()
        for hub in peers.hubs():
            status, lines = get(port, "http/1.1", hub=hub)
            assert lines[0] == version + " http/1.1 new: HTTP/1.1 200 OK", (hub, lines)
            assert status == 0 and "resumed" in lines[1] or version == "TLSv1.2", lines
        server.stop()


if __name__ == "__main__":
    peers.main(globals())
