#!/usr/bin/env python3
"""Runs the benchmarks, prints a table, writes BUILD/bench.json and charts. What
is measured and how to read it: bench/README.md."""

import argparse
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import chart  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import subjects  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MANY, MANY_IF_QUICK = 1000000, 100000

SLEEPERS = {'resident': 'B', 'page_tables': 'B', 'spawn': 'ns',
            'run_and_sleep': 'ns', 'woken': ''}
FILES = {'cpu_1': 'ns', 'wall_1': 'ns', 'cpu_16': 'ns', 'wall_16': 'ns',
         'cpu_64': 'ns', 'wall_64': 'ns'}
LATE = {'late_median': 'us', 'late_99': 'us'}
TIMERS = {'arm': 'ns', 'cancel_rearm': 'ns', 'cancel': 'ns', 'fire': 'ns'}

# Approximate times in seconds, for the estimate that is printed before the run: to
# start and end a server and its load; the overhead of a slice; of a program, the
# constant part and, in us, the part for each of N.
START, BESIDES = 0.5, 0.04
PROGRAMS = {'yield': (1.5, 0), 'spawn_join': (1, 0),
            'queue_round_trip': (1, 0), 'sleepers': (1.5, 22),
            'files': (1.5, 0), 'files_late': (3.5, 0), 'libraries': (3, 0),
            'create_join': (0.9, 0), 'thread_yield': (0.9, 0),
             'start_wait': (6, 0), 'hook_native': (1.2, 0), 'mutex_pair': (1.2, 0),
             'log_line': (0.2, 0), 'copy': (5, 0), 'dump_20000': (2.5, 0),
             'top_refresh': (5.5, 0), 'timers': (1.2, 7)}


class Plan:
    """Rows that are measured together. asked: their names for --only."""

    def __init__(self, name, asked, session, seconds, make):
        self.name, self.asked, self.session = name, asked, session
        self.seconds, self.make = seconds, make


class Open:
    """A row without a figure, and why."""

    def __init__(self, name, reason):
        self.name, self.reason = name, reason

    def run(self):
        greenhub = subjects.Subject('greenhub', 'greenhub', [], None)
        return [{**measure.row_of(self.name, greenhub, 'ns'),
                 'status': 'not here', 'reason': self.reason}]


def echo_plans(options):
    for name in subjects.ECHO:
        for session in subjects.echo_sessions(options.build, name):
            turns = 2 * options.rounds * (len(session) + 1)
            kind = measure.Echo
            asked = {name, 'echo'} if name.startswith('echo') else {name}
            if name in subjects.PER_CONNECTION:
                kind = measure.PerConnection
                asked = {name, 'thread_per_connection', 'patch'}
            yield Plan(name, asked, session,
                       turns * (START + options.slices *
                                (options.seconds + BESIDES)),
                       lambda wanted, name=name, kind=kind: kind(
                           options, name, wanted))


def short(count):
    return f'{count // 1000000}m' if count >= 1000000 else f'{count // 1000}k'


def micro_plan(options, what, count=None, units=None):
    label = f'{what}_{short(count)}' if count else what
    # A row of which --quick measures fewer is selected by its usual name too.
    asked = {what, label}
    if count == MANY_IF_QUICK:
        asked.add(f'{what}_{short(MANY)}')
    arguments = [] if what == 'timers' else [what]
    arguments += [str(count)] if count else []
    session = subjects.MICRO[what]
    times = 1 if what == 'sleepers' else options.rounds
    once, each = PROGRAMS[what]
    return Plan(label, asked, session,
                times * len(session) * (once + each * 1e-6 * (count or 0)),
                lambda wanted: measure.Micro(
                    options, label, what, wanted, arguments,
                    units or {what: 'ns'}))


def files_plans(options):
    session = subjects.files_session(options.build)
    for name, arguments in subjects.FILES.items():
        late = name == 'files_late'
        once, _ = PROGRAMS[name if late else 'files']
        floor = ('the same timer without reads' if late
                 else 'plain calls, one after the other')
        yield Plan(name, {name, 'files'}, session,
                   options.rounds * len(session) * once,
                   lambda wanted, name=name, arguments=arguments, floor=floor,
                   units=LATE if late else FILES: measure.Files(
                       options, name, wanted, arguments, units, floor))


def libraries_plans(options):
    session = subjects.libraries_session()
    for name, (units, floor) in subjects.LIBRARIES.items():
        yield Plan(name, {name, 'libraries', 'patch'}, session,
                   options.rounds * len(session) * PROGRAMS['libraries'][0],
                   lambda wanted, name=name, units=units, floor=floor:
                   measure.Libraries(options, name, wanted, units, floor))


def patch_plans(options):
    """Small operations of an unmodified program, and of hooks."""
    for name in ('create_join', 'thread_yield'):
        plan = micro_plan(options, name)
        plan.asked.add('patch')
        yield plan
    session = subjects.micro(('greenhub', 'greenhub', 'micro_patch'))
    for name, units in subjects.HOOKS.items():
        yield Plan(name, {name, 'patch'}, session,
                   options.rounds * PROGRAMS[name][0],
                   lambda wanted, name=name, units=units: measure.Files(
                       options, name, wanted, [name], units,
                       "libc's own function"))


