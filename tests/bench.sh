#!/bin/bash
# The bench: unit tests of its parsers and statistics; one sample of every engine that is here; that a wrong
# answer ends a measurement; and the report of that sample, in a browser.
set -u
cd "$(dirname "$0")/.." || exit 2
export PYTHONPATH=bench PYTHONPYCACHEPREFIX=build/pycache
out=build/tests/bench
rm -rf $out && mkdir -p $out
passed=0 failed=0

# check NAME COMMAND...: what the command says is shown when it fails.
check() {
    local name=$1
    shift
    if "$@" >$out/log 2>&1; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        sed 's/^/    /' $out/log
        failed=$((failed + 1))
    fi
}

while IFS= read -r line; do
    case $line in
    'ok '*) passed=$((passed + 1)) ;;
    'not ok '*) failed=$((failed + 1)) ;;
    esac
    printf '%s\n' "$line"
done < <(python3 tests/bench/unit.py 2>&1)
[ "$passed" != 0 ] || { echo "not ok - no unit test ran"; failed=1; }

check "a sample of each engine" python3 -m compare measure --mode once --no-lab -o $out/once.json
check "one build against another" python3 -m compare against --rounds 1 --seconds 0.02 build/vmm port int ud
check "each engine of ours that is here did every part, and peers, or why not" python3 tests/bench/complete.py $out/once.json
sed 's/^/# /' $out/log

wrong_answer() {
    sed 's/\(RESULT_sieve equ\).*/\1 0/' build/bench/guests/results.inc >$out/results.inc &&
        nasm -Ibench/guests/ -I$out/ -f elf32 -o $out/native.o bench/guests/native.asm &&
        ld.lld -m elf_i386 -T linker/guest.ld -o $out/native.elf $out/native.o || return
    python3 - $out/native.elf <<'END'
import sys
from compare import engines, sample
try:
    engines.NATIVE = sys.argv[1]
    sample.run(engines.native({"sieve": 1}, None), {"sieve": 1})
except sample.Failed as failure:
    sys.exit("wrong result of sieve" not in str(failure))
sys.exit("a wrong result was taken")
END
}
if build/bench/guests/native.elf '' >/dev/null 2>&1; then
    check "a wrong answer ends the measurement" wrong_answer
fi

check "the report" python3 -m compare report --markdown $out/report.md --plots $out/plots --page $out/report.html $out/once.json
missing() { python3 -m compare report --markdown $out/x --plots $out/x --page $out/x $out/no.json 2>&1 | grep -qx "$out/no.json: .*'make bench'.*"; }
check "a result that is not there is asked for" missing
check "the page in a browser, with its plots" python3 tests/bench/page.py $out/report.html
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
