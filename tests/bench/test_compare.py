import json
import tempfile
import unittest
from unittest import mock

from compare import analysis, engines, measure, model, plots, render, report, workloads
from compare.stats import Spread


def result_of(samples=(), exits=(), floor=(), skipped=(), **host):
    machine = {"cpu": "A Processor", "hypervisor": False, "processors": 2, "kernel": "Linux", "load": 0,
               "probe": "kvm: does not work here", "versions": {}}
    places = {sample[0] for sample in samples} | {"host"}
    return analysis.Result({
        "schema": 1, "date": "2026-01-02", "mode": "full", "took_s": 1, "samples": list(samples),
        "exits": list(exits), "floor": list(floor), "skipped": list(skipped),
        "machines": {place: machine | host for place in places},
    })


def sample(place, engine, number, parts, start=0.1):
    """Parts are CPU seconds of one repetition."""
    rows = {part: [1000, seconds * 2000, seconds * 1000, 0, 0] for part, seconds in parts.items()}
    return [place, engine, number, start, rows]


class Workloads(unittest.TestCase):
    def test_the_product_is_that_of_the_textbook(self):
        n = 7
        a = [[row * n + k for k in range(n)] for row in range(n)]
        b = [[k * n + column + 7 for column in range(n)] for k in range(n)]
        expected = [sum(a[i][k] * b[k][j] for k in range(n)) for i in range(n) for j in range(n)]
        self.assertEqual(workloads.product(n), expected)

    def test_primes_and_fibonacci(self):
        self.assertEqual([workloads.primes(n) for n in (2, 3, 30, 65536)], [0, 1, 10, 6542])
        self.assertEqual([workloads.fibonacci(n) for n in (0, 1, 2, 10)], [0, 1, 1, 55])

    def test_a_checksum_depends_on_the_order(self):
        self.assertNotEqual(workloads.checksum([1, 2]), workloads.checksum([2, 1]))
        self.assertEqual(workloads.checksum([0x80000000, 0]), 1)

    def test_every_part_fits_the_command_line_of_a_disk(self):
        counts = {part.name: 9_999_999 for part in workloads.PARTS}
        self.assertLess(len(engines.words(counts)), engines.COMMAND_SIZE)


class Engines(unittest.TestCase):
    def test_versions(self):
        self.assertEqual(engines.parse_version("QEMU emulator version 7.2.22 (Debian 1:7.2)"), (7, 2, 22))
        self.assertEqual(engines.parse_version("no number"), ())

    def test_one_instruction_a_block_is_spelled_as_the_version_wants(self):
        for version, option in (((7, 2, 0), "-singlestep"), ((8, 1, 0), "tcg,one-insn-per-tb=on"),
                                ((10, 0, 2), "tcg,one-insn-per-tb=on")):
            with mock.patch.object(engines, "version_of", return_value=version):
                self.assertIn(option, engines.one_insn_options())

    def test_an_engine_that_is_not_installed_is_missing_by_name(self):
        engine = engines.BY_NAME["bochs"]._replace(program="no-such-emulator")
        self.assertEqual(engines.missing(engine, True), "no-such-emulator is not installed")

    def test_kvm_engines_are_missing_where_kvm_does_not_work(self):
        with mock.patch.object(engines.shutil, "which", return_value="/bin/it"):
            self.assertIn("KVM does not work", engines.missing(engines.BY_NAME["qemu-kvm"], False))
            self.assertIsNone(engines.missing(engines.BY_NAME["qemu-kvm"], True))

    def test_bochs_finds_the_command_line_on_its_disk(self):
        with tempfile.TemporaryDirectory() as scratch:
            empty = f"{scratch}/empty.img"
            with open(empty, "wb") as file:
                file.write(bytes(2048))
            with mock.patch.object(engines, "DISK", empty):
                engines.bochs({"sieve": 12}, scratch)
            with open(f"{scratch}/disk.img", "rb") as file:
                disk = file.read()
        self.assertEqual(disk[512:524], b"sieve=12\0\0\0\0")
        self.assertEqual(len(disk), 2048)


