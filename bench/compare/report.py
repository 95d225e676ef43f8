"""The report: what a result says, in sentences whose figures are all computed from it."""

import os
from statistics import geometric_mean

from . import engines, model, plots, render, workloads
from .analysis import CLOCK_SECONDS, EVENTS, Result
from .stats import duration, figure

TITLE = "KVM against emulation, measured"

# Why an engine is as fast as it is. No figures here.
WHY = {
    "native": "The processor itself, in an ordinary process: the limit, and what the others are "
              "compared with.",
    "vmm-kvm": "The processor executes the guest's instructions itself, and comes back to the VMM only "
               "for what the guest must not do alone: a computation never does.",
    "qemu-kvm": "The same hardware and the same kernel: a computation can't tell it from `vmm --cpu "
                "kvm`. What differs is what is behind an exit, and how long it takes to start.",
    "vmm-soft": "Every instruction is decoded once and then interpreted: each costs a jump to the piece "
                "of C that does it, its operands come from memory, and each access to the guest's memory "
                "looks into a TLB in software.",
    "qemu-tcg": "A block of instructions is translated to the host's code once and then run from a "
                "cache. A loop that stays in registers is left with few instructions more than it had; x87 is not "
                "translated but done by functions, on numbers of 80 bits in software.",
    "qemu-icount": "The same, with a count of instructions taken at each block, so that time can follow "
                   "it.",
    "qemu-one-insn": "One instruction a block, and no direct jump from a block to the next: all that "
                     "translating by blocks gains is gone; but the translations are kept, so it is "
                     "not what a plain interpreter would be. `-d nochain` would add nothing: one "
                     "instruction a block implies it (`curr_cflags` in QEMU's `accel/tcg`).",
    "bochs": "Interpreted, instruction by instruction, each with all checks of a real processor, from a "
             "cache of decoded ones.",
}

# Why a computation is as slow as it is where instructions are not the processor's own.
WHY_PART = {
    "int64": "Two loads for each multiplication: each is a look into a TLB in software and a load behind "
             "it, where the processor needs neither more instructions nor more time.",
    "x87_64": "Numbers of 80 bits, which the host's processor does only in its own x87: an emulator either "
              "uses that, and pays for getting there, or does them with integers.",
    "integer": "Registers and nothing else: what an emulator does best, since there is no memory to look "
               "for.",
    "sieve": "A store of a byte with each third instruction or so: a look into the TLB again.",
    "calls": "A return goes to an address that is known only then: a translator must look it up, where the "
             "processor predicts it.",
    "movsb": "The processor moves many bytes at a time where it is told to move one after the other; an "
             "emulator that does not loses all of that.",
    "bytes": "As many bytes moved by a loop of ordinary instructions, a load and a store for each: neither "
             "the processor nor an emulator can take more at a time.",
}


def times(value):
    return f"{figure(value)} times"


def spread_cell(spread, scale=1, show=figure):
    """The median, and how far the rounds are apart."""
    if not spread:
        return "–"
    median, least, greatest = (value * scale for value in spread)
    if show(least) == show(greatest):
        return show(median)
    return f"{show(median)} ({show(least)}–{show(greatest)})"


# ---- the sections: each gives blocks ----

def nature(result):
    """The first line: what the KVM figures are."""
    machine = result.machine
    if result.kvm_place == "lab":
        lab = result.floor("lab")
        cost = f": there a port exit takes {duration(lab[1].median)} in the barest loop" if lab else ""
        return (f"The KVM figures on this page are not hardware's. On this machine KVM can't run the "
                f"guest (`{machine['probe']}`), so they are from the lab, a Linux on an AMD processor that "
                f"QEMU emulates{cost}. Only ratios within the lab mean anything.")
    if result.kvm_place and machine["hypervisor"]:
        return ("The KVM figures on this page are of a KVM inside a virtual machine: nested, and not "
                "hardware's alone. An exit costs several times that of a machine of one's own.")
    if result.kvm_place:
        return f"The KVM figures on this page are hardware's: {machine['cpu']}."
    return (f"There are no KVM figures on this page: KVM does not work here (`{machine['probe']}`), and "
            f"the lab was not used.")


