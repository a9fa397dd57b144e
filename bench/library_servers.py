"""Real servers for the programs libraries_*.c: those of the tests, each started when
a row first needs it."""

import os
import sys

import echo_rounds

TESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                     'tests')
sys.path[:0] = [TESTS, os.path.join(TESTS, 'patch_libraries')]

import peers  # noqa: E402
import servers  # noqa: E402


def hiredis():
    return [str(servers.redis()[1])]


def libpq():
    return ['host=%s port=%d user=postgres' % servers.postgres()]


def libcurl():
    return ['http://localhost:%d/slow' % servers.nginx()[0]]


def libcurl_with_tls():
    _, port, certificate = servers.nginx()
    return ['https://localhost:%d/slow' % port, certificate]


def arguments(name):
    """What the program of this name is told: where its server is."""
    try:
        return globals()[name.lower().replace(' ', '_')]()
    except peers.Skip as why:
        raise echo_rounds.Unavailable(str(why)) from why
    except (AssertionError, OSError) as error:
        raise echo_rounds.Failed(str(error)) from error
