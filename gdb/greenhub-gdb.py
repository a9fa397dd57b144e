"""For gdb: greenthreads of a process or of a core file.

    info greenthreads               all of them, of all OS threads
    greenthread N                   selects one: bt, up, info locals show its stack
    greenthread off                 shows the OS thread itself again
    greenthread apply all COMMAND   for each, such as bt
    greenthread apply N... COMMAND

gdb loads this file together with libgreenhub. It needs the library's debug information,
and writes neither memory nor registers: while a greenthread is selected, an unwinder
tells gdb that the OS thread's innermost frame was called from the place where the
greenthread was suspended. A frame filter hides that innermost frame.
"""

import re
import time

import gdb
import gdb.unwinder

# By architecture: the stack pointer, the program counter, the size of what the
# switch saves, and where in it are the registers (src/context/context_*.S). The
# caller's stack pointer is the end of it.
LAYOUTS = {
    "i386:x86-64": ("rsp", "rip", 64, {
        "r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48, "rip": 56}),
    "aarch64": ("sp", "pc", 176, {
        **{"x%d" % (19 + i): 8 * i for i in range(12)}, "pc": 88}),
    "i386": ("esp", "eip", 28, {
        "edi": 8, "esi": 12, "ebx": 16, "ebp": 20, "eip": 24}),
    "powerpc:common64": ("r1", "pc", 528, {
        **{"r%d" % (14 + i): 32 + 8 * i for i in range(18)}, "pc": 528 + 16}),
    "riscv:rv64": ("sp", "pc", 208, {
        "fp": 0, **{"s%d" % i: 8 * i for i in range(1, 12)}, "pc": 96}),
}
# enum green__state, enum green__thread_flag
UNUSED, DELAYED, RUNNABLE, PARKED, FINISHED = range(5)
STARTED, KILLED = 1, 4
STATES = {DELAYED: "delayed", PARKED: "parked", FINISHED: "finished"}


class Missing(Exception):
    """What gdb would have to know."""


def type_of(name):
    try:
        return gdb.lookup_type("struct " + name)
    except gdb.error:
        raise Missing("gdb has no debug information of libgreenhub") from None


def offset_of(struct, *path):
    offset = 0
    for name in path:
        field = struct[name]
        offset += field.bitpos // 8
        struct = field.type
    return offset


def at(address, struct):
    return gdb.Value(address).cast(type_of(struct).pointer()).dereference()


def symbol_at(pointer):
    """A code address as function and line, or the function's name alone."""
    address = int(pointer)
    if not address:
        return "-"
    named = re.search(r"<(.*?)(\+\d+)?>", str(pointer.cast(
        gdb.lookup_type("void").pointer())))
    where = gdb.find_pc_line(address)
    text = named.group(1) if named else hex(address)
    if where.symtab:
        text += " at %s:%d" % (where.symtab.filename.rsplit("/", 1)[-1], where.line)
    return text


# ---- All greenthreads -------------------------------------------------------------

class Greenthread:
    def __init__(self, value, scheduler, number):
        self.value, self.scheduler, self.number = value, scheduler, number
        self.address = int(value.address)

    def is_current(self):
        return int(self.scheduler["current"]) == self.address

    def is_main(self):
        return int(self.scheduler["main"].address) == self.address

    def started(self):
        return bool(int(self.value["flags"]) & STARTED)

    def suspended_at(self):
        """Its saved stack pointer, or None."""
        if self.is_current() or not self.started():
            return None
        return int(self.value["context"]["sp"]) or None

    def name(self):
        return "main" if self.is_main() else name_of(self.value)

    def state(self):
        state = int(self.value["state"])
        if state != RUNNABLE:
            text = STATES.get(state, "?")
        elif self.is_current():
            text = "running"
        else:
            text = "runnable" if self.started() else "not started"
        return text + (", killed" if int(self.value["flags"]) & KILLED else "")

    def wait(self):
        waiter = self.value["waiter"]
        if int(self.value["state"]) != PARKED or not int(waiter):
            return ""
        if not int(waiter["kind"]):
            return "(its stack is not in this core file)"
        since = now_of(self.scheduler) - int(waiter["since"])
        return "%s since %.3f s" % (kind_of(waiter), max(0, since) / 1e9)

    def function(self):
        if self.is_main():
            return ""
        return symbol_at(self.value["start"]["function"])

    def spawned(self):
        return symbol_at(self.value["spawned_at"])


def name_of(thread):
    extras = thread["extras"]
    return extras["name"].string(errors="replace") if int(extras) else ""


def kind_of(waiter):
    kind = waiter["kind"]
    text = kind["name"].string()
    if int(kind["describe"]) and "<describe_place>" in str(kind["describe"]):
        place = at(int(waiter), "green__place")
        text += " descriptor %d" % int(place["io_waiter"]["fd"])
    return text


def now_of(scheduler):
    """The hub's clock: of a live process its own, else its last reading."""
    hub = scheduler["hub"]
    if not int(hub):
        return 0
    target = gdb.selected_inferior()
    native = target.pid and getattr(target, "connection", None) and (
        target.connection.type == "native")
    if native and not int(hub["module"]["now"]):
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return max(int(hub["iteration_time"]), int(hub["run_start"])
               if not int(hub["module"]["now"]) else 0)


def lists():
    """The head of each copy of the library's list."""
    found = {}
    for file in gdb.objfiles():
        for look in (file.lookup_global_symbol, file.lookup_static_symbol):
            symbol = look("green__schedulers")
            if symbol and symbol.symtab:
                head = symbol.value()
                found[int(head.address)] = head
    if not found:
        raise Missing("gdb has no debug information of libgreenhub")
    return found.values()


def schedulers():
    struct = type_of("green__scheduler")
    offset = offset_of(struct, "others")
    for head in lists():
        link = int(head["next"])
        while link and link != int(head.address):
            scheduler = at(link - offset, "green__scheduler")
            yield scheduler
            link = int(scheduler["others"]["next"])


def rooms(scheduler):
    """The addresses of the greenthreads that are in use."""
    pool = scheduler["stacks"]
    stride = int(pool["room"]) + type_of("green__stack").sizeof
    state = offset_of(type_of("green_thread"), "state")
    memory = gdb.selected_inferior()
    kind = pool["all"]
    while int(kind):
        arena = kind["arenas"]
        while int(arena):
            first, count = int(arena["slots"]), int(arena["carved"])
            if count:
                states = memory.read_memory(first, count * stride)
            for i in range(count):
                if states[i * stride + state] not in (b"\x00", b"\x04"):
                    yield first + i * stride
            arena = arena["next"]
        kind = kind["next"]


def greenthreads():
    number = 0
    for scheduler in schedulers():
        own = [] if int(scheduler["main_is_gone"]) else [scheduler["main"]]
        # The room of the hub's own stack has no greenthread.
        for value in own + [at(room, "green_thread") for room in rooms(scheduler)]:
            number += 1
            yield Greenthread(value, scheduler, number)


# ---- The unwinder -----------------------------------------------------------------

class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class SuspendedUnwinder(gdb.unwinder.Unwinder):
    """While a greenthread is selected: its frames are the callers of the innermost."""

    def __init__(self):
        super().__init__("greenthread")
        self.greenthread = self.thread = self.inner = self.past_main = None

    def select(self, greenthread, layout):
        frame = gdb.newest_frame()
        self.layout = layout
        self.inner = tuple(int(frame.read_register(r)) for r in layout[:2])
        self.thread = gdb.selected_thread().ptid
        self.sp = greenthread.suspended_at()
        self.greenthread = greenthread
        # The innermost frame may be main's, where gdb ends backtraces.
        self.past_main = gdb.parameter("backtrace past-main")
        gdb.execute("set backtrace past-main on", to_string=True)
        gdb.invalidate_cached_frames()

    def clear(self):
        if self.greenthread is not None:
            self.greenthread = None
            if not self.past_main:
                gdb.execute("set backtrace past-main off", to_string=True)
            gdb.invalidate_cached_frames()

    def applies(self):
        thread = gdb.selected_thread()
        return (self.greenthread is not None and thread is not None
                and thread.ptid == self.thread)

    def __call__(self, pending):
        if not self.applies():
            return None
        stack, counter, size, saved = self.layout
        pointer = pending.read_register(stack)
        if (int(pointer), int(pending.read_register(counter))) != self.inner:
            return None
        # An identity below the greenthread's frames, or gdb would take their
        # addresses for those of a corrupt stack.
        info = pending.create_unwind_info(FrameId(
            gdb.Value(self.sp - 16).cast(pointer.type),
            pending.read_register(counter)))
        info.add_saved_register(
            stack, gdb.Value(self.sp + size).cast(pointer.type))
        for name, offset in saved.items():
            info.add_saved_register(name, gdb.Value(self.sp + offset).cast(
                pending.read_register(name).type.pointer()).dereference())
        return info


class HideInnermost:
    name, priority, enabled = "greenthread", 100, True

    def filter(self, frames):
        if unwinder.applies():
            for frame in frames:
                if frame.inferior_frame().type() != gdb.INLINE_FRAME:
                    break
        return frames


# ---- Commands ---------------------------------------------------------------------

def layout_here():
    name = gdb.selected_frame().architecture().name()
    if name not in LAYOUTS or gdb.lookup_global_symbol("green__context_ucontext"):
        raise Missing("it cannot be shown on " + name)
    return LAYOUTS[name]


def select_os_thread(scheduler):
    wanted = int(scheduler["os_thread"])
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == wanted:
            thread.switch()
            return
    # A remote stub may have numbers of its own.
    if len(gdb.selected_inferior().threads()) > 1:
        raise Missing("gdb has no OS thread %d" % wanted)


def select(greenthread):
    unwinder.clear()
    select_os_thread(greenthread.scheduler)
    if greenthread.is_current():
        return
    if greenthread.suspended_at() is None:
        raise Missing("it has not started; it will run "
                      + greenthread.function())
    layout = layout_here()
    at_counter = greenthread.suspended_at() + layout[3][layout[1]]
    if not int(gdb.Value(at_counter).cast(
            type_of("green_thread").pointer().pointer()).dereference()):
        raise Missing("its stack is not in this core file")
    unwinder.select(greenthread, layout)
    frame = gdb.newest_frame()
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    if frame.older() is not None:
        frame.older().select()


def title(greenthread):
    return "Greenthread %d (%s) of OS thread %d: %s" % (
        greenthread.number, greenthread.name() or hex(greenthread.address),
        int(greenthread.scheduler["os_thread"]),
        " ".join(filter(None, (greenthread.state(), greenthread.wait()))))


class Reporting(gdb.Command):
    def invoke(self, argument, from_tty):
        try:
            self.run(argument, from_tty)
        except Missing as what:
            raise gdb.GdbError("%s." % what) from None


class InfoGreenthreads(Reporting):
    """Lists the greenthreads of all OS threads."""

    def __init__(self):
        super().__init__("info greenthreads", gdb.COMMAND_STATUS)

    def run(self, argument, from_tty):
        selected = unwinder.greenthread
        rows = [("Id", "LWP", "Name", "State", "Waits for", "Function")]
        for one in greenthreads():
            mark = "*" if selected and selected.address == one.address else " "
            rows.append((mark + " %d" % one.number, str(int(
                one.scheduler["os_thread"])), one.name() or "-", one.state(),
                one.wait() or "-", one.function()))
        if len(rows) == 1:
            print("No greenthreads.")
            return
        rows[0] = ("  Id",) + rows[0][1:]
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width
                            in zip(row, widths)).rstrip())


