"""The unit tests of the bench, each a line of the Test Anything Protocol. Run from the repository's top
directory, with bench/ on PYTHONPATH."""

import sys
import unittest


class Tap(unittest.TestResult):
    def addSuccess(self, test):
        print(f"ok - {test.id()}")

    def addFailure(self, test, err):
        print(f"not ok - {test.id()}")
        print("".join(f"    {line}\n" for line in self._exc_info_to_string(err, test).splitlines()), end="")
        self.failures.append((test, ""))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err:
            self.addFailure(subtest, err)

    def addSkip(self, test, reason):
        print(f"ok - {test.id()} # SKIP {reason}")


result = Tap()
unittest.defaultTestLoader.discover("tests/bench").run(result)
sys.exit(not result.wasSuccessful())
