"""Two builds of the VMM: how much CPU time each part of the guest takes in the new one, next to the old one.

Each part has a process of its own, an old and a new one next to each other, in turn which is first; so what
slows the machine for a while slows both. The figure is the median of the pairs' ratios."""

import sys

from . import engines, workloads
from .sample import Failed, run
from .stats import duration, ratio, repetitions

PARTS = {part.name: part for part in workloads.PARTS + workloads.STORMS}


def command(vmm, name, count):
    _, *rest = engines.BY_NAME["vmm-soft"].command({name: count}, None)
    return [vmm, *rest]


def cpu_time(vmm, part, count):
    """Seconds."""
    try:
        return run(command(vmm, part.name, count), {part.name: count}).parts[part.name][2]
    except Failed as failure:
        sys.exit(f"{vmm}, {part.name}: {failure}")


def enough(vmm, part, seconds):
    """How often a part is to be repeated for it to take so long."""
    count = part.least
    for _ in range(2):
        count = repetitions(count, cpu_time(vmm, part, count), seconds)
    return count


def row(old, new, part, rounds, seconds):
    """The part's line of the table."""
    count = enough(old, part, seconds)
    binaries, times = (old, new), ({}, {})  # the two may be the same
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            times[which][number] = cpu_time(binaries[which], part, count)
    change = ratio(times[1], times[0])
    least = [min(each.values()) for each in times]
    each = least[0] / count / part.units
    return (f"| {part.title} | {duration(each)} a {part.unit} | {percent(change.median)} "
            f"| {percent(least[1] / least[0])} | {percent(change.least)} to {percent(change.greatest)} |")


def percent(value):
    return f"{(value - 1) * 100:+.1f} %"


def against(old, names, rounds, seconds):
    """Prints the table, a line at a time; `names` of parts, all if there are none."""
    unknown = set(names) - PARTS.keys()
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print("| part | the old one | the new one, median | by the fastest of each | of a pair |\n|---|---|---|---|---|")
    for name in names or PARTS:
        print(row(old, engines.VMM, PARTS[name], rounds, seconds), flush=True)