def summary(result):
    blocks = []
    kvm = result.kvm_place
    lines = []
    if kvm:
        hardware = result.ratio(kvm, "vmm-kvm", "int256") or result.ratio(kvm, "vmm-kvm", "int64")
        if hardware:
            lines.append(f"On KVM{' (in the lab)' if kvm == 'lab' else ''} the largest integer matrix "
                         f"product measured takes {times(hardware.median)} as long as in a native "
                         f"process.")
    for name, phrase in (("vmm-soft", "our software CPU"), ("qemu-tcg", "QEMU's translator"),
                         ("qemu-one-insn", "QEMU one instruction at a time"), ("bochs", "Bochs")):
        ratios = [each.median for part in plots.HEADLINE if (each := result.ratio("host", name, part))]
        if ratios:
            lines.append(f"With {phrase} a computation takes {times(geometric_mean(ratios))} as long: the "
                         f"geometric mean of {len(ratios)}, from {figure(min(ratios))} to "
                         f"{figure(max(ratios))}.")
    if lines:
        blocks.append(("list", lines))
    return blocks


def place_table(result, place):
    """Slow-downs of the computations, next to the native process of the same place."""
    shown = [engine for engine in result.engines(place) if engine.name != "native"]
    if not shown or not any(name == "native" for where, name, _ in result.measured() if where == place):
        return []
    rows = []
    for part in workloads.PARTS:
        if part.native and result.time(place, "native", part.name):
            native = result.time(place, "native", part.name).median / part.units
            rows.append([part.title, f"{duration(native)} a {part.unit}",
                         *(spread_cell(result.ratio(place, engine.name, part.name))
                           for engine in shown)])
    return [("table", ["computation", "native", *(engine.title for engine in shown)], rows)]


def slowdowns(result, figures):
    blocks = [("heading", 2, "Computations: how many times as long as natively")]
    blocks.append(("text", "The same instructions everywhere: one image for all emulators, and the same "
                   "source as a Linux process. Each figure is the ratio's median over rounds (minimum to "
                   "maximum); 1 is as fast as the processor."))
    blocks += place_table(result, "host")
    if result.kvm_place == "lab":
        blocks.append(("text", "In the lab, next to the lab's own native process:"))
        blocks += place_table(result, "lab")
    blocks += picture(figures, "slowdown", "How many times as long as the native process, by computation; "
                      "a logarithmic scale; the lines go from the minimum to the maximum of the rounds.")
    blocks.append(("heading", 3, "Why"))
    reasons = []
    for place, engine in plots.columns(result):
        ratio = result.ratio(place, engine.name, "int64") if engine.name != "native" else None
        seen = f" Integer product of 64 x 64: {times(ratio.median)} the native time." if ratio else ""
        reasons.append(f"{plots.title(result, place, engine)}: {WHY[engine.name]}{seen}")
    blocks.append(("list", reasons))
    blocks.append(("text", "And why the computations differ:"))
    blocks.append(("list", [
        f"{workloads.BY_NAME[part].title}: {why} "
        + ", ".join(f"{engine.title} {figure(ratio.median)}" for engine in result.engines("host")
                    if engine.name != "native" and (ratio := result.ratio("host", engine.name, part)))
        + "." for part, why in WHY_PART.items() if result.time("host", "native", part)]))
    return blocks


def sizes(result, figures):
    blocks = [("heading", 2, "Matrix products by size")]
    lines = []
    for kind, what in (("int", "32-bit integers"), ("x87_", "x87 doubles")):
        measured = [size for size in workloads.SIZES if result.time("host", "native", f"{kind}{size}")]
        if len(measured) > 1:
            first, last = (result.time("host", "native", f"{kind}{size}").median / size**3
                           for size in (measured[0], measured[-1]))
            lines.append(f"{what}, natively: {duration(first)} for a multiplication and an addition at "
                         f"{measured[0]} x {measured[0]}, {duration(last)} at {measured[-1]} x "
                         f"{measured[-1]}.")
    real = result.time("host", "vmm-soft", "real10")
    if real:
        lines.append("16-bit real mode, 10 x 10, which no Linux process can do: "
                     + ", ".join(f"{duration(time.median / workloads.STORM)} a product with {engine.title}"
                                 for engine in result.engines("host")
                                 if (time := result.time("host", engine.name, "real10"))) + ".")
    blocks += [("list", lines)] if lines else []
    blocks.append(("text", "A line that is flat is an engine that pays by the instruction. Where one rises among the "
                   "large sizes, the likely reason is that B no longer fits a cache, the processor's or the TLB that "
                   "an emulator has in software: B is read column by column, each element in another line, and at "
                   "256 x 256 each fourth integer, or second double, in another page. At small sizes a sum is short: "
                   "what is around it counts for more, but the processor can begin the next one while the last "
                   "additions of this one wait for each other."))
    blocks += picture(figures, "matrix-integer",
                      "Integers: time of one multiplication and addition, by size.")
    blocks += picture(figures, "matrix-x87", "x87: the same of doubles.")
    return blocks


