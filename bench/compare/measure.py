"""Measures: each engine in turn, round after round, then what the VMM's exits were, and the bare KVM
loop. Where this host's KVM doesn't work the KVM part is done again inside the lab, by this file, too.

The result is a dictionary, a JSON file: `samples` are rows (place, engine, round, seconds to the
guest's first line, {part: [count, wall s, CPU s, TSC ticks, events]}), `exits` rows (place, part, count,
{reason: number}, interrupts injected), `floor` rows (place, ns of a port exit in the bare loop,
in vmm), `skipped` rows (place, engine, why). Nothing measured is left out."""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time

from . import engines, workloads
from .sample import Failed, run
from .stats import duration, repetitions

SCHEMA = 1
EXIT_REASONS = ("port", "mmio", "halted", "window", "kicked")
FLOOR_IMAGE = "build/bench/port_storm.bin"
FLOOR_EXITS = 20_001  # of that image
LAB_RESULT = "build/bench/lab.json"

# rounds: at most, as far as the budget (seconds, of a place) goes; seconds: that each part should take;
# all: the large ones, too; floor: runs of the bare loop
MODES = {
    "full": {"rounds": 5, "budget": 240, "seconds": 0.2, "all": True, "floor": 5},
    "quick": {"rounds": 1, "budget": 0, "seconds": 0.02, "all": False, "floor": 1},
    "once": {"rounds": 1, "budget": 0, "seconds": 0.005, "all": False, "floor": 1},
}


class Progress:
    """A line on standard error for each step, with the time left: that of the steps to come, by the
    last time that a step of the same name took."""

    def __init__(self, place):
        self.place = place
        self.left, self.took = [], {}

    def plan(self, steps):
        self.left = list(steps)

    def step(self, name, text):
        """To be used as `with`: times the step, the next one of the plan."""
        left = sum(self.took.get(each, 0) for each in self.left)
        note = f", {duration(left)} left" if left >= 1 else ""
        print(f"  {self.place}: {text}{note}", file=sys.stderr, flush=True)
        return Step(self, name)


class Step:
    def __init__(self, progress, name):
        self.progress, self.name = progress, name

    def __enter__(self):
        self.start = time.monotonic()

    def __exit__(self, *_):
        self.progress.took[self.name] = time.monotonic() - self.start
        if self.name in self.progress.left:
            self.progress.left.remove(self.name)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def cpu_model():
    found = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    return found.group(1).strip() if found else platform.machine()


def machine(verdict, place):
    """The lab sees the host's programs: there they are not asked once more, which takes seconds."""
    programs = {"vmm": engines.VMM, "qemu": engines.QEMU, "bochs": "bochs"} if place == "host" else {}
    return {
        "cpu": cpu_model(),
        "hypervisor": "hypervisor" in read("/proc/cpuinfo"),
        "processors": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
        "probe": verdict,
        "versions": {name: ".".join(map(str, engines.version_of(program)))
                     for name, program in programs.items()},
    }