class SelectGreenthread(Reporting):
    """Selects greenthread N: backtrace, up, down and info locals then show its stack.

    greenthread N     as `info greenthreads` numbers them
    greenthread off   shows the OS thread itself again"""

    def __init__(self):
        super().__init__("greenthread", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)

    def run(self, argument, from_tty):
        if argument == "off":
            unwinder.clear()
            return
        if not argument:
            print(title(unwinder.greenthread) if unwinder.greenthread
                  else "No greenthread is selected.")
            return
        if not argument.isdigit():
            raise Missing("Which greenthread? A number of `info greenthreads`, or off")
        one = find({int(argument)})[0]
        select(one)
        print("[%s]" % title(one))
        gdb.execute("frame")


def find(numbers):
    found = [one for one in greenthreads() if one.number in numbers]
    if len(found) < len(numbers):
        raise Missing("there is no such greenthread")
    return found


class ApplyGreenthread(Reporting):
    """Applies a command to greenthreads: greenthread apply all|N... COMMAND."""

    def __init__(self):
        super().__init__("greenthread apply", gdb.COMMAND_STACK)

    def run(self, argument, from_tty):
        words = argument.split()
        numbers = set()
        while words and words[0].isdigit():
            numbers.add(int(words.pop(0)))
        if not numbers and words[:1] == ["all"]:
            chosen = list(greenthreads())
            words.pop(0)
        else:
            chosen = find(numbers)
        if not chosen or not words:
            raise Missing("greenthread apply all|N... COMMAND")
        thread, before = gdb.selected_thread(), unwinder.greenthread
        try:
            for one in chosen:
                self.apply(one, " ".join(words))
        finally:
            unwinder.clear()
            thread.switch()
            if before is not None:
                select(before)

    def apply(self, one, command):
        print("\n" + title(one))
        try:
            select(one)
            gdb.execute(command)
        except (Missing, gdb.error) as what:
            print("%s." % what)


