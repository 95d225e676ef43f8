#!/bin/bash
# 1K OS as a user meets it: typed at, broken on purpose, asked for its status.
#   tests/os1k.sh [VMM]       VMM_OPTIONS are given to every `vmm run`
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
read -ra options <<<"${VMM_OPTIONS:-}"

# type_at TEXT [OPTION...]: boots with that typed; printf's escapes count.
type_at() {
    local text=$1
    shift
    # shellcheck disable=SC2059
    printf "$text" | "$vmm" run --timeout 60 "${options[@]}" "$@" build/os1k.elf
}

# type_late TEXT TEXT: types the second when the first has been at work for a while.
type_late() {
    # shellcheck disable=SC2059
    { printf "$1" && sleep 1 && printf "$2"; } |
        "$vmm" run --timeout 60 "${options[@]}" build/os1k.elf
}

check "a first session" 0 type_at 'hello\nexit\n'
says "prints a banner" "$(head -n 1 <<<"$out")" '^1K OS [0-9]'
says "says hello" "$out" '^Hello world from shell!$'
says "prompts" "$out" '^> hello$'

check "commands" 0 type_at 'help\nps\nuptime\nmem\nfrobnicate\nexit\n'
says "help lists them" "$out" '^hello +'
says "ps lists the shell" "$out" '^ *1 .*running.*shell$'
says "ps lists idle" "$out" ' idle$'
says "uptime counts" "$out" '^up [0-9]+\.[0-9][0-9] seconds$'
says "mem counts" "$out" '^[0-9]+ of [0-9]+ pages free'
says "an unknown command" "$out" '^unknown command: frobnicate$'

check "editing a line" 0 type_at 'hexx\b\bllo\nhxllo\x7f\x7f\x7f\x7fello\rps ax\025hello\r\nexit\n'
if [[ $(grep -c '^Hello world from shell!$' <<<"$out") == 3 ]]; then
    ok "backspace, delete, Ctrl-U, and both line ends"
else
    not_ok "backspace, delete, Ctrl-U, and both line ends" "not three times hello"
fi
check "a long line" 0 type_at "$(printf 'x%.0s' {1..300})"'\nhello\nexit\n'
says "is refused" "$out" '^command line too long$'
says "and the next one works" "$out" '^Hello world from shell!$'
check "Ctrl-D ends the shell" 0 type_at '\004'
says "on a line of its own" "$out" '^process 1 exited$'
check "arrow and function keys" 0 type_at 'he\033[Dl\033[1;5Cl\033[3~\033OAo\nexit\n'
says "leave the line alone" "$out" '^Hello world from shell!$'
check "much input at once" 0 type_at "$(printf 'hello\\n%.0s' {1..100})exit\n"
if [[ $(grep -c '^Hello world' <<<"$out") == 100 ]]; then ok "none is lost"; else
    not_ok "none is lost" "$(grep -c '^Hello world' <<<"$out") of 100 lines"; fi
lines=$(printf "hello\\\\n%0.s$(printf ' %.0s' {1..120})\\\\n" {1..600})
check "more input than the kernel holds" 0 type_at "counter 1 500\n${lines}exit\n"
if [[ $(grep -c '^Hello world' <<<"$out") == 600 ]]; then ok "waits outside"; else
    not_ok "waits outside" "$(grep -c '^Hello world' <<<"$out") of 600 lines"; fi

check "programs that crash" 0 type_at 'crash-null\ncrash-kernel\ncrash-port\ncrash-stack\nhello\nexit\n'
says "a null pointer is named" "$out" '^crash-null \(pid [0-9]+\) killed: page fault .*0x0000000.*not mapped.* at eip=0x0?1[0-9a-f]+'
says "kernel memory is out of reach" "$out" '^crash-kernel .*page fault .*not allowed'
says "so are ports" "$out" '^crash-port .*general protection fault'
says "a stack has an end" "$out" '^crash-stack .*page fault'
says "the shell lives on" "$out" '^Hello world from shell!$'

