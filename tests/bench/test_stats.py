import unittest

from compare.stats import Spread, duration, figure, ratio, repetitions, spread


class Spreads(unittest.TestCase):
    def test_the_median_of_an_odd_number_is_the_middle(self):
        self.assertEqual(spread([5, 1, 3]), Spread(3, 1, 5))

    def test_the_median_of_an_even_number_is_between(self):
        self.assertEqual(spread([4, 1, 2, 100]), Spread(3, 1, 100))

    def test_of_nothing_there_is_none(self):
        with self.assertRaises(ValueError):
            spread([])

    def test_ratios_are_of_the_same_round(self):
        # The second round was slow for both: by medians the ratio would be 5.5.
        self.assertEqual(ratio({1: 2, 2: 20, 3: 2}, {1: 1, 2: 10, 3: 1}), Spread(2, 2, 2))

    def test_rounds_of_one_side_alone_have_no_ratio(self):
        self.assertEqual(ratio({1: 4, 2: 9}, {2: 3, 5: 1}), Spread(3, 3, 3))


class Repetitions(unittest.TestCase):
    def test_are_as_many_as_the_time_needs(self):
        self.assertEqual(repetitions(10, 0.01, 0.2), 200)

    def test_are_at_least_one(self):
        self.assertEqual(repetitions(1, 3.0, 0.2), 1)

    def test_of_what_took_no_time_go_up_by_steps(self):
        self.assertEqual(repetitions(7, 0, 0.2), 700)

    def test_have_an_end(self):
        self.assertEqual(repetitions(1_000_000, 1e-9, 10), 10_000_000)


class Figures(unittest.TestCase):
    def test_have_three_digits(self):
        for value, text in ((0, "0"), (0.012345, "0.0123"), (1, "1.00"), (1.2345, "1.23"), (9.999, "10.0"),
                            (45.67, "45.7"), (99.99, "100"), (789.4, "789"), (999.7, "1,000"),
                            (12345, "12,300"), (1234567, "1,230,000"), (-1.5, "-1.50")):
            with self.subTest(value=value):
                self.assertEqual(figure(value), text)

    def test_durations_have_the_unit_that_suits_them(self):
        for seconds, text in ((2, "2.00 s"), (0.0123, "12.3 ms"), (4.5e-6, "4.50 us"), (7e-9, "7.00 ns"),
                              (2e-11, "0.02 ns")):
            with self.subTest(seconds=seconds):
                self.assertEqual(duration(seconds), text)
