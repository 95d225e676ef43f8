"""What the guest can run on, as a table: how each is called, and why it can't be had here."""

import os
import re
import shutil
import subprocess
from collections import namedtuple

GUESTS = "build/bench/guests"
GUEST = f"{GUESTS}/guest.elf"
DISK = f"{GUESTS}/guest.img"
NATIVE = f"{GUESTS}/native.elf"
VMM = "build/vmm"
QEMU = "qemu-system-i386"
LAB = "tests/lab/lab"

# Of the disk: where its boot sector finds the command line, and how long it may be.
COMMAND_AT = 512
COMMAND_SIZE = 1024


def words(counts):
    return " ".join(f"{name}={count}" for name, count in counts.items())


def native(counts, _):
    return [NATIVE, words(counts)]


def vmm(*options):
    return lambda counts, _: [VMM, "run", *options, "--append", words(counts), GUEST]


def qemu(*options):
    return lambda counts, _: [
        QEMU, *(one_insn_options() if options == ("one-insn",) else options),
        "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "none", "-no-reboot",
        "-debugcon", "stdio", "-kernel", GUEST, "-append", words(counts),
    ]


def one_insn_options():
    """One instruction a translated block, and no jumps from one block into the next."""
    if version_of(QEMU) >= (8, 1):
        return ["-accel", "tcg,one-insn-per-tb=on"]
    return ["-accel", "tcg", "-singlestep"]


def bochs(counts, scratch):
    """Debian's Bochs has the debugger, which wants to be told to go on, and no display but rfb that does
    without a terminal; nobody connects to it. It knows no Multiboot: it gets the file on a disk.
    No sound: a speaker that is only not enabled still opens ALSA's default device, in threads that have ended
    it with "buffer overflow detected" on a host."""
    disk = f"{scratch}/disk.img"
    with open(DISK, "rb") as file:
        image = bytearray(file.read())
    line = words(counts).encode()
    if len(line) >= COMMAND_SIZE:
        raise ValueError("too long a command line for the disk")
    image[COMMAND_AT:COMMAND_AT + len(line)] = line
    with open(disk, "wb") as file:
        file.write(image)
    with open(f"{scratch}/continue", "w", encoding="ascii") as file:
        file.write("continue\n")
    with open(f"{scratch}/bochsrc", "w", encoding="ascii") as file:
        file.write(BOCHSRC.format(disk=disk, log=f"{scratch}/bochs.log"))
    return ["bochs", "-q", "-unlock", "-f", f"{scratch}/bochsrc", "-rc", f"{scratch}/continue"]


BOCHSRC = """display_library: rfb, options="timeout=0"
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
megs: 64
cpu: ips=200000000
clock: sync=none
ata0-master: type=disk, mode=flat, path={disk}
boot: disk
port_e9_hack: enabled=1
plugin_ctrl: speaker=0
sound: driver=dummy
panic: action=fatal
log: {log}
"""

# `works` is how it executes instructions; `command` makes its command line of the parts' counts and a
# directory to write in. Where `virtual`, the guest's clock counts instructions, not the host's time.
Engine = namedtuple("Engine", "name title works program kvm virtual command")

ENGINES = (
    Engine("native", "native process", "the processor itself", NATIVE, False, False, native),
    Engine("vmm-kvm", "vmm --cpu kvm", "the processor, as a guest", VMM, True, False,
           vmm("--cpu", "kvm")),
    Engine("qemu-kvm", "QEMU, KVM", "the processor, as a guest", QEMU, True, False,
           qemu("-accel", "kvm")),
    Engine("vmm-soft", "vmm --cpu soft", "decoded once, then interpreted", VMM, False, True,
           vmm("--cpu", "soft", "--clock", "virtual")),
    Engine("qemu-tcg", "QEMU, TCG", "translated by blocks to the host's code", QEMU, False, False,
           qemu("-accel", "tcg")),
    Engine("qemu-icount", "QEMU, TCG -icount", "translated, and instructions counted", QEMU, False,
           True, qemu("-accel", "tcg", "-icount", "shift=0,sleep=off")),
    Engine("qemu-one-insn", "QEMU, TCG one-insn",
           "translated instruction by instruction, blocks not joined", QEMU, False, False,
           qemu("one-insn")),
    Engine("bochs", "Bochs", "interpreted, from a cache of decoded traces", "bochs", False, True,
           bochs),
)

BY_NAME = {engine.name: engine for engine in ENGINES}


def is_peer(engine):
    """Whether it is somebody else's program: one that fails is left out, with its reason."""
    return engine.program not in (NATIVE, VMM)


def output(*command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False).stdout
    except OSError:
        return ""


def parse_version(text):
    """The first thing in a text that looks like a version, as numbers."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def version_of(program):
    text = output(program, "--help" if program == "bochs" else "--version")
    return parse_version(text)


def kvm_verdict():
    """Whether KVM works here, and what `vmm probe` says of it."""
    probe = subprocess.run([VMM, "probe", "kvm"], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, check=False)
    return probe.returncode == 0, probe.stdout.partition("\n")[0]


def missing(engine, kvm_works):
    """Why the engine can't be had here; None if it can."""
    if engine.name == "native":
        try:
            subprocess.run([NATIVE, ""], stdout=subprocess.DEVNULL, check=True)
        except (OSError, subprocess.CalledProcessError):
            return "this host can't run i386 programs"
    elif not os.path.exists(engine.program) and not shutil.which(engine.program):
        return f"{engine.program} is not installed"
    elif engine.kvm and not kvm_works:
        return "KVM does not work on this host (see the probe)"
    return None
