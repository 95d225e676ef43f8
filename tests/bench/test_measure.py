import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

import complete
from compare import engines, measure, workloads

QUICK = {part.name: [1, 1, 1, 1, 1] for part in workloads.PARTS if part.quick}


def guest(counts, _):
    """An engine in shell: what the guest prints of these parts."""
    lines = "".join(f"begin {name}={count}\nend\nok 0 1 0\n" for name, count in counts.items())
    return ["printf", f"start\n{lines}done\n"]


def crashes(*_):
    return ["sh", "-c", "echo start; echo '*** buffer overflow detected ***: terminated' >&2; kill -ABRT $$"]


def garbles(counts, _):
    return ["printf", f"start\nbegin {next(iter(counts))}=1\nend\nok 12 *** buffer\n"]


def place(**commands):
    """Place with engines of these commands, all of which are here."""
    table = [engines.BY_NAME[name.replace("_", "-")]._replace(command=command) for name, command in commands.items()]
    with mock.patch.object(engines, "ENGINES", table), mock.patch.object(engines, "missing", return_value=None), \
            mock.patch.object(engines, "kvm_verdict", return_value=(False, "")), \
            mock.patch.object(measure, "machine", return_value={}):
        here = measure.Place("host", measure.MODES["once"])
        with contextlib.redirect_stderr(io.StringIO()):
            here.measure()
    return here


class PeersThatFail(unittest.TestCase):
    def test_one_that_crashes_is_skipped_in_its_words_and_the_others_are_measured(self):
        here = place(bochs=crashes, qemu_tcg=guest)
        self.assertEqual({name for _, name, *_ in here.samples}, {"qemu-tcg"})
        self.assertEqual({(name, why) for _, name, why in here.skipped},
                         {("bochs", "it failed: *** buffer overflow detected ***: terminated")})

    def test_one_that_prints_something_else_is_skipped_too(self):
        here = place(bochs=garbles, qemu_tcg=guest)
        self.assertEqual({name for _, name, *_ in here.samples}, {"qemu-tcg"})
        self.assertIn("but: ok 12 *** buffer", here.skipped[0][2])


class Complete(unittest.TestCase):
    """Of a result in which all are sampled but those named."""

    def problem(self, reasons=(), without=(), here=engines.BY_NAME):
        skipped = dict(reasons)
        samples = [["host", engine.name, 1, 0.1,
                    {name: row for name, row in QUICK.items()
                     if workloads.BY_NAME[name].native or engine.name != "native"}]
                   for engine in engines.ENGINES if engine.name not in skipped and engine.name not in without]
        return complete.problem({"samples": samples, "skipped": [["host", *row] for row in skipped.items()]},
                                set(here))

    def test_all_sampled_is_complete(self):
        self.assertIsNone(self.problem())

    def test_a_peer_that_failed_may_be_skipped(self):
        self.assertIsNone(self.problem({"bochs": "it failed: buffer overflow"}))

    def test_not_without_a_reason(self):
        self.assertIn("no reason", self.problem(without=["bochs"]))

    def test_not_one_of_ours_that_is_here(self):
        self.assertIn("no guest", self.problem({"vmm-soft": "it failed: no guest"}))
        self.assertIsNone(self.problem({"vmm-kvm": "KVM"}, here=engines.BY_NAME.keys() - {"vmm-kvm"}))

    def test_not_all_of_them(self):
        peers = {engine.name: "it failed" for engine in engines.ENGINES if engines.is_peer(engine)}
        self.assertIn("no peer", self.problem(peers))
        self.assertIsNone(self.problem(peers, here=engines.BY_NAME.keys() - peers.keys()))

    def test_not_with_a_part_too_few(self):
        with mock.patch.dict(QUICK):
            QUICK.popitem()
            self.assertIsNotNone(self.problem())


class Bochs(unittest.TestCase):
    def test_it_opens_no_sound_device(self):
        with tempfile.TemporaryDirectory() as scratch, open(os.path.join(scratch, "disk"), "wb") as disk:
            disk.write(bytes(4096))
            disk.flush()
            with mock.patch.object(engines, "DISK", disk.name):
                engines.bochs({"sieve": 1}, scratch)
            with open(os.path.join(scratch, "bochsrc"), encoding="ascii") as file:
                lines = file.read().splitlines()
        self.assertIn("plugin_ctrl: speaker=0", lines)
        self.assertIn("sound: driver=dummy", lines)


if __name__ == "__main__":
    unittest.main()