def rates(result):
    """Instructions a second."""
    shown = [engine for engine in result.engines("host") if not engine.kvm]
    rows = []
    for part in workloads.PARTS:
        if part.native and part.name in (*plots.HEADLINE, "real10") and part.name != "movsb":
            cells = [result.mips("host", engine.name, part.name) for engine in shown]
            if any(cells):
                rows.append([part.title, *(figure(cell) if cell else "–" for cell in cells)])
    if not rows:
        return []
    return [("heading", 2, "Instructions a second"),
            ("text", "Millions, by the count of the software CPU, whose time-stamp counter goes with its "
             "instructions."),
            ("table", ["computation", *(engine.title for engine in shown)], rows)]


def event_costs(result, figures):
    blocks = [("heading", 2, "What leaving the fast path costs")]
    shown = [(place, engine) for place, engine in plots.columns(result) if engine.name != "native"]
    rows = []
    for event in EVENTS:
        costs = [result.event_cost(place, engine.name, event) for place, engine in shown]
        if any(costs):
            rows.append([event.title, *(cost_cell(cost) for cost in costs)])
    blocks.append(("text", "CPU time of the host for one of each, from parts of the guest that do little "
                   "else. On KVM a port write or a read of device memory leaves the guest for the kernel "
                   "and the kernel for the VMM; a system call or a page fault of the guest leaves nothing, "
                   "since the processor has page tables and privilege levels for guests of their own. An "
                   "emulator is in the VMM already: to it a port is a function or a few to call, and a system call "
                   "is not free: its gate and its stacks have to be looked at. What has to do with the timer "
                   "includes the port accesses that set it, look at it and acknowledge its interrupt. A dash "
                   "is what was too little to measure, or what the rounds disagree about."))
    blocks.append(("table", ["event", *(plots.title(result, *each) for each in shown)], rows))
    blocks += picture(figures, "events", "CPU time of one event; a logarithmic scale.")
    rate_rows = []
    for place, engine in shown:
        for part, title in (("tick10000", "10 kHz"), ("tick100", "100 Hz")):
            rate = result.event_rate(place, engine.name, part)
            if rate and rate.median:
                rate_rows.append([plots.title(result, place, engine), title, spread_cell(rate)])
    if rate_rows:
        blocks.append(("text", "Interrupts that the guest took for a second of the host's time. An engine "
                       "whose guest's time is made of instructions is at another rate than the timer "
                       "says, by as much as its guest's seconds differ from the host's."))
        blocks.append(("table", ["engine", "timer", "interrupts a second"], rate_rows))
    return blocks


def cost_cell(cost):
    if not cost or cost.least <= 0:
        return "–"
    return f"{duration(cost.median)}"


REASONS = {"port": "a port access", "mmio": "an access to device memory", "halted": "`hlt`",
           "window": "interrupts possible again", "kicked": "a signal",
           "injected": "an interrupt, with its timer's signal"}


def model_section(result, figures):
    place = result.kvm_place
    exits = result.exits(place) if place else {}
    if not exits:
        return []
    costs, predictions = model.of_result(result, place)
    blocks = [("heading", 2, "A model: exits, and nothing else"),
              ("text", "On KVM a guest should take as long as the native process, and for each exit what an "
               "exit of its kind costs: `t = t_native + sum of exits x cost`. The costs are from storms, "
               "each with what is already known taken off:"),
              ("table", ["exit", "cost"],
               [[REASONS[reason], duration(cost) if cost else "too little to see"]
                for reason, cost in costs.items()])]
    rows = [[workloads.BY_NAME[part].title,
             *(figure(each[reason]) for reason in REASONS)]
            for part, each in exits.items()
            if any(number for reason, number in each.items() if reason != "kicked")]
    blocks.append(("text", "Exits of a repetition by reason, as the VMM's `--report` counts them, and "
                   "interrupts injected:"))
    blocks.append(("table", ["part", *REASONS], rows))
    if predictions:
        worst = max(predictions, key=lambda each: abs(each.error))
        near = sum(abs(each.error) <= 0.1 for each in predictions)
        blocks.append(("text", f"Other parts, which no cost came from. Within 10 % of what was measured: {near} of "
                       f"{len(predictions)}. The farthest, {workloads.BY_NAME[worst.part].title}, is off by "
                       f"{abs(worst.error) * 100:.1f} %."))
        blocks.append(("table", ["part", "exits a second of native time", "slow-down by the model",
                                 "measured", "error"],
                       [[workloads.BY_NAME[each.part].title, figure(each.rate), figure(each.predicted),
                         figure(each.measured), f"{each.error * 100:+.1f} %"] for each in predictions]))
        blocks += picture(figures, "model",
                          "Slow-down by the model, and measured: on the line they are equal.")
    return blocks


