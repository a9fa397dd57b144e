#!/usr/bin/env python3
"""Runs the benchmarks, prints a table and writes build/bench.json. What is
measured and how to read it: bench/README.md."""

import argparse
import collections
import json
import math
import os
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import echo_rounds  # noqa: E402
import report  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Hubs to try when the command does not list them.
HUBS = ['epolls', 'poll', 'selects', 'libevent']
# Not served over the network: its descriptors and its clock are simulated.
NOT_REAL = ['sim']
MICRO_PATIENCE = 600

# run() gives the row's figures, or raises echo_rounds.Failed or Unavailable.
Plan = collections.namedtuple('Plan', 'name subject unit run')


def quartiles(values):
    if len(values) < 2:
        return [values[0], values[0]]
    cuts = statistics.quantiles(values, n=4, method='inclusive')
    return [cuts[0], cuts[2]]


def program(options, name):
    path = os.path.join(options.build, 'bench', name)
    if not os.access(path, os.X_OK):
        raise echo_rounds.Failed(f'{path} is not built')
    return path


def hub_names(options):
    """What `greenhub hubs` lists; whether a hub can be used shows itself."""
    command = os.path.join(options.build, 'greenhub')
    try:
        listed = json.loads(subprocess.run(
            [command, 'hubs', '--json'], stdout=subprocess.PIPE, check=True,
            timeout=30).stdout)
        if isinstance(listed, dict):
            listed = listed['hubs']
        names = [hub['name'] for hub in listed]
    except (OSError, ValueError, LookupError, TypeError,
            subprocess.SubprocessError) as error:
        print(f'note: no list from {command} ({type(error).__name__}); '
              f'trying {", ".join(HUBS)}')
        names = HUBS
    return [name for name in names if name not in NOT_REAL]


# ---- echo --------------------------------------------------------------

def echo(options, connections, server, argument=()):
    """A server's CPU time per request beside the floor's. A round starts both
    twice, in either order, and its ratios are the geometric means of the two;
    the row's ratio is the median of all rounds'."""
    commands = ([program(options, 'floor_epoll'), '0'],
                [program(options, server), *argument, '0'])
    load = (program(options, 'load'), connections, options.seconds)
    floor_times, times, ratios, sleeps = [], [], [], []
    for _ in range(options.rounds):
        halves = []
        for floor_first in (True, False):
            (floor_slices, slices), slept = echo_rounds.half_round(
                commands, floor_first, options.slices, *load)
            floor_times += floor_slices
            times += slices
            sleeps.append(slept)
            halves.append([subject / floor for floor, subject
                           in zip(floor_slices, slices)])
        ratios += [math.sqrt(one * other) for one, other in zip(*halves)]
    return {
        'value': statistics.median(times),
        'floor': statistics.median(floor_times),
        'ratio': statistics.median(ratios),
        'spread': quartiles(ratios),
        'ratios': ratios,
        'sleeps_per_request': statistics.median(s[1] for s in sleeps),
        'floor_sleeps_per_request': statistics.median(s[0] for s in sleeps),
    }


def echo_plans(options, connections, hubs):
    name = f'echo_{connections}'

    def plan(subject, server, *argument):
        return Plan(name, subject, 'ns', lambda: echo(
            options, connections, server, argument))
    yield plan('floor again', 'floor_epoll')
    yield plan('poll by hand', 'floor_poll')
    for hub in hubs:
        yield plan(hub, 'echo_greenhub', hub)


# ---- micro benchmarks --------------------------------------------------

def micro(options, name, *argument):
    """Runs a micro benchmark on the server's core; its figures by name."""
    process = echo_rounds.start([program(options, name), *argument],
                                echo_rounds.cores()[0])
    try:
        output, errors = process.communicate(timeout=MICRO_PATIENCE)
        if process.returncode != 0:
            reason = errors.decode(errors='replace').strip()
            raise echo_rounds.Failed(
                f'status {process.returncode}: {reason or "no reason given"}')
        return {figure['name']: figure
                for figure in json.loads(output)['figures']}
    except subprocess.TimeoutExpired as error:
        raise echo_rounds.Failed(f'not done in {MICRO_PATIENCE} s') from error
    except (ValueError, LookupError) as error:
        raise echo_rounds.Failed(f'what it printed is no result: {error}'
                                 ) from error
    finally:
        echo_rounds.end(process)


def alone(values, best):
    return {'value': statistics.median(values), 'floor': None, 'ratio': None,
            'spread': quartiles(values), 'best': best}


def repeated(options, name):
    """A micro benchmark without a floor, over all rounds."""
    results = [micro(options, 'micro_greenhub', name)[name]
               for _ in range(options.rounds)]
    return alone([one['median'] for one in results],
                 min(one['best'] for one in results))


