"""The parts of the bench's guest (bench/guests), as a table, and what each must compute: worked out
here in plain Python, from which the guest's build takes the results it checks itself by."""

from collections import namedtuple
from operator import mul

MASK = 0xFFFFFFFF
SIZES = (10, 32, 64, 128, 256)

# Of bench/guests/parts.inc and guest.asm.
ROUNDS = 100_000
FIB = 24
LIMIT = 65536
BLOCK = 65536
PAGE = 4096
STORM = 1000
HALTS = 10


def rotate(value, bits):
    return (value << 1 | value >> (bits - 1)) & ((1 << bits) - 1)


def checksum(numbers, bits=32, value=0):
    for number in numbers:
        value = rotate(value, bits) + number & ((1 << bits) - 1)
    return value


def product(size):
    """The elements of A x B, row by row: A holds the numbers from 0 up, B those from 7 up."""
    a = [range(row * size, (row + 1) * size) for row in range(size)]
    b = [[column + row * size + 7 for row in range(size)] for column in range(size)]
    return [sum(map(mul, row, column)) for row in a for column in b]


def real_products():
    words = product(10)
    value = 0
    for _ in range(STORM):
        value = checksum(words, 16, value)
    return value


def integer():
    state, total = 1, 0
    for _ in range(ROUNDS):
        state ^= state << 13 & MASK
        state ^= state >> 17
        state ^= state << 5 & MASK
        total += state
    return total & MASK


def primes(limit):
    is_prime = bytearray([1]) * limit
    is_prime[:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if is_prime[number]:
            is_prime[number * number::number] = bytes(len(range(number * number, limit, number)))
    return sum(is_prime)


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def block():
    return checksum(page // 4 - 1 for page in range(PAGE, BLOCK + 1, PAGE))


def results():
    """Lines for nasm: the results by name."""
    values = {f"product{size}": checksum(product(size)) for size in SIZES}
    values |= {
        "real": real_products(),
        "integer": integer(),
        "sieve": primes(LIMIT),
        "calls": fibonacci(FIB),
        "block": block(),
    }
    return "".join(f"RESULT_{name} equ {value:#010x}\n" for name, value in values.items())


# One row a part. `least` is how often it runs to find out how long it takes; `times` how much longer
# than others it is to be measured; a repetition is `units` of `unit`. The computations run as a
# native process, too; `quick` says what a quick run has, `lab` what the lab can do: 10,000 interrupts a
# second are more than its processor manages.
Part = namedtuple("Part", "name title units unit least times native quick lab", defaults=(True,))

PARTS = (
    Part("clock", "10 ms by the guest's timer", 1, "wait", 1, 2, False, True),
    Part("real10", "16-bit product, real mode, 10 x 10", STORM, "product", 1, 1, False, True),
    *(
        Part(f"{kind}{size}", f"{title} product, {size} x {size}", size**3, "multiply-add",
             max(1, 500_000 // size**3), 1, True, size < 128)
        for kind, title in (("int", "integer"), ("x87_", "x87"))
        for size in SIZES
    ),
    Part("integer", "integer loop", ROUNDS, "round", 2, 1, True, True),
    Part("sieve", "byte sieve", 1, "sieve", 2, 1, True, True),
    Part("calls", "recursive calls", 1, "tree", 1, 1, True, True),
    Part("movsb", "`rep movsb`", BLOCK, "byte", 20, 1, True, True),
    Part("bytes", "byte loop", BLOCK, "byte", 5, 1, True, True),
    Part("syscall", "system calls from ring 3", STORM, "call", 2, 1, False, True),
    Part("fault", "page faults", 1024, "fault", 2, 1, False, True),
    Part("port", "port writes", STORM, "write", 1, 1, False, True),
    Part("mmio", "reads of device memory", STORM, "read", 1, 1, False, True),
    Part("halt", "`hlt` until a timer fires", HALTS, "halt", 1, 2, False, True),
    Part("window", "interrupts that wait for `sti`", HALTS, "interrupt", 1, 1, False, True),
    Part("tick10000", "integer loop, timer at 10 kHz", ROUNDS, "round", 2, 1, False, True, False),
    Part("tick100", "integer loop, timer at 100 Hz", ROUNDS, "round", 2, 5, False, True),
    *(
        Part(f"mix{rounds}", f"integer loop, a port write each {rounds:,} rounds", ROUNDS, "round",
             1, 1, False, rounds in (100, 1000))
        for rounds in (10, 100, 1000, 10_000)
    ),
)

# Of more kinds of events, which are of interest only between two builds of the VMM.
STORMS = (
    Part("in", "port reads", STORM, "read", 10, 1, False, False),
    Part("mask", "writes of the 8259's mask", STORM, "write", 10, 1, False, False),
    Part("absent", "writes to a port without a device", STORM, "write", 10, 1, False, False),
    Part("int", "`int` in ring 0", STORM, "call", 10, 1, False, False),
    Part("ud", "#UD", STORM, "exception", 10, 1, False, False),
)

# Those that wait for a timer take as long as that says, whatever the processor does.
TIMED = {"clock", "halt", "tick10000", "tick100"}

BY_NAME = {part.name: part for part in PARTS}
