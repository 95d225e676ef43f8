"""How long it takes to go back in time, by gdb's protocol, without gdb's own time: bench/README.md.

    python3 bench/reverse.py VMM IMAGE      prints rows of a table
"""
import os
import resource  # of processes that have ended
import socket
import subprocess
import sys
import tempfile
import time

VMM, IMAGE = sys.argv[1:3]
SETTINGS = ["run", "--cpu", "soft", "--mode", "pm32", "-m", "16", "--clock", "virtual"]


class Stub:
    """A guest that waits, and a connection to it."""

    def __init__(self, place, *options):
        self.process = subprocess.Popen([VMM, *SETTINGS, "--gdb", place, "-S", *options, IMAGE],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        kind = socket.AF_UNIX if place.startswith("unix:") else socket.AF_INET
        where = place[5:] if kind == socket.AF_UNIX else ("127.0.0.1", int(place))
        for _ in range(200):
            self.socket = socket.socket(kind)
            try:
                self.socket.connect(where)
                break
            except OSError:
                time.sleep(0.02)
        if kind == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.ask("QStartNoAckMode")

    def ask(self, packet):
        data = packet.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 255))
        while True:
            begin, end = self.rest.find(b"$"), self.rest.find(b"#")
            if 0 <= begin < end and len(self.rest) >= end + 3:
                reply, self.rest = self.rest[begin + 1:end].decode(), self.rest[end + 3:]
                return reply
            more = self.socket.recv(65536)
            if not more:
                raise SystemExit("the VMM has gone")
            self.rest += more

    def timed(self, packet):
        begin = time.perf_counter()
        reply = self.ask(packet)
        return 1000 * (time.perf_counter() - begin), reply

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


def row(what, value, goal):
    print(f"| {what} | {value} | {goal} |", flush=True)


def backwards(place):
    stub = Stub(place)
    code = stub.ask("m100000,400")
    done = 0x100000 + bytes.fromhex(code).index(b"\xb0\x00\xe6\xf4\xf4")
    stub.ask(f"Z0,{done:x},1")
    reply = stub.ask("vCont;c")
    assert reply.startswith("T05"), reply
    times = sorted(stub.timed("bs")[0] for _ in range(41))
    row("reverse-stepi after 1 G instructions, ms", f"{times[20]:.2f} (first and worst {times[-1]:.1f})", "20")
    for what, address in ("a page that is not written", 0x210000), ("a page that each round writes", 0x200000):
        stub.ask("vCont;c")
        stub.ask(f"Z2,{address:x},4")
        before = stub.cpu_seconds()
        back, reply = stub.timed("bc")
        assert f"watch:{address:x}" in reply, reply
        row(f"reverse-continue 1 G instructions back to a write in {what}, s",
            f"{back / 1000:.2f} ({stub.cpu_seconds() - before:.2f} of CPU)", "2")
        stub.ask(f"z2,{address:x},4")
    stub.end()


def stepping():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stub = Stub(str(port))
    begin = time.perf_counter()
    for _ in range(1000):
        stub.ask("vCont;s")
        stub.ask("g")
    row("1,000 steps over loopback, with registers, s", f"{time.perf_counter() - begin:.2f}", "0.5")
    stub.end()


def cpu_seconds(*options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([VMM, *SETTINGS, *options, IMAGE], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def watched(place, address):
    """CPU seconds of a run with a watchpoint that nothing meets; 0: none."""
    stub = Stub(place)
    if address:
        stub.ask(f"Z2,{address:x},4")
    reply = stub.ask("vCont;c")
    assert reply.startswith("W"), reply
    seconds = stub.cpu_seconds()
    stub.end()
    return seconds


def compared(what, goal, *runs):
    """The least of five runs each, which alternate, as percent over the first of them."""
    samples = [[] for _ in runs]
    for _ in range(5):
        for sample, run in zip(samples, runs):
            sample.append(run())
    first, second = (min(sample) for sample in samples)
    row(what, f"{100 * (second / first - 1):+.1f} ({first:.2f} s, {second:.2f} s)", goal)


print("| figure | measured | goal: under |\n|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    socket_place = f"unix:{folder}/gdb"
    backwards(socket_place)
    stepping()
    compared("history on, % over off", "5", lambda: cpu_seconds(),
             lambda: cpu_seconds("--gdb", socket_place))
    compared("the pages before a watched one, % over no watchpoint", "2", lambda: watched(socket_place, 0),
             lambda: watched(socket_place, 0x202000))
    compared("a page that each round writes, beside what is watched, %", "none", lambda: watched(socket_place, 0),
             lambda: watched(socket_place, 0x200000 + 0x100))
