"""The memory of a server and of the kernel on its behalf."""

import re
import time

# Stacks of OS threads; sockets, descriptors, the kernel's data on OS threads.
KERNEL = ('KernelStack', 'Slab')
OF_PROCESS = ('VmRSS', 'VmPTE')
# While the kernel frees what a former server had: the time for that, a step of
# it, and what is less than noise, in bytes.
PATIENCE, STEP, LITTLE = 5, 0.1, 65536


def lines_of(path, keys):
    """The sum of the lines of these keys, in bytes; the file has kB."""
    with open(path, encoding='ascii') as file:
        found = dict(re.findall(r'^(\w+):\s+(\d+) kB$', file.read(),
                                re.MULTILINE))
    return sum(int(found[key]) * 1024 for key in keys)


def kernel():
    return lines_of('/proc/meminfo', KERNEL)


def of(pid):
    """All of it, in bytes. The kernel's part is that of the whole system: only
    differences mean something."""
    return lines_of(f'/proc/{pid}/status', OF_PROCESS) + kernel()


def settle():
    """Waits until the kernel has freed the memory of servers that ended."""
    before = kernel()
    for _ in range(int(PATIENCE / STEP)):
        time.sleep(STEP)
        now = kernel()
        if now > before - LITTLE:
            return
        before = now