# ---- Printers ---------------------------------------------------------------------

class ThreadPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        for one in greenthreads():
            if one.address == int(self.value.address or 0):
                return "greenthread %d (%s): %s" % (
                    one.number, one.name() or "-",
                    " ".join(filter(None, (one.state(), one.wait()))))
        return "greenthread that has finished"


class WaitersPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        names = []
        place = self.value["first"]
        while int(place) and len(names) < 200:
            thread = place["waiter"]["thread"]
            names.append((int(thread) and name_of(thread)) or hex(int(thread)))
            place = place["next"]
        return "nobody" if not names else "%d: %s" % (len(names), ", ".join(names))


class PublicPrinter:
    """A struct without the level `internal`, and without what is reserved."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return None

    def children(self):
        for field in self.value.type.fields():
            value = self.value[field]
            inner = value.type.fields() if field.name == "internal" else ()
            for each in inner:
                if each.name != "reserved":
                    yield each.name, value[each]
            if not inner and field.name != "reserved":
                yield field.name, value


def printer_for(value):
    kind = value.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT or not re.match(
            r"green_[a-z]", kind.tag or ""):
        return None
    if kind.tag == "green_thread":
        return ThreadPrinter(value)
    if kind.tag == "green_waiters":
        return WaitersPrinter(value)
    if any(field.name == "internal" for field in kind.fields()):
        return PublicPrinter(value.cast(kind))
    return None


# gdb loads it once for each copy of the library, and once by hand perhaps.
if not hasattr(gdb, "greenhub_unwinder"):
    unwinder = gdb.greenhub_unwinder = SuspendedUnwinder()
    gdb.unwinder.register_unwinder(None, unwinder)
    gdb.frame_filters[HideInnermost.name] = HideInnermost()
    gdb.pretty_printers.append(printer_for)
    gdb.events.cont.connect(lambda event: unwinder.clear())
    InfoGreenthreads()
    SelectGreenthread()
    ApplyGreenthread()