check "a program that spins" 0 type_at 'spin &\nspin &\nhello\nps\nkill 2\nkill 3\nps\nhello\nexit\n'
if [[ $(grep -c '^Hello world' <<<"$out") == 2 ]]; then ok "does not stop the others"; else
    not_ok "does not stop the others" "hello was not answered twice"; fi
says "is listed" "$out" '^ *2 .* spin$'
check "a foreground program" 0 type_at 'counter\nhello\nexit\n'
says "is waited for" "$out" '^Hello world'
check "Ctrl-C" 0 type_at 'spin\n\003hello\nps\nexit\n'
says "ends the program in the foreground" "$out" '^Hello world'
lacks "at once" "$out" '^ *[0-9].* spin$'
check "Ctrl-C on the keyboard" 0 type_at 'spin\n\003hello\nexit\n' --input keyboard
says "does so too" "$out" '^Hello world'
check "Ctrl-C at a shell in a shell" 0 type_at 'shell\nspin\n\003ps\nhex\003exit\nexit\n'
says "ends what the inner one runs" "$out" '^ *2 +1 +running .* shell$'
lacks "and leaves nothing behind" "$out" '^ *[0-9].* spin$'
says "gives up a line" "$out" '^> hex\^C$'
much=$(printf 'a%.0s' {1..3000})
check "Ctrl-C behind 3000 characters" 0 type_late 'spin\n' "$much\003hello\nexit\n"
says "is seen" "$out" '^Hello world'
lacks "and they are forgotten" "$out" 'aaaa'
check "the same, of a shell in a shell" 0 type_at "shell\ncounter 1 500\n$much\003hello\nexit\nexit\n"
says "leaves both alive" "$out" '^process 2 exited$'
check "a shell in the background" 0 type_at 'shell &\nspin\n\003hello\nexit\n'
says "reads nothing" "$out" '^Hello world'

spawns=$(printf 'crash-null\\n%.0s' {1..40})
check "40 programs one after another" 0 type_at "mem\n${spawns}mem\nexit\n"
if [[ $(grep 'pages free' <<<"$out" | sort -u | wc -l) == 1 ]]; then ok "leave memory as it was"; else
    not_ok "leave memory as it was" "$(grep 'pages free' <<<"$out" | tr '\n' ' ')"; fi

check "typing on the keyboard" 0 type_at 'Hello\bo!\nhello\nexit\n' --input keyboard
says "has capitals and signs" "$out" '^unknown command: Hello!$|^unknown command: Hell'
says "and runs commands" "$out" '^Hello world from shell!$'

check "exit with a status" 15 type_at 'exit 7\n'
check "the highest" 255 type_at 'exit abc\nexit 300\nexit 128\nexit -1\nkill 0\nexit 127\n'
if [[ $(grep -c '^usage: exit' <<<"$out") == 4 ]]; then ok "no other is taken"; else
    not_ok "no other is taken" "not four times the usage"; fi
says "idle cannot be killed" "$out" '^cannot kill process 0$'
check "a kernel panic" 101 type_at '' --append panic
says "names file and line" "$out" 'PANIC.*\.rs:[0-9]+|panic.*\.rs:[0-9]+'
check "a fault of the kernel" 101 type_at '' --append fault
says "is decoded" "$out" 'page fault'
check "a kernel stack overflow" 101 type_at '' --append overflow
says "is found by the double fault task" "$out" 'double fault'

check "little memory" 0 type_at 'hello\nexit\n' -m 4
check "much memory" 0 type_at 'mem\nexit\n' -m 1G

check "time passes while it is idle" 124 "$vmm" run "${options[@]}" --timeout 2 \
    --report "$scratch/report" build/os1k.elf </dev/null
ticks=$(sed -nE 's/.*"irq": 0, "raised": [0-9]+, "injected": ([0-9]+).*/\1/p' "$scratch/report")
if [[ ${ticks:-0} -ge 150 && $ticks -le 200 ]]; then ok "at 100 ticks a second"; else
    not_ok "at 100 ticks a second" "$ticks in 2 s less the boot"; fi

finish
