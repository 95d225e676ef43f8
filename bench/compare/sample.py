"""One run of one engine: starts it, reads what the guest says, and notes when, by two clocks: the
host's, and the CPU time that the process has used. See bench/guests/parts.inc for the lines."""

import os
import select
import subprocess
import tempfile
import time
from collections import namedtuple

# What a run gave: seconds from the start of the process to the guest's first line, and by part
# (count, wall seconds, CPU seconds, ticks of the guest's time-stamp counter, events).
Sample = namedtuple("Sample", "start_s parts")

PATIENCE = 60  # seconds without a line


class Failed(Exception):
    """The engine didn't do its work; the text says how."""


class Lines:
    """Makes a Sample of the guest's lines, each given with the two times at which it came. Lines of
    others (an emulator's banner) are passed over."""

    def __init__(self):
        self.start_s = None
        self.parts = {}
        self.done = False
        self._part = self._begin = self._end = None

    def add(self, line, wall, cpu):
        words = line.split()
        if words == ["start"]:
            self.start_s = wall
        elif words == ["done"]:
            self.done = True
        elif words[:1] == ["begin"] and len(words) == 2 and "=" in words[1]:
            name, count = words[1].split("=")
            self._part, self._begin, self._end = (name, int(count)), (wall, cpu), None
        elif words == ["end"] and self._part:
            self._end = (wall, cpu)
        elif words[:1] in (["ok"], ["wrong"]) and len(words) == 4 and self._end:
            self._result(words)

    def where(self):
        return f", in {self._part[0]}" if self._part else ""

    def _result(self, words):
        name, count = self._part
        try:
            verdict, result, ticks, events = words[0], *(int(word, 16) for word in words[1:])
        except ValueError:
            raise Failed(f"no result of {name} but: {' '.join(words)}") from None
        if verdict != "ok":
            raise Failed(f"a wrong result of {name}: {result:#x}")
        wall, cpu = (end - begin for begin, end in zip(self._begin, self._end))
        self.parts[name] = (count, round(wall, 6), round(cpu, 6), ticks, events)
        self._part = None


def cpu_seconds(process):
    """CPU time of a process: clock_getcpuclockid(3), which Python has for threads only."""
    try:
        return time.clock_gettime(~process.pid << 3 | 2)
    except OSError:
        raise Failed("it ended too early") from None


def run(command, counts, patience=PATIENCE):
    """Runs the command, which is to do the parts that `counts` names, until it says that it is done. The
    Sample; Failed if it fails."""
    lines, text = Lines(), b""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=errors)
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from None
        os.setpriority(os.PRIO_PROCESS, process.pid, 0)
        try:
            while not lines.done:
                if not select.select([process.stdout], [], [], patience)[0]:
                    raise Failed(f"nothing came for {patience} s{lines.where()}")
                got = os.read(process.stdout.fileno(), 65536)
                now, cpu = time.monotonic() - start, cpu_seconds(process)
                if not got:
                    raise Failed(last_words(process, errors))
                *whole, text = (text + got).split(b"\n")
                for line in whole:
                    lines.add(line.decode(errors="replace"), now, cpu)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    if lines.parts.keys() != counts.keys():
        missing = ", ".join(counts.keys() - lines.parts.keys())
        raise Failed(f"no result of {missing}")
    return Sample(round(lines.start_s, 6), lines.parts)


def last_words(process, errors):
    """Of a process that closed its output: what it said last, or its status."""
    process.kill()
    status = process.wait()
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"ended with status {status}"
