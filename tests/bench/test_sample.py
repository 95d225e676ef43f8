import unittest

from compare.sample import Failed, Lines, run

RUN = ["a banner", "start", "begin int10=20", "end", "ok 7DC2D6F7 0000000100000002 00000003", "done"]


def lines_of(texts):
    """Each line a second of wall time after the one before, and half a second of CPU time."""
    lines = Lines()
    for number, text in enumerate(texts):
        lines.add(text, number, number / 2)
    return lines


def shell(text):
    return ["sh", "-c", text]


class Parsing(unittest.TestCase):
    def test_a_part_has_its_count_times_ticks_and_events(self):
        lines = lines_of(RUN)
        self.assertEqual(lines.parts, {"int10": (20, 1, 0.5, 0x100000002, 3)})
        self.assertEqual(lines.start_s, 1)
        self.assertTrue(lines.done)

    def test_time_is_up_to_end_not_to_the_result(self):
        lines = lines_of(["begin a=1", "end", "", "", "", "ok 0 0 0"])
        self.assertEqual(lines.parts["a"][1], 1)

    def test_a_wrong_result_is_an_error_that_names_the_part(self):
        with self.assertRaisesRegex(Failed, "wrong result of int10"):
            lines_of([line.replace("ok", "wrong") for line in RUN])

    def test_what_others_print_is_passed_over(self):
        noise = ["end", "ok 1 2 3", "begin", "begin here", "ok", "wrong", "done and dusted", "0: start"]
        lines = lines_of(noise)
        self.assertEqual((lines.parts, lines.done, lines.start_s), ({}, False, None))


class Running(unittest.TestCase):
    def test_a_run_gives_a_sample(self):
        sample = run(shell("printf '%s\\n' " + " ".join(f"'{line}'" for line in RUN)), {"int10": 20})
        self.assertEqual(sample.parts["int10"][0], 20)

    def test_a_run_is_ended_when_it_is_done(self):
        self.assertEqual(run(shell("echo start; echo done; exec sleep 1000"), {}).parts, {})

    def test_a_part_without_a_result_is_an_error(self):
        with self.assertRaisesRegex(Failed, "no result of sieve"):
            run(shell("echo start; echo done; exec sleep 1000"), {"sieve": 1})

    def test_silence_is_an_error(self):
        with self.assertRaisesRegex(Failed, "nothing came for 0.2 s, in halt"):
            run(shell("echo start; echo begin halt=1; exec sleep 1000"), {}, patience=0.2)

    def test_an_early_end_is_told_in_the_words_of_the_program(self):
        with self.assertRaisesRegex(Failed, "no such machine"):
            run(shell("echo start; echo no such machine >&2; exit 3"), {})

    def test_an_early_end_without_words_is_told_by_its_status(self):
        with self.assertRaisesRegex(Failed, "status"):
            run(shell("exit 3"), {})

    def test_a_program_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(Failed, "no-such-emulator"):
            run(["no-such-emulator"], {})