class Analysis(unittest.TestCase):
    def test_slow_downs_are_paired_by_round(self):
        result = result_of([sample("host", "native", 1, {"sieve": 1}), sample("host", "native", 2, {"sieve": 3}),
                            sample("host", "bochs", 1, {"sieve": 10}), sample("host", "bochs", 2, {"sieve": 60})])
        self.assertEqual(result.ratio("host", "bochs", "sieve"), (15, 10, 20))

    def test_a_sample_too_short_for_the_clock_is_none(self):
        result = result_of([sample("host", "native", 1, {"sieve": 1e-6}), sample("host", "bochs", 1, {"sieve": 1})])
        self.assertIsNone(result.time("host", "native", "sieve"))
        self.assertIsNone(result.ratio("host", "bochs", "sieve"))

    def test_a_timer_interrupt_costs_what_the_loop_took_longer(self):
        tick = ["host", "bochs", 1, 0.1, {"tick10000": [10, 3, 3, 0, 100], "integer": [5, 1, 1, 0, 0]}]
        event = next(event for event in analysis.EVENTS if event.part == "tick10000")
        self.assertAlmostEqual(result_of([tick]).event_cost("host", "bochs", event).median, (3 - 2) / 100)

    def test_a_clock_that_keeps_time_is_one(self):
        row = ["host", "bochs", 1, 0.1, {"clock": [100, 100 * 11932 / 1193182, 1, 0, 0]}]
        self.assertAlmostEqual(result_of([row]).clock("host", "bochs").median, 1)


COSTS = {"port": 2e-6, "mmio": 3e-6, "injected": 5e-6, "halted": 7e-6, "window": 11e-6}
LOOP = 1e-3  # seconds of the integer loop


def exits_row(part, **by_reason):
    injected = 10 * by_reason.get("injected", 0)
    return ["lab", part, 10, {reason: 10 * by_reason.get(reason, 0) for reason in measure.EXIT_REASONS}, injected]


class Model(unittest.TestCase):
    """On a machine that is as the model says."""

    EXITS = {
        "port": {"port": 1000},
        "mmio": {"mmio": 1000},
        "tick100": {"port": 4, "injected": 4, "kicked": 5},
        "halt": {"port": 40, "halted": 10, "injected": 10},
        "window": {"port": 40, "window": 10, "injected": 10},
        "mix100": {"port": 1000},
        "integer": {},
    }

    def result(self, wrong=1.0):
        loops = {"tick100", "mix100", "integer"}
        times = {part: LOOP * (part in loops) + sum(n * COSTS.get(reason, 0) for reason, n in by_reason.items())
                 for part, by_reason in self.EXITS.items()}
        times["mix100"] *= wrong
        return result_of([sample("lab", "native", 1, {"integer": LOOP}), sample("lab", "vmm-kvm", 1, times)],
                         [exits_row(part, **by_reason) for part, by_reason in self.EXITS.items()])

    def test_storms_give_back_the_costs(self):
        costs, _ = model.of_result(self.result(), "lab")
        self.assertEqual(costs.keys(), COSTS.keys())
        for reason, cost in COSTS.items():
            self.assertAlmostEqual(costs[reason], cost, msg=reason)

    def test_other_parts_are_as_predicted(self):
        _, predictions = model.of_result(self.result(), "lab")
        self.assertEqual({each.part for each in predictions}, {"mix100", "integer"})
        for each in predictions:
            self.assertAlmostEqual(each.error, 0, msg=each.part)
        mix = next(each for each in predictions if each.part == "mix100")
        self.assertAlmostEqual(mix.predicted, 3)  # a millisecond, and 1000 exits of 2 us
        self.assertAlmostEqual(mix.rate, 1e6)

    def test_names_are_drawn_on_either_side_of_their_points(self):
        for wrong in (1.0, 1e6):  # alone on the right, alone on the left
            svg = plots.draw(plots.predictions(self.result(wrong)), "model")
            self.assertEqual(svg.count("a port write each 100 rounds"), 1)

    def test_an_error_is_of_what_was_measured(self):
        _, predictions = model.of_result(self.result(wrong=2), "lab")
        mix = next(each for each in predictions if each.part == "mix100")
        self.assertAlmostEqual(mix.error, -0.5)


class Measuring(unittest.TestCase):
    def test_a_result_is_read_back_as_it_was(self):
        data = self.data()
        self.assertEqual(json.loads(measure.compact(data)), data)

    def test_a_file_is_called_by_the_processor(self):
        data = self.data(cpu="AMD EPYC(tm) 9R14")
        self.assertEqual(measure.file_name(data), "bench/results/amd-epyc-tm-9r14-2026-01-02.json")

    def test_the_lab_s_part_is_joined(self):
        data = self.data()
        measure.merge(data, {"samples": [1], "machines": {"lab": 2}, "date": "other"})
        self.assertEqual(data["samples"][-1], 1)
        self.assertEqual(set(data["machines"]), {"host", "lab"})
        self.assertEqual(data["date"], "2026-01-02")

    def data(self, **host):
        return result_of([sample("host", "bochs", 1, {"sieve": 1})], **host).data