class Place:
    """Where engines run side by side: this host, or the lab."""

    def __init__(self, name, mode, only=None):
        self.name, self.mode = name, mode
        self.works, verdict = engines.kvm_verdict()
        self.machine = machine(verdict, name)
        self.progress = Progress(name)
        self.samples, self.exits, self.floor, self.skipped = [], [], [], []
        self.engines = []
        for engine in engines.ENGINES:
            if only and engine.name not in only:
                continue
            why = engines.missing(engine, self.works)
            if why:
                self.skip(engine, why)
            else:
                self.engines.append(engine)

    def skip(self, engine, why):
        print(f"  {self.name}: {engine.title} skipped: {why}", file=sys.stderr, flush=True)
        self.skipped.append([self.name, engine.name, why])

    def result(self):
        return {"samples": self.samples, "exits": self.exits, "floor": self.floor,
                "skipped": self.skipped, "machines": {self.name: self.machine}}

    def measure(self):
        rounds = self.mode["rounds"]
        has_kvm = self.works and any(engine.kvm for engine in self.engines)
        self.progress.plan([engine.name for engine in self.engines] * rounds
                           + (["exits"] + ["floor"] * self.mode["floor"]) * has_kvm)
        start = time.monotonic()
        counts = {engine.name: self.calibrate(engine) for engine in list(self.engines)}
        for number in range(1, rounds + 1):
            took = time.monotonic() - start
            if number > 1 and took / number * (number + 1) > self.mode["budget"]:
                print(f"  {self.name}: no time for more than {number - 1} of {rounds} rounds", file=sys.stderr)
                break
            for engine in list(self.engines):
                with self.progress.step(engine.name,
                                        f"round {number} of {rounds}, {engine.title}"):
                    counts[engine.name] = self.sample(engine, number, counts[engine.name])
        if engines.BY_NAME["vmm-kvm"] in self.engines:
            with self.progress.step("exits", "exits by reason"):
                self.count_exits(counts["vmm-kvm"])
            for number in range(1, self.mode["floor"] + 1):
                if number > 1 and time.monotonic() - start > self.mode["budget"] * 1.2:
                    break
                with self.progress.step("floor", f"the bare KVM loop, {number} of "
                                                 f"{self.mode['floor']}"):
                    self.measure_floor()

    def wanted(self, engine):
        return {part.name: part.least for part in workloads.PARTS
                if (part.native or engine.name != "native") and (part.quick or self.mode["all"])
                and (part.lab or self.name != "lab")}

    def attempt(self, engine, counts):
        """A sample, or None if the engine fails; when it has done so twice it is left out from here on. One
        that computes wrongly ends everything."""
        try:
            with tempfile.TemporaryDirectory() as scratch:
                return run(engine.command(counts, scratch), counts)
        except Failed as failure:
            if "wrong result" in str(failure):
                sys.exit(f"{engine.title}: {failure}")
            self.skip(engine, f"it failed: {failure}")
            if sum(name == engine.name for _, name, _ in self.skipped) == 2:
                self.engines.remove(engine)
            return None

    def calibrate(self, engine):
        """How often the engine is to repeat each part. Its first run is not among the samples."""
        counts = self.wanted(engine)
        sample = None
        while engine in self.engines and not sample:
            with self.progress.step(engine.name, f"a trial run, {engine.title}"):
                sample = self.attempt(engine, counts)
        return self.better(counts, sample) if sample else counts

    def better(self, counts, sample):
        """The counts with which each part would have taken as long as it should."""
        return {
            name: repetitions(count, sample.parts[name][1 if name in workloads.TIMED else 2],
                              self.mode["seconds"] * workloads.BY_NAME[name].times)
            for name, count in counts.items()
        }

    def sample(self, engine, number, counts):
        """The counts for the next one, too: on a busy machine the first are far off."""
        sample = self.attempt(engine, counts)
        if not sample:
            return counts
        self.samples.append([self.name, engine.name, number, sample.start_s,
                             {name: list(row) for name, row in sample.parts.items()}])
        return self.better(counts, sample)

    def count_exits(self, counts):
        """Of each part, by the difference of two runs: what is around it falls out, and what they print
        is of the same length."""
        for name, count in counts.items():
            if workloads.BY_NAME[name].native and not self.mode["all"]:
                continue  # there are none to see
            once, more = (self.report(f"{name}={number:08}") for number in (1, 1 + count))
            exits = {reason: more["exits"][reason] - once["exits"][reason] for reason in EXIT_REASONS}
            injected = injections(more) - injections(once)
            self.exits.append([self.name, name, count, exits, injected])

    def report(self, line):
        return self.run_vmm("--append", line, engines.GUEST)

    @staticmethod
    def run_vmm(*arguments):
        """The report of a run on KVM."""
        with tempfile.NamedTemporaryFile(dir="build/bench", suffix=".json") as file:
            subprocess.run([engines.VMM, "run", "--cpu", "kvm", "--report", file.name, *arguments],
                           stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=300)
            return json.load(file)

    def measure_floor(self):
        bare = float(engines.output("build/bench/kvm_floor", FLOOR_IMAGE))
        ours = self.run_vmm(FLOOR_IMAGE)["guest_s"] * 1e9 / FLOOR_EXITS
        self.floor.append([self.name, bare, round(ours, 1)])


def injections(report):
    return sum(irq["injected"] for irq in report["interrupts"])


LAB_ENGINES = ("native", "vmm-kvm", "qemu-kvm")
LAB_FAILURES = {124: "the lab took too long", 125: "the lab does not work here"}  # by its status


def measure_in_lab(mode):
    """The part of the comparison that needs KVM, inside the lab; what there is of a result."""
    if os.path.exists(LAB_RESULT):
        os.remove(LAB_RESULT)
    command = [engines.LAB, "--timeout", "900", "--", sys.executable, "-m", "compare", "measure",
               "--mode", mode, "--place", "lab", "--engines", ",".join(LAB_ENGINES), "-o", LAB_RESULT]
    status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    if status in LAB_FAILURES:
        return {"skipped": [["lab", name, LAB_FAILURES[status]] for name in LAB_ENGINES]}
    if status:
        sys.exit("the measurement in the lab failed")
    with open(LAB_RESULT, encoding="utf-8") as file:
        return json.load(file)


def merge(result, more):
    for key, value in more.items():
        if isinstance(value, list):
            result[key] += value
        elif isinstance(value, dict):
            result[key] |= value


def hurry():
    """On a busy machine, what reads the clock must not wait for what it measures."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -5)
    except PermissionError:
        pass


def measure(mode, place="host", only=None, lab=True):
    hurry()
    here = Place(place, MODES[mode], only)
    start = time.monotonic()
    here.measure()
    result = {"schema": SCHEMA, "date": time.strftime("%Y-%m-%d"), "mode": mode} | here.result()
    if lab and place == "host" and not here.works:
        merge(result, measure_in_lab(mode))
    result["took_s"] = round(time.monotonic() - start)
    return result


def compact(result):
    """JSON with a row a line."""
    fields = []
    for key, value in result.items():
        if isinstance(value, list) and value:
            rows = ",\n    ".join(json.dumps(row) for row in value)
            fields.append(f'  "{key}": [\n    {rows}\n  ]')
        else:
            fields.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(fields) + "\n}\n"


def file_name(result):
    """The machine is called by its processor."""
    cpu = re.sub(r"[^a-z0-9]+", "-", result["machines"]["host"]["cpu"].lower()).strip("-")
    return f"bench/results/{cpu}-{result['date']}.json"
