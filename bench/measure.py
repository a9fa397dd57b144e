"""Runs the subjects that subjects.py lists, and makes rows of the figures."""

import json
import math
import os
import statistics
import subprocess

import echo_rounds
import memory
import library_servers
import subjects

# A micro benchmark's time limit, in seconds.
PATIENCE = 600
NOT_INSTALLED = 'not built: `make bench-peers` installs what it needs'


def quartiles(values):
    if len(values) < 2:
        return [values[0], values[0]]
    cuts = statistics.quantiles(values, n=4, method='inclusive')
    return [cuts[0], cuts[2]]


def row_of(name, subject, unit, **more):
    return {'name': name, 'subject': subject.name, 'kind': subject.kind,
            'value': None, 'unit': unit, 'floor': None, 'ratio': None, **more}


def failed_row(row, error, peer):
    """A peer's failure is a result; one of greenhub or a floor is an error."""
    if isinstance(error, echo_rounds.Unavailable):
        status = 'not here'
    else:
        status = 'fails' if peer else 'FAILED'
    return {**row, 'status': status, 'reason': str(error)}


def split_by_built(build, wanted):
    """The subjects that are built, and the failures of the others."""
    there = [one for one in wanted if subjects.is_built(build, one)]
    missing = {}
    for one in wanted:
        if one not in there:
            kind = (echo_rounds.Unavailable if one.kind == 'peer'
                    or one.name == 'Boost.Context'
                    or one.command[0].startswith('libraries_')
                    else echo_rounds.Failed)
            missing[one.name] = kind(
                NOT_INSTALLED if kind is echo_rounds.Unavailable
                else f'{one.command[0]} is not built')
    return there, missing


# ---- echo --------------------------------------------------------------

class Echo:
    """Servers' CPU time per request, beside the floor's and each other's. A
    round starts all of them twice, the second time in the reverse order, and a
    ratio is the geometric mean of the two; a row's is the median of all."""

    def __init__(self, options, name, session):
        self.options, self.name, self.session = options, name, session
        self.floor = subjects.echo_floor(name)
        connections, size, fresh = subjects.ECHO[name]
        self.large = ['large'] if size > 4096 else []
        self.load = [subjects.program(options.build, 'load'), 'PORT',
                     str(connections), f'{options.seconds}s', str(size),
                     *(['fresh'] if fresh else [])]

    def command(self, subject):
        port = [] if self.name == subjects.THREADS else ['0']
        return [*subjects.command(self.options.build, subject), *port,
                *self.large]

    def run(self):
        there, self.failures = split_by_built(
            self.options.build, [self.floor, *self.session])
        self.rounds = []
        for _ in range(self.options.rounds):
            self.rounds.append([self.half_round(there[::way])
                                for way in (1, -1)])
        return [row for subject in self.session for row in self.rows(subject)]

    def rows(self, subject):
        yield self.row(subject)

    def half_round(self, order):
        commands = {one.name: self.command(one) for one in order
                    if one.name not in self.failures}
        half = echo_rounds.HalfRound(commands, self.load, self.options.slices)
        self.failures.update(half.failures)
        return half

    def times(self, name):
        return [time for halves in self.rounds for half in halves
                for time in half.times[name]]

    def ratios(self, name, floor):
        return [math.sqrt(first * second) for halves in self.rounds
                for first, second in zip(*(
                    [time / by for time, by
                     in zip(half.times[name], half.times[floor])]
                    for half in halves))]

    def slept(self, name):
        return statistics.median(half.slept[name] for halves in self.rounds
                                 for half in halves)

    def row(self, subject):
        row = row_of(self.name, subject, 'ns')
        floor = self.floor.name
        for needed in (subject, self.floor):
            if needed.name in self.failures:
                return failed_row(row, self.failures[needed.name],
                                  needed.kind == 'peer')
        ratios = self.ratios(subject.name, floor)
        row.update(
            status='ok', value=statistics.median(self.times(subject.name)),
            floor=statistics.median(self.times(floor)),
            floor_subject=floor, ratio=statistics.median(ratios),
            spread=quartiles(ratios), ratios=ratios,
            sleeps_per_request=self.slept(subject.name),
            floor_sleeps_per_request=self.slept(floor))
        if subject.like and subject.like not in self.failures:
            like = self.ratios(subject.name, subject.like)
            row.update(like_floor=subject.like,
                       like_ratio=statistics.median(like),
                       like_spread=quartiles(like))
        return row


class PerConnection(Echo):
    """The same, and the memory of a connection. The kernel's part is that of the
    whole system: other programs that start and end make noise."""

    def half_round(self, order):
        memory.settle()
        return super().half_round(order)

    def rows(self, subject):
        row = {**self.row(subject), 'figure': 'cpu'}
        yield row
        if row['status'] == 'ok':
            yield self.memory_row(subject)

    def bytes_each(self, name):
        connections = subjects.ECHO[self.name][0]
        return [half.memory[name] / connections for halves in self.rounds
                for half in halves]

    def memory_row(self, subject):
        row = row_of(self.name, subject, 'B', figure='memory')
        values, floors = (self.bytes_each(name) for name
                          in (subject.name, self.floor.name))
        if min(values + floors) <= 0:
            return failed_row(row, echo_rounds.Unavailable(
                'other programs free memory meanwhile'), False)
        ratios = [value / by for value, by in zip(values, floors)]
        return {**row, 'status': 'ok', 'value': statistics.median(values),
                'floor': statistics.median(floors),
                'floor_subject': self.floor.name,
                'ratio': statistics.median(ratios),
                'spread': quartiles(ratios), 'ratios': ratios}


