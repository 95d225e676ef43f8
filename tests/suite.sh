#!/bin/bash
# Everything that runs guests, on the CPU engine that VMM picks or VMM_OPTIONS names: on the host, or
# inside the lab (`make lab`).   tests/suite.sh [VMM [SUITE...]]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
suites=("${@:2}")
[[ ${#suites[@]} != 0 ]] || suites=(guests os1k cli trace snapshot conformance random)
passed=0 failed=0
for suite in "${suites[@]}"; do
    echo "# tests/$suite.sh $vmm"
    last=
    while IFS= read -r line; do
        last=$line
        [[ $line == *" passed, "*" failed" ]] || printf '%s\n' "$line"
    done < <(tests/$suite.sh "$vmm" 2>&1)
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        echo "not ok - $suite: ended early"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
