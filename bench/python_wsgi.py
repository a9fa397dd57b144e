#!/usr/bin/env python3
"""Measures greenhub.wsgi beside eventlet.wsgi: the server's CPU time for each request.

    bench/python_wsgi.py [PYTHON] [--rounds N]

wrk loads each server in turn, a second at a time, over 100 connections. The ratio is the
median of those within a round, its quartiles in brackets.
"""

import argparse
import os
import re
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.join(os.path.dirname(HERE), 'build-python', 'venv', 'bin',
                      'python')
SUBJECTS = (
    ('eventlet.wsgi on Eventlet epolls', 'eventlet', 'epolls'),
    ('eventlet.wsgi on greenhub epolls', 'eventlet', 'greenhub.epolls'),
    ('greenhub.wsgi on greenhub epolls', 'greenhub', 'greenhub.epolls'),
    ('greenhub.wsgi on Eventlet epolls', 'greenhub', 'epolls'),
)


class Server:
    def __init__(self, python, *words):
        self.process = subprocess.Popen(
            [python, '-W', 'ignore', os.path.join(HERE, 'python',
                                                  'hello_wsgi.py'),
             *words, '0'], stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().split()[1]

    def seconds(self):
        with open('/proc/%d/stat' % self.process.pid) as file:
            words = file.read().rsplit(')', 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')

    def measure(self):
        """The microseconds of a request."""
        before = self.seconds()
        said = subprocess.run(
            ['wrk', '-t1', '-c100', '-d1s', 'http://127.0.0.1:%s/' % self.port],
            stdout=subprocess.PIPE, check=True, text=True).stdout
        if 'Non-2xx' in said or 'Socket errors' in said:
            raise SystemExit(said)
        requests = int(re.search(r'(\d+) requests in', said).group(1))
        return 1e6 * (self.seconds() - before) / requests


def run(python, log, rounds):
    servers = [Server(python, module, hub, *log)
               for _, module, hub in SUBJECTS]
    found = [[server.measure() for server in servers]
             for _ in range(rounds + 1)][1:]  # the first warms them
    for index, subject in enumerate(SUBJECTS):
        times = [one[index] for one in found]
        ratios = [one[index] / one[0] for one in found]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print('| %s%s | %.1f | %.2f (%.2f - %.2f) |' % (
            subject[0], ', logged' if log else '', statistics.median(times),
            middle, low, high), flush=True)
    for server in servers:
        server.process.kill()
        server.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('python', nargs='?', default=PYTHON)
    parser.add_argument('--rounds', type=int, default=8)
    options = parser.parse_args()
    print('| hello, µs of CPU time a request | | ÷ the first |')
    print('| --- | ---: | ---: |')
    for log in ((), ('log',)):
        run(options.python, log, options.rounds)


if __name__ == '__main__':
    main()