# ---- micro benchmarks --------------------------------------------------

def run_micro(build, subject, arguments):
    """Runs a micro benchmark on the server's core; its figures by name."""
    command = [*subjects.command(build, subject), *arguments]
    process = echo_rounds.start(command, echo_rounds.cores()[0])
    try:
        output, errors = process.communicate(timeout=PATIENCE)
        if process.returncode != 0:
            reason = errors.decode(errors='replace').strip()
            if process.returncode in echo_rounds.STATUSES_UNAVAILABLE:
                raise echo_rounds.Unavailable(reason)
            raise echo_rounds.Failed(
                f'status {process.returncode}: {reason or "no reason given"}')
        return {figure['name']: figure
                for figure in json.loads(output)['figures']}
    except subprocess.TimeoutExpired as error:
        raise echo_rounds.Failed(f'not done in {PATIENCE} s') from error
    except (ValueError, LookupError) as error:
        raise echo_rounds.Failed(f'what it printed is no result: {error}'
                                 ) from error
    finally:
        echo_rounds.end(process)


class Micro:
    """Programs that alternate, each of which prints its own figures."""

    def __init__(self, options, name, what, wanted, arguments, units):
        """name: the rows'; what: the key in subjects.MICRO; wanted: the
        selected subjects; units: {figure: unit}."""
        self.options, self.name, self.units = options, name, units
        self.floor = subjects.MICRO[what][0] \
            if what in subjects.WITH_FLOOR else None
        if self.floor and self.floor.kind == 'greenhub':
            self.floor = None
        self.wanted = wanted
        self.arguments = arguments
        self.rounds = 1 if what == 'sleepers' else options.rounds

    def run(self):
        order = list(self.wanted)
        if self.floor and self.floor not in order:
            order.insert(0, self.floor)
        there, self.failures = split_by_built(self.options.build, order)
        self.results = {one.name: [] for one in there}
        for number in range(self.rounds):
            for one in there[::1 if number % 2 == 0 else -1]:
                self.one_run(one)
        return [row for one in self.wanted for row in self.rows(one)]

    def one_run(self, subject):
        if subject.name in self.failures:
            return
        try:
            self.results[subject.name].append(
                run_micro(self.options.build, subject, self.arguments))
        except echo_rounds.Failed as error:
            self.failures[subject.name] = error

    def medians(self, name, figure):
        return [result[figure]['median'] for result in self.results[name]]

    def rows(self, subject):
        if subject.name in self.failures:
            yield failed_row(row_of(self.name, subject, ''),
                             self.failures[subject.name],
                             subject.kind == 'peer')
            return
        for figure, unit in self.units.items():
            more = {'figure': figure} if len(self.units) > 1 else {}
            yield self.good_row(row_of(self.name, subject, unit, **more),
                                subject, figure)

    def good_row(self, row, subject, figure):
        values = self.medians(subject.name, figure)
        row.update(status='ok', value=statistics.median(values),
                   spread=quartiles(values),
                   best=min(result[figure]['best']
                            for result in self.results[subject.name]))
        floor = self.floor
        if floor and floor != subject and floor.name not in self.failures:
            floors = self.medians(floor.name, figure)
            ratios = [value / by for value, by in zip(values, floors)]
            row.update(floor=statistics.median(floors),
                       floor_subject=floor.name,
                       ratio=statistics.median(ratios),
                       spread=quartiles(ratios), ratios=ratios)
        return row


class Files(Micro):
    """Programs that measure their own floor: FIGURE_floor beside FIGURE."""

    def __init__(self, options, name, wanted, arguments, units, floor):
        self.options, self.name, self.units = options, name, units
        self.wanted, self.arguments = wanted, arguments
        self.rounds, self.floor, self.own_floor = options.rounds, None, floor

    def good_row(self, row, subject, figure):
        row = super().good_row(row, subject, figure)
        floors = self.medians(subject.name, figure + '_floor')
        ratios = [value / by for value, by in zip(
            self.medians(subject.name, figure), floors)]
        row.update(floor=statistics.median(floors),
                   floor_subject=self.own_floor,
                   ratio=statistics.median(ratios),
                   spread=quartiles(ratios), ratios=ratios)
        return row


class Libraries(Files):
    """The same, beside real servers. A library or server that is not installed
    is no failure."""

    def __init__(self, options, name, wanted, units, floor):
        super().__init__(options, name, wanted, [], units, floor)

    def one_run(self, subject):
        if subject.name in self.failures:
            return
        try:
            arguments = library_servers.arguments(subject.name)
            self.results[subject.name].append(
                run_micro(self.options.build, subject, arguments))
        except echo_rounds.Failed as error:
            self.failures[subject.name] = error


def environment():
    """The environment variables that could change the results."""
    return {key: value for key, value in os.environ.items()
            if key.startswith(('GREENHUB_', 'GODEBUG', 'GOMAXPROCS', 'GOGC',
                               'LIBEV_', 'EVENT_', 'UV_'))}