class FirstLine(unittest.TestCase):
    KVM = sample("host", "vmm-kvm", 1, {"sieve": 1})

    def test_says_that_kvm_is_hardware_s(self):
        self.assertIn("are hardware's: A Processor", report.nature(result_of([self.KVM])))

    def test_says_that_kvm_is_nested(self):
        self.assertIn("not hardware's alone", report.nature(result_of([self.KVM], hypervisor=True)))

    def test_says_that_kvm_is_the_lab_s(self):
        text = report.nature(result_of([sample("lab", "vmm-kvm", 1, {})], floor=[["lab", 70000, 77000]]))
        self.assertIn("not hardware's", text)
        self.assertIn("70.0 us", text)

    def test_says_that_there_is_no_kvm(self):
        self.assertIn("no KVM figures", report.nature(result_of([sample("host", "bochs", 1, {})])))


class Verdicts(unittest.TestCase):
    def test_are_certain_only_where_all_rounds_agree(self):
        for numbers, text in (((1.0, 0.9, 1.1), "reached"), ((1.3, 1.25, 1.4), "missed"),
                              ((1.1, 0.9, 1.3), "reached, by the median"),
                              ((1.21, 1.0, 1.3), "missed, by the median")):
            self.assertEqual(report.verdict(Spread(*numbers), 1.2), text)


class Aims(unittest.TestCase):
    def test_the_lab_is_to_blame_only_for_what_qemu_loses_there_too(self):
        for qemu, blamed in ((1.15, True), (0.95, False)):
            result = result_of([sample("lab", name, 1, {"int256": seconds}) for name, seconds in
                                (("native", 1), ("vmm-kvm", 1.2), ("qemu-kvm", qemu))])
            self.assertEqual("the lab's own" in str(report.aims(result)), blamed)


class Results(unittest.TestCase):
    def test_the_newest_is_the_last_whatever_its_file_s_age(self):
        days = [{**result_of().data, "date": day} for day in ("2026-10-01", "2026-01-02", "2026-03-09")]
        self.assertEqual([each.data["date"] for each in report.by_date(days)],
                         ["2026-01-02", "2026-03-09", "2026-10-01"])

    def test_what_was_done_equally_often_is_said_once(self):
        once = result_of([sample("host", engine, 1, {"sieve": 1}) for engine in ("native", "bochs")])
        more = result_of([sample("host", "native", number, {"sieve": 1}) for number in (1, 2)]
                         + [sample("host", "bochs", 1, {"sieve": 1})])
        self.assertIn(" 2 runs, 1 of each engine,", str(report.method(once)))
        self.assertIn(" 3 runs, 1 to 2 of each engine,", str(report.method(more)))


class Rendering(unittest.TestCase):
    BLOCKS = [("heading", 1, "A"), ("text", "b < `c d`"), ("list", ["e", "f"]),
              ("table", ["g", "h"], [["i", "1"]]), ("figure", "plot", "k")]

    def test_markdown(self):
        self.assertEqual(render.markdown(self.BLOCKS, "dir"),
                         "# A\n\nb < `c d`\n\n- e\n- f\n\n| g | h |\n|---|---:|\n| i | 1 |\n\n"
                         "![k](dir/plot.svg)\n")

    def test_lines_are_short_and_code_is_whole(self):
        text = render.wrapped("word " * 40 + "`code of words` " * 20)
        self.assertLessEqual(max(map(len, text.splitlines())), 110)
        self.assertEqual(text.replace("\n", " ").count("`code of words`"), 20)
        self.assertTrue(all(line.count("`") % 2 == 0 for line in text.splitlines()))

    def test_the_page_has_the_figures_inside(self):
        page = render.page(self.BLOCKS, "T", {"plot": '<?xml?>\n<svg id="s"></svg>'})
        self.assertIn('<svg id="s"></svg><figcaption>k', page)
        self.assertIn("b &lt; <code>c d</code>", page)
        self.assertNotIn("<?xml", page)
        self.assertNotIn("http://", page.replace("http://www.w3.org", ""))
