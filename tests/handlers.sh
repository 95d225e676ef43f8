#!/bin/bash
# The software CPU's handlers end in a jump to the next one's. C has no way to demand that of every
# compiler, so this looks at what came out: a handler that calls the next one, or returns to a loop,
# would be slower, and the host's stack would grow with every instruction of the guest.
#
#   tests/handlers.sh [BUILD]
#
# BUILD (default build) has the objects of gcc; those of clang are made where it is installed.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
# shellcheck source=tests/lib.sh
. tests/lib.sh

# handlers OBJECT: section and offset (or the name) of each function that a table of handlers points
# to, and those that execute.c places by name.
handlers() {
    readelf -rW "$1" | awk '
        /^Relocation section/ { table = /\.data\.rel\.ro/ }
        table && $3 == "R_X86_64_64" && $5 ~ /^\.text/ { sub(/^0+/, "", $7); print $5 ":" ($7 == "" ? 0 : $7) }
        table && $3 == "R_X86_64_64" && $5 !~ /^\.text/ { print $5 }'
    printf '%s\n' op_call_function op_repeat
}

# bad_handlers OBJECT: names the handlers with no indirect jump, and those with an indirect call other
# than of the function in op->call (8 bytes from the operation on); then their number.
# A slow path of a handler has the same end.
bad_handlers() {
    handlers "$1" | sort -u >"$scratch/handlers"
    objdump -d --no-show-raw-insn "$1" | awk -v list="$scratch/handlers" '
        function judge() {
            if (name == "" || !wanted) return
            count++
            if (only_jump && instructions == 1) return # another handler is the same
            if (!jumps || calls) print name ": " (jumps ? "calls the next handler" : "no jump to the next handler")
        }
        BEGIN { while ((getline line <list) > 0) handler[line] = 1 }
        /^Disassembly of section/ { judge(); name = ""; section = $4; sub(/:$/, "", section) }
        /^[0-9a-f]+ <.*>:$/ {
            judge()
            name = $2; gsub(/[<>:]/, "", name)
            if (name ~ /-0x/) { name = ""; next } # what only fills the place before a function
            at = $1; sub(/^0+/, "", at); if (at == "") at = 0
            wanted = (section ":" at) in handler || name in handler || name ~ /_slow/
            instructions = only_jump = jumps = calls = 0
            next
        }
        /^ .*\t/ && !/\t(nop|xchg +%ax,%ax|cs nop|data16)/ { instructions++; if (/\tjmp +[0-9a-f]/) only_jump = 1 }
        /\tjmp +\*/ { jumps++ }
        /\tcall +\*/ && !/\tcall +\*0x8\(/ { calls++ }
        END { judge(); print count + 0 }'
}

# all_jump NAME OBJECT...: they have handlers, and none is bad.
all_jump() {
    local name=$1 object total=0 bad=
    shift
    for object; do
        bad_handlers "$object" >"$scratch/bad"
        total=$((total + $(tail -n 1 "$scratch/bad")))
        bad+=$(head -n -1 "$scratch/bad")
    done
    if [[ $total -lt 200 ]]; then
        not_ok "$name" "only $total handlers were found"
    elif [[ $bad ]]; then
        not_ok "$name" "of $total handlers: $bad"
    else
        ok "$name: $total"
    fi
}

# objects MAKE_OPTION...: makes the objects that have handlers, with other options.
objects() {
    make --no-print-directory BUILD="$scratch" "${names[@]/#/$scratch/obj/vmm/cpu/soft/interp/}" "$@" >"$scratch/log" 2>&1 ||
        not_ok "a build with $*" "$(tail -n 3 "$scratch/log")"
}

names=(ops_integer.o ops_flow.o ops_rare.o ops_string.o)
if [[ $(uname -m) != x86_64 ]]; then
    echo "# the code of other processors isn't looked at"
    ok "handlers end in jumps: skipped"
    finish
    exit
fi
all_jump "gcc's handlers end in a jump" "${names[@]/#/$build/obj/vmm/cpu/soft/interp/}"
if command -v clang >/dev/null; then
    objects CC=clang
    all_jump "clang's handlers end in a jump" "${names[@]/#/$scratch/obj/vmm/cpu/soft/interp/}"
else
    echo "# skipped, clang is not installed: its handlers"
fi

# Does this test see it?
rm -rf "$scratch/obj"
names=(ops_flow.o)
objects "CC=gcc -fno-optimize-sibling-calls"
if [[ $(bad_handlers "$scratch/obj/vmm/cpu/soft/interp/ops_flow.o" | grep -c ': ') -gt 20 ]]; then
    ok "calls instead of jumps would be noticed"
else
    not_ok "calls instead of jumps would be noticed" "they were not"
fi
finish