def start_up(result):
    rows = [[plots.title(result, place, engine), spread_cell(result.start(place, engine.name), 1e3)]
            for place in result.places for engine in result.engines(place)]
    blocks = [("heading", 2, "Start-up"),
              ("text", "From the start of the process to the guest's first line, in ms; it is in no other "
               "figure here. Bochs has a BIOS and a boot sector to go through, QEMU a BIOS."),
              ("table", ["engine", "ms"], rows)]
    return blocks


def clocks(result):
    rows, kept = [], []
    for place in result.places:
        for engine in result.engines(place):
            clock = result.clock(place, engine.name)
            if clock:
                kind = "counts instructions" if engine.virtual else "the host's"
                rows.append([plots.title(result, place, engine), kind, spread_cell(clock)])
                kept += [] if engine.virtual else [abs(clock.median - 1) <= 0.05]
    if not rows:
        return []
    return [("heading", 2, "The guest's clock"),
            ("text", f"The guest waits for {duration(CLOCK_SECONDS)} by its timer (the PIT's channel 2), "
             f"again and again, while the host looks at its own clock. Where the guest's time is the host's, "
             f"the ratio of the two should be 1. Within 5 % of it: {sum(kept)} of {len(kept)} such engines. It "
             f"is less where an engine sleeps through a period, as it may on a busy machine. All other "
             f"figures are by the host's clocks."),
            ("table", ["engine", "guest's time", "guest's seconds in one of the host's"], rows)]


def aims(result):
    """What was to be reached, whether it was, and what is left."""
    rows, notes, place = [], [], result.kvm_place
    where = " (lab)" if place == "lab" else ""
    if place and (ratio := result.ratio(place, "vmm-kvm", "int256")):
        rows.append([f"integer product of 256 x 256 on KVM, native = 1{where}", "at most 1.05",
                     spread_cell(ratio), verdict(ratio, 1.05)])
        peer = result.ratio(place, "qemu-kvm", "int256")
        if ratio.median > 1.05 and place == "lab" and peer and peer.median > 1:
            notes.append(f"QEMU on the lab's KVM takes {times(peer.median)} the native time for the same "
                         f"product, which has no exits to the VMM. What both have over 1 is the lab's own: QEMU "
                         f"walks both page tables of a guest in software, and its emulated processor "
                         f"forgets what it found at each entry and exit (`helper_vmrun`, `do_vmexit`), those "
                         f"for the lab kernel's own timer among them.")
    if place and (floor := result.floor(place)):
        rows.append([f"a port exit, the bare KVM loop = 1{where}", "at most 1.2", spread_cell(floor[0]),
                     verdict(floor[0], 1.2)])
        notes.append(f"A port exit takes {duration(floor[2].median)}, and {duration(floor[1].median)} in a loop "
                     f"that does nothing else. The VMM does more: it looks up the port's device, and whether an "
                     f"interrupt or input is due.")
    for part in ("integer", "int256", "x87_256", "sieve", "calls"):
        for base in ("qemu-tcg", "bochs"):
            if ratio := result.ratio("host", base, part, "vmm-soft"):
                rows.append([f"speed of `vmm --cpu soft`, {workloads.BY_NAME[part].title}, "
                             f"{engines.BY_NAME[base].title} = 1", "–", spread_cell(ratio),
                             "faster" if ratio.median > 1 else "slower"])
    if any(row[-1] == "slower" and "QEMU" in row[0] for row in rows):
        notes.append("Where the software CPU is slower than QEMU's translator: it translates nothing, so each "
                     "instruction costs a jump that the processor has to predict and operands that come "
                     "from memory. `bench/README.md` says what was tried.")
    if not rows:
        return []
    return [("heading", 2, "Aims"), ("table", ["what", "aim", "measured", ""], rows),
            *([("list", notes)] if notes else [])]