def yields(options):
    """greenhub's yield and Boost.Context's bare jump, by turns."""
    try:
        program(options, 'micro_boost')
    except echo_rounds.Failed:
        return repeated(options, 'yield')
    floors, values = [], []
    for _ in range(options.rounds):
        floors.append(micro(options, 'micro_boost')['yield'])
        values.append(micro(options, 'micro_greenhub', 'yield')['yield'])
    ratios = [value['median'] / floor['median']
              for value, floor in zip(values, floors)]
    return {
        'value': statistics.median(value['median'] for value in values),
        'floor': statistics.median(floor['median'] for floor in floors),
        'ratio': statistics.median(ratios),
        'spread': quartiles(ratios),
        'best': min(value['best'] for value in values),
    }


def from_one_run(options, what, count, units):
    """Plans for the figures that a single run of a micro benchmark gives."""
    label = f'{count // 1000000}m' if count >= 1000000 else f'{count}'
    results = {}

    def figure(name):
        if not results:
            try:
                results.update(
                    micro(options, 'micro_greenhub', what, str(count)))
            except echo_rounds.Failed as error:
                results['failed'] = error
        if 'failed' in results:
            raise results['failed']
        one = results[name]
        return {'value': one['median'], 'floor': None, 'ratio': None,
                'spread': [one['best'], one['worst']], 'best': one['best']}
    for name, unit in units:
        yield Plan(f'{what}_{label}.{name}', 'greenhub', unit,
                   lambda name=name: figure(name))


SLEEPERS = [('resident', 'B'), ('page_tables', 'B'), ('spawn', 'ns'),
            ('run_and_sleep', 'ns'), ('woken', '')]
TIMERS = [('arm', 'ns'), ('cancel_rearm', 'ns'), ('cancel', 'ns'),
          ('fire', 'ns')]


def plans(options):
    hubs = hub_names(options)
    for connections in (100, 5000):
        yield from echo_plans(options, connections, hubs)
    yield Plan('yield', 'greenhub', 'ns', lambda: yields(options))
    yield Plan('spawn_join', 'greenhub', 'ns',
               lambda: repeated(options, 'spawn_join'))
    many = 100000 if options.quick else 1000000
    yield from from_one_run(options, 'sleepers', many, SLEEPERS)
    for count in (1000, many):
        yield from from_one_run(options, 'timers', count, TIMERS)


# ---- the whole ---------------------------------------------------------

def carry_out(plan):
    row = {'name': plan.name, 'subject': plan.subject, 'value': None,
           'unit': plan.unit, 'floor': None, 'ratio': None}
    try:
        row.update(plan.run(), status='ok')
    except echo_rounds.Unavailable as error:
        row.update(status='not here', reason=str(error))
    except echo_rounds.Failed as error:
        row.update(status='FAILED', reason=str(error))
    return row


def wanted(plan, options):
    names = (plan.name, plan.name.split('.')[0], plan.name.split('_')[0])
    return ((not options.only or any(name in options.only for name in names))
            and (not options.subject or plan.subject in options.subject))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build'),
                        help='the build directory (default: build)')
    parser.add_argument('--rounds', type=int,
                        help='rounds a row (default: 3)')
    parser.add_argument('--slices', type=int,
                        help='turns of each server in a round (default: 10)')
    parser.add_argument('--seconds', type=float,
                        help='length of a slice (default: 0.12)')
    parser.add_argument('--only', action='append', metavar='NAME',
                        help='rows of this name: echo_100, echo, timers_1m, '
                             'timers, yield ...; may be repeated')
    parser.add_argument('--subject', action='append', metavar='NAME',
                        help='rows of this subject: a hub; may be repeated')
    parser.add_argument('--quick', action='store_true',
                        help='does it work? The figures mean little')
    options = parser.parse_args()
    defaults = (1, 4, 0.1) if options.quick else (3, 10, 0.12)
    for name, default in zip(('rounds', 'slices', 'seconds'), defaults):
        if getattr(options, name) is None:
            setattr(options, name, default)
        if getattr(options, name) <= 0:
            parser.error(f'--{name} must be more than 0')
    return options


def main():
    options = parse_options()
    facts = report.machine(
        options.build, os.path.join(options.build, 'bench', 'floor_epoll'))
    todo = [plan for plan in plans(options) if wanted(plan, options)]
    if not todo:
        sys.exit('no such row')
    table = report.Table()
    table.head(facts)
    stolen, ticks = report.cpu_ticks()
    rows = []
    for plan in todo:
        rows.append(carry_out(plan))
        table.row(rows[-1])
    now_stolen, now_ticks = report.cpu_ticks()
    facts['stolen_percent'] = round(
        100 * (now_stolen - stolen) / max(1, now_ticks - ticks), 2)
    path = os.path.join(options.build, 'bench.json')
    report.write_json(path, facts, vars(options), rows)
    failed = sum(row['status'] == 'FAILED' for row in rows)
    print(f'\n{len(rows)} rows in {path}' +
          (f', {failed} FAILED' if failed else ''))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
