"""A result, looked at: times of a repetition, slow-downs, what an event costs, start-up, clocks. All
in seconds, all by CPU time, which other work on the machine disturbs least. A sample too short for
the host's clocks counts as none: less than a tenth of what a part should take. Figures without samples are
None."""

from collections import namedtuple

from . import engines, measure, workloads
from .stats import ratio, spread

CLOCK_SECONDS = 11932 / 1193182  # that a guest waits in the part `clock`

# What makes an emulator leave its fast path: the part that does nothing else, how often a repetition
# does it (None: it counts itself), and the part that is the same without.
Event = namedtuple("Event", "title part number base")

EVENTS = (
    Event("port write", "port", workloads.STORM, None),
    Event("device memory read", "mmio", workloads.STORM, None),
    Event("system call and return", "syscall", workloads.STORM, None),
    Event("page fault and return", "fault", 1024, None),
    Event("`hlt` and waking up", "halt", workloads.HALTS, None),
    Event("interrupt held by `cli`", "window", workloads.HALTS, None),
    Event("timer interrupt (10 kHz)", "tick10000", None, "integer"),
    Event("timer interrupt (100 Hz)", "tick100", None, "integer"),
)

# The computation in parts that are more than that.
NATIVE_OF = {"tick100": "integer", "tick10000": "integer"} | {
    f"mix{rounds}": "integer" for rounds in (10, 100, 1000, 10_000)
}


class Result:
    def __init__(self, data):
        self.data = data
        self.shortest = measure.MODES[data["mode"]]["seconds"] / 10
        self._rows = {}
        self._starts = {}
        for place, engine, number, start_s, parts in data["samples"]:
            self._starts.setdefault((place, engine), {})[number] = start_s
            for part, row in parts.items():
                self._rows.setdefault((place, engine, part), {})[number] = row

    @property
    def places(self):
        return [place for place in ("host", "lab") if place in self.data["machines"]]

    @property
    def machine(self):
        return self.data["machines"]["host"]

    @property
    def kvm_place(self):
        """Where the KVM figures are from; None if there are none."""
        return next((place for place, engine in self._starts if engine == "vmm-kvm"), None)

    def engines(self, place):
        return [each for each in engines.ENGINES if (place, each.name) in self._starts]

    def measured(self):
        """(place, engine, part) of all that has a time."""
        return [key for key in self._rows if self.times(*key)]

    def rows(self, place, engine, part):
        """By round: [count, wall seconds, CPU seconds, ticks, events]."""
        return self._rows.get((place, engine, part), {})

    def times(self, place, engine, part):
        """By round: seconds of a repetition."""
        return {number: row[2] / row[0] for number, row in self.rows(place, engine, part).items()
                if self.is_long(part, row)}

    def is_long(self, part, row):
        """One that sleeps may use little, which is known all the better."""
        return row[2] > 0 and row[1 if part in workloads.TIMED else 2] >= self.shortest

    def time(self, place, engine, part):
        times = self.times(place, engine, part)
        return spread(times.values()) if times else None

    def ratio(self, place, engine, part, base="native", base_part=None):
        """How many times as long as another engine: paired by round."""
        ours = self.times(place, engine, part)
        theirs = self.times(place, base, base_part or NATIVE_OF.get(part, part))
        return ratio(ours, theirs) if ours.keys() & theirs.keys() else None

    def instructions(self, part):
        """Of a repetition: the software CPU's time-stamp counter goes 2 an instruction."""
        rows = self.rows("host", "vmm-soft", part)
        return spread(row[3] / 2 / row[0] for row in rows.values()).median if rows else None

    def mips(self, place, engine, part):
        instructions, time = self.instructions(part), self.time(place, engine, part)
        return instructions / time.median / 1e6 if instructions and time else None

    def event_cost(self, place, engine, event):
        rows = self.rows(place, engine, event.part)
        base = self.times(place, engine, event.base) if event.base else {}
        costs = []
        for number, row in rows.items():
            count, _, cpu, _, events = row
            happened = events if event.number is None else event.number * count
            less = base.get(number, 0) * count
            if self.is_long(event.part, row) and happened and (less or not event.base):
                costs.append((cpu - less) / happened)
        return spread(costs) if costs else None

    def event_rate(self, place, engine, part):
        """Events a second of the host's time."""
        rates = [row[4] / row[1] for row in self.rows(place, engine, part).values() if row[1] > 0]
        return spread(rates) if rates else None

    def start(self, place, engine):
        return spread(self._starts[place, engine].values())

    def clock(self, place, engine):
        """How fast the guest's timer goes by the host's clock: 1 where it keeps time."""
        rates = [row[0] * CLOCK_SECONDS / row[1]
                 for row in self.rows(place, engine, "clock").values() if row[1] > 0]
        return spread(rates) if rates else None

    def exits(self, place):
        """By part: how often a repetition makes the VMM on KVM come back, by reason; and `injected`, the
        interrupts."""
        return {
            part: {reason: max(0, number) / count
                   for reason, number in (by_reason | {"injected": injected}).items()}
            for where, part, count, by_reason, injected in self.data["exits"] if where == place
        }

    def floor(self, place):
        """How many times the bare KVM loop's a port exit costs; and both in seconds."""
        rows = [(bare, ours) for where, bare, ours in self.data["floor"] if where == place]
        if not rows:
            return None
        return tuple(spread(values) for values in (
            (ours / bare for bare, ours in rows),
            (bare / 1e9 for bare, _ in rows),
            (ours / 1e9 for _, ours in rows),
        ))