def verdict(spread, most):
    """Rounds that disagree leave it open."""
    word = "reached" if spread.median <= most else "missed"
    return word if (spread.least <= most) == (spread.greatest <= most) else f"{word}, by the median"


def machines(results):
    """The same figures of all results there are."""
    if len(results) < 2:
        return []
    rows = []
    for result in results:
        cells = [result.machine["cpu"], result.data["date"],
                 {"host": "its own", "lab": "the lab's", None: "none"}[result.kvm_place]]
        for place, engine in ((result.kvm_place, "vmm-kvm"), ("host", "vmm-soft"), ("host", "qemu-tcg"),
                              ("host", "bochs")):
            cells.append(spread_cell(result.ratio(place, engine, "int64")))
        floor = result.floor(result.kvm_place)
        rows.append([*cells, duration(floor[2].median) if floor else "–"])
    return [("heading", 2, "Machines"),
            ("text", "Integer product of 64 x 64, native = 1, in each result that is kept in "
             "`bench/results`."),
            ("table", ["processor", "date", "KVM", "vmm --cpu kvm", "vmm --cpu soft", "QEMU, TCG", "Bochs",
                       "a port exit of vmm"], rows)]


def method(result):
    data = result.data
    counts = {}
    for place, engine, *_ in data["samples"]:
        counts[place, engine] = counts.get((place, engine), 0) + 1
    facts = []
    for place in result.places:
        machine = data["machines"][place]
        versions = "".join(f"{name} {version}, "
                           for name, version in machine["versions"].items() if version)
        name = "This machine" if place == "host" else "The lab"
        facts.append(f"{name}: {machine['cpu']}{', itself virtual' if machine['hypervisor'] else ''}; "
                     f"{machine['processors']} processor{'s' * (machine['processors'] > 1)}; "
                     f"{machine['kernel']}; {versions}load {machine['load']} when it began. "
                     f"`vmm probe`: `{machine['probe']}`.")
    least, most = min(counts.values()), max(counts.values())
    facts.append(f"{data['date']}, in {duration(data['took_s'])}: {len(data['samples'])} runs, "
                 f"{least if least == most else f'{least} to {most}'} of each engine, the engines in turn.")
    facts += [f"Skipped ({place}): {engines.BY_NAME[engine].title}: {why}."
              for place, engine, why in data["skipped"]]
    return [("heading", 2, "How it was measured"),
            ("text", "`make bench` measures, `make report` writes this page, and computes every figure on it "
             "from the samples in `bench/results`. Each part of the guest is repeated until it takes long "
             "enough for the clock, checks each result against one worked out in Python, and writes a line "
             "before and after; a wrong result ends the measurement. Times are CPU time of the emulator's "
             "process between these lines."),
            ("list", facts)]


def picture(figures, name, caption):
    return [("figure", name, caption)] if name in figures else []


def blocks_of(results, figures):
    result = results[-1]
    quick = [] if result.data["mode"] == "full" else [
        ("text", "This is of a quick run, whose parts are too short for more than a first look.")]
    return [
        ("heading", 1, TITLE),
        ("text", nature(result)),
        *quick,
        *summary(result),
        *slowdowns(result, figures),
        *sizes(result, figures),
        *rates(result),
        *event_costs(result, figures),
        *model_section(result, figures),
        *start_up(result),
        *clocks(result),
        *aims(result),
        *machines(results),
        *method(result),
    ]


def by_date(data):
    """Of one day, in the order that they have: the files of a fresh clone are of no age."""
    return sorted(map(Result, data), key=lambda result: result.data["date"])


def write(data, markdown, directory, page, write_file):
    """The report of the last result, next to the others: a Markdown file, the plots, an HTML page."""
    results = by_date(data)
    figures = plots.all_of(results[-1])
    blocks = blocks_of(results, figures)
    for name, svg in figures.items():
        write_file(f"{directory}/{name}.svg", svg)
    relative = os.path.relpath(directory, os.path.dirname(markdown) or ".")
    write_file(markdown, render.markdown(blocks, relative))
    write_file(page, render.page(blocks, TITLE, figures))
