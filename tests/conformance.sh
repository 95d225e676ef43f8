#!/bin/bash
# Runs the guests of tests/conformance, which walk the privileged architecture and say of each rule
# in the manual whether the CPU keeps it. Works on the host and inside the KVM lab.
#
#   tests/conformance.sh [VMM [NAME...]]
#
# VMM_OPTIONS are further options for `vmm run`, such as "--cpu kvm". Under KVM the processor is not
# ours to mend, and the lab's is an emulated one with known gaps: checks listed in
# tests/conformance/lab.list, on Intel's processors in lab-intel.list, are passed over there if they fail.
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
[[ $# == 0 ]] || shift
# shellcheck source=tests/lib.sh
. tests/lib.sh
passed_over=0
declare -A gap=() # "yes", and "seen" once one has failed
if [[ ${LAB-} || ${VMM_OPTIONS-} == *kvm* ]]; then
    list=tests/conformance/lab.list
    ! grep -q GenuineIntel /proc/cpuinfo || list=tests/conformance/lab-intel.list
    while IFS='|' read -r name check condition; do
        [[ $name != '' && $name != \#* ]] || continue
        read -r check <<<"$check"
        IFS='= ' read -r parameter value <<<"$condition"
        [[ ! $parameter || $(cat "/sys/module/kvm_intel/parameters/$parameter") == "$value" ]] || continue
        gap["${name// /}|$check"]=yes
    done <$list
fi

run() {
    local name=$1 mode=pm32 load=() image=build/conformance/$1.bin status=0 totals=''
    local last='' topic='' failed_line
    if [[ $name == real_* ]]; then
        mode=real load=(--load 0x10000)
    fi
    if [[ ! -e $image ]]; then
        not_ok "$name" "$image is not there"
        return
    fi
    # shellcheck disable=SC2086 # options are several words
    timeout -s KILL 60 "$vmm" run --timeout 20s ${VMM_OPTIONS-} --mode $mode \
        ${load[@]+"${load[@]}"} "$image" </dev/null >"$scratch/out" 2>"$scratch/err" || status=$?
    while IFS= read -r line; do
        failed_line=
        case $line in
        'ok '*) last=${line#ok } ;;
        'FAILED '*)
            failed_line=${line##*: expected }
            last=${line#FAILED }
            last=${last%: expected *}
            ;;
        *' checks, '*' failed') totals=$line ;;
        *) not_ok "$name" "an unexpected line: $line" ;;
        esac
        [[ $line == 'ok '* || $line == 'FAILED '* ]] || continue
        if [[ $last == '  '* ]]; then # more of what came before
            last="$topic:${last# }"
        else
            topic=$last
        fi
        if [[ ! $failed_line ]]; then
            ok "$name: $last"
        elif [[ ${gap["$name|$last"]-} ]]; then
            passed_over=$((passed_over + 1))
            gap["$name|$last"]=seen
            echo "passed over - $name: $last"
        else
            not_ok "$name: $last" "expected $failed_line"
        fi
    done <"$scratch/out"
    if [[ ! $totals ]]; then
        not_ok "$name" "status $status after the check '$last'"
        head -n 12 "$scratch/err" | sed 's/^/    | /'
    elif [[ $status != 0 && $status != 3 ]]; then
        not_ok "$name" "status $status"
    fi
}

if [[ $# != 0 ]]; then
    names=("$@")
else
    names=()
    for source in tests/conformance/*.asm; do
        names+=("$(basename "$source" .asm)")
    done
fi
for name in "${names[@]}"; do
    run "$name"
done
[[ $passed_over == 0 ]] || echo "# $passed_over passed over: gaps of the lab's processor"
# What is listed and has passed may come off the list, if it passes on each machine that this is for.
for name in "${names[@]}"; do
    for check in "${!gap[@]}"; do
        [[ $check != "$name|"* || ${gap[$check]} == seen ]] || echo "# in $list, and passed: ${check/|/ | }"
    done
done
finish