def processes_plans(options):
    session = subjects.micro(('greenhub', 'greenhub', 'micro_process'))
    for name, units in subjects.PROCESSES.items():
        yield Plan(name, {name}, session, options.rounds * PROGRAMS[name][0],
                   lambda wanted, name=name, units=units: measure.Files(
                       options, name, wanted, [name], units,
                       'posix_spawn and a pidfd by hand'))


def log_plan(options):
    return Plan('log_line', {'log_line'}, subjects.LOG,
                options.rounds * PROGRAMS['log_line'][0],
                lambda wanted: measure.Files(options, 'log_line', wanted, [],
                                             {'call': 'ns', 'line': 'ns'},
                                             'a write(2)'))


def watched_plans(options):
    session = subjects.micro(('greenhub', 'greenhub', 'watched_greenhub'))
    for name, (argument, units) in subjects.WATCHED.items():
        yield Plan(name, {name, 'watched'}, session,
                   options.rounds * PROGRAMS[name][0],
                   lambda wanted, name=name, argument=argument, units=units:
                   measure.Micro(options, name, 'watched', wanted, [argument],
                                 units))


def copy_plan(options):
    return Plan('copy', {'copy'}, subjects.COPY,
                options.rounds * PROGRAMS['copy'][0],
                lambda wanted: measure.Files(options, 'copy', wanted, [],
                                             {'tcp': 'ns', 'unix': 'ns'},
                                             'recv and send by hand'))


def plans(options):
    yield from echo_plans(options)
    yield from files_plans(options)
    yield from libraries_plans(options)
    yield from patch_plans(options)
    yield from processes_plans(options)
    yield log_plan(options)
    yield copy_plan(options)
    yield from watched_plans(options)
    yield micro_plan(options, 'yield')
    yield micro_plan(options, 'spawn_join')
    for name, reason in subjects.OPEN:
        greenhub = subjects.Subject('greenhub', 'greenhub', [], None)
        yield Plan(name, {name}, [greenhub], 0,
                   lambda _, name=name, reason=reason: Open(name, reason))
    yield micro_plan(options, 'queue_round_trip')
    many = MANY_IF_QUICK if options.quick else MANY
    yield micro_plan(options, 'sleepers', many, SLEEPERS)
    for count in (1000, many):
        yield micro_plan(options, 'timers', count, TIMERS)


def wanted_plans(options):
    """(plan, its subjects that are asked for), by --only and --subject."""
    for plan in plans(options):
        if options.only and not plan.asked & set(options.only):
            continue
        asked = [one for one in plan.session
                 if not options.subject or one.name in options.subject]
        # Keeps the program that a hub is compared with, so that --subject poll has it.
        likes = {one.like or subjects.AGAIN.name for one in asked}
        session = [one for one in plan.session
                   if one in asked or one.name in likes]
        if asked:
            yield plan, session


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('build', nargs='?', default=os.path.join(ROOT, 'build'),
                        help='the build directory (default: build)')
    parser.add_argument('--build', dest='named_build', help='the same')
    parser.add_argument('--rounds', type=int,
                        help='rounds for each row (default: 3)')
    parser.add_argument('--slices', type=int,
                        help='slices of each server in half a round '
                             '(default: 4)')
    parser.add_argument('--seconds', type=float,
                        help='length of a slice (default: 0.1)')
    parser.add_argument('--only', action='append', metavar='NAME',
                        help='rows of this name: echo_100, echo, timers_1m, '
                             'timers, yield ...; may be repeated')
    parser.add_argument('--subject', action='append', metavar='NAME',
                        help='rows of this subject: a hub, greenhub, libuv, '
                             'Go ...; may be repeated')
    parser.add_argument('--quick', action='store_true',
                        help='only check that it works: the figures mean little')
    options = parser.parse_args()
    options.build = options.named_build or options.build
    del options.named_build
    defaults = (1, 2, 0.05) if options.quick else (3, 4, 0.1)
    for name, default in zip(('rounds', 'slices', 'seconds'), defaults):
        if getattr(options, name) is None:
            setattr(options, name, default)
        if getattr(options, name) <= 0:
            parser.error(f'--{name} must be more than 0')
    return options


def carry_out(todo, table):
    rows = []
    for plan, session in todo:
        for row in plan.make(session).run():
            rows.append(row)
            table.row(row)
    return rows


def main():
    options = parse_options()
    began = time.monotonic()
    floor = subjects.program(options.build, 'floor_epoll')
    facts = report.machine(options.build, floor)
    facts['environment'] = measure.environment()
    todo = list(wanted_plans(options))
    if not todo:
        sys.exit('no such row')
    estimate = sum(plan.seconds * len(session) / len(plan.session)
                   for plan, session in todo)
    table = report.Table()
    table.head(facts, estimate)
    stolen, ticks = report.cpu_ticks()
    rows = carry_out(todo, table)
    now_stolen, now_ticks = report.cpu_ticks()
    facts['stolen_percent'] = round(
        100 * (now_stolen - stolen) / max(1, now_ticks - ticks), 2)
    facts['seconds'] = round(time.monotonic() - began)
    path = os.path.join(options.build, 'bench.json')
    report.write_json(path, facts, vars(options), rows)
    charts = chart.write_charts(path, os.path.join(options.build,
                                                   'bench-charts'))
    failed = sum(row['status'] == 'FAILED' for row in rows)
    print(f'\n{len(rows)} rows in {path}, {charts} charts beside it, '
          f'in {facts["seconds"]} s' +
          (f'; {failed} FAILED' if failed else ''))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
