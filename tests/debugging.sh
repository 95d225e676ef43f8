#!/bin/bash
# docs/debugging.md, word for word: each command of its blocks is run, in their order, and each line that it shows
# must be printed. Addresses and numbers of a compiler's making may differ.
#   tests/debugging.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
export LC_ALL=C.UTF-8 TERM=dumb
page=docs/debugging.md

if ! command -v gdb >/dev/null; then
    echo "ok - # SKIP there is no gdb (apt-get install gdb)"
    finish
    exit
fi
if [[ $vmm != build/vmm ]]; then
    echo "ok - # SKIP the page is about build/vmm"
    finish
    exit
fi
port=$((20000 + $$ % 20000)) # for 1234, which may be in use

# A session is a command, what is typed at it, and what is printed: "N $ ...", "N < ...", "N > ...". Blocks that begin
# with gdb's prompt go on with the session before. Commands that end in & are one with the next.
awk '/^```/ {fence = !fence; inside = fence && /^```$/; next} !inside {next}
    /^\$ / {if (!joined) n++; joined = /&$/; print n, "$", substr($0, 3); next}
    /^\(gdb\) / {print n, "<", substr($0, 7); next}
    /^[^ .]|^ / {print n, ">", $0}' $page | sed "s/:1234/:$port/; s/ -s / --gdb $port /" >"$scratch/sessions"
# part N SIGN
part() { sed -n "s/^$1 $2 //p" "$scratch/sessions"; }
# Numbers and lengths of blanks aside.
plain() { sed -E 's/^(\(gdb\) )+//; s/^[a-z0-9_]+\.(elf|bin): //; s/0x[0-9a-f]+/0x/g; s/[\t ]+/ /g; s/#[0-9]+ 0x in/#0 in/; s/(value = |\$)[0-9]+/\1N/'; }

count=$(tail -n 1 "$scratch/sessions" | cut -d ' ' -f 1)
for ((n = 1; n <= count; n++)); do
    name=$(part $n '\$' | tail -n 1)
    part $n '\$' >"$scratch/command"
    part $n '<' >"$scratch/typed"
    timeout 60 bash "$scratch/command" <"$scratch/typed" >"$scratch/out" 2>"$scratch/err"
    cat "$scratch/out" "$scratch/err" | tr -d '\r' | plain >"$scratch/printed"
    lacks "$name: no error" "$(cat "$scratch/out" "$scratch/err")" 'No symbol|^Undefined|[Ss]yntax error|not found|Argument|No such file|there is no command|Couldn.t'
    while IFS= read -r line; do
        if [[ $(grep -cF -- "$line" "$scratch/printed") == 0 ]]; then
            not_ok "$name: prints '$line'" "it does not"
            tail -n 20 "$scratch/printed" | sed 's/^/    | /'
        else
            ok "$name: $line"
        fi
    done < <(part $n '>' | plain)
done
check "the page has sessions enough" 0 test "$count" -ge 8

# ---- Visual Studio Code ----
awk '/^```json/ {on = 1; next} /^```/ {on = 0} on' $page >"$scratch/launch.json"
check "launch.json is JSON" 0 jq -e '.configurations[0].miDebuggerServerAddress == "127.0.0.1:1234"' "$scratch/launch.json"
# of KEY: its value.
of() { jq -r ".configurations[0].$1" "$scratch/launch.json" | sed "s|\${workspaceFolder}|$PWD|g; s/ -s / --gdb $port /"; }
: >"$scratch/started"
read -ra arguments <<<"$(of debugServerArgs)"
"$(of debugServerPath)" "${arguments[@]}" </dev/null >"$scratch/started" 2>&1 &
server=$!
soon grep -q "$(of serverStarted)" "$scratch/started"
says "the server says that it has started" "$(<"$scratch/started")" "$(of serverStarted)"
check "and gdb comes there" 0 gdb -nx -batch -ex "$(of 'setupCommands[0].text')" -ex "target remote 127.0.0.1:$port" -ex 'break boot' \
    -ex continue -ex kill "$(of program)"
says "with the program" "$out" 'Breakpoint 1, boot \(title='
wait "$server"

finish
