#!/bin/bash
# 1K OS as a user sees it: commands, crashes on purpose, exit statuses.
#   tests/os1k.sh [VMM]       VMM_OPTIONS are given to every `vmm run`; SHORT=1 leaves out what takes long
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
read -ra options <<<"${VMM_OPTIONS:-}"
slow="" seconds=200 changes=100 lines=600 pause=1000
if grep -qs LAB_RUN /proc/cmdline; then # there, a guest's exit takes a hundred times as long
    slow=1 changes=20 lines=60 pause=6000
fi
disk=$scratch/disk
cp build/os1k.disk "$disk"

# boot [OPTION...], without a disk, and with one.
boot() { "$vmm" run --timeout "$seconds" "${options[@]}" "$@" build/os1k.elf; }
with() { boot --disk "$disk" "$@"; }

# type_at TEXT [OPTION...]: boots with TEXT as input; it may have printf's escapes.
type_at() {
    local text=$1
    shift
    # shellcheck disable=SC2059
    printf "$text" | with "$@"
}

# type_late TEXT PATTERN TEXT: types the second text when the output, without line ends, matches
# PATTERN, or after 30 s. It runs under `check`, which writes the output to a file.
type_late() {
    {
        # shellcheck disable=SC2059
        printf "$1"
        for ((i = 0; i < 300; i++)); do
            tr -d '\000\r\n' <"$scratch/out" | grep -Eq "$2" && break
            sleep 0.1
        done
        # shellcheck disable=SC2059
        printf "$3"
    } | with
}

# equal NAME GOT WANT
equal() { if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "'$2', not '$3'"; fi; }

# tar_agrees NAME DIRECTORY: the host's tar reads the disk without a message, and finds those files.
tar_agrees() {
    rm -rf "$scratch/tree"
    mkdir "$scratch/tree"
    check "$1: the host's tar reads it" 0 tar -xf "$disk" -C "$scratch/tree"
    equal "without a message" "$err" ""
    check "and finds the same files" 0 diff -r "$2" "$scratch/tree"
}

check "a first session" 0 type_at 'hello\nexit\n'
says "prints a banner" "$(head -n 1 <<<"$out")" '^1K OS [0-9]'
says "says hello" "$out" '^Hello world from shell!$'
says "prompts" "$out" '^> hello$'

says "says how large the disk is" "$out" '^virtio-blk: capacity is 2097152 bytes$'
says "and what is on it" "$out" '^file: hello.txt, size=44$'

# What a newcomer does, line by line.
check "a newcomer's session" 0 type_at 'ls\ncat hello.txt\nwrite note.txt to be, or not to be\ncat note.txt
run primes 30\ncrash-null\nspin &\nps\nkill 4\nps\nshutdown\n'
says "ls lists files" "$out" '^ +44  hello.txt$'
says "cat shows one" "$out" '^Hello, this file lies on the disk'
says "write says how much it wrote" "$out" '^wrote 20 bytes to disk$'
says "cat shows what was written" "$out" '^to be, or not to be$'
says "run runs a program" "$out" '^2 3 5 7 11 13 17 19 23 29 $'
says "its end is reported" "$out" '^process 2 exited$'
says "a crash is reported" "$out" '^crash-null \(pid 3\) killed: page fault'
says "& says the process number" "$out" '^\[4\] spin$'
equal "kill ends it" "$(grep -c ' spin$' <<<"${out#*4] spin}")" 1
check "a second boot" 0 type_at 'cat note.txt\nappend note.txt that is\nreadfile\nwritefile\nreadfile\nrm meow.txt\ncat meow.txt\nexit\n'
says "finds what the first one wrote" "$out" '^to be, or not to be$'
says "writefile writes" "$out" '^wrote 18 bytes to disk$'
says "readfile reads it" "$out" '^Hello from shell!$'
says "what was removed is gone" "$out" '^file not found: meow.txt$'
cp -R build/os1k/disk "$scratch/want"
printf 'to be, or not to be\nthat is\n' >"$scratch/want/note.txt"
printf 'Hello from shell!\n' >"$scratch/want/hello.txt"
rm "$scratch/want/meow.txt"
tar_agrees "after two boots" "$scratch/want"

# Writes, additions and removals; the same ones in a folder of the host.
RANDOM=1000
session=
for ((i = 0; i < changes; i++)); do
    name=file$((RANDOM % 7)) text=$(head -c $((RANDOM % 60 + 1)) /dev/zero | tr '\0' "$((RANDOM % 10))")
    case $((RANDOM % 4)) in
    0) session+="rm $name\n" && rm -f "$scratch/want/$name" ;;
    1) session+="write $name $text\n" && echo "$text" >"$scratch/want/$name" ;;
    *)  for ((j = RANDOM % 12; j >= 0; j--)); do
            session+="append $name $text\n" && echo "$text" >>"$scratch/want/$name"
        done ;;
    esac
done
check "$changes changes" 0 type_at "${session}exit\n"
tar_agrees "then" "$scratch/want"

check "programs" 0 type_at 'run multiplication 3\necho one two\nfibonacci 10\nfactorial 20\nfactorial 21\ngcd 84 36\nmatrix
calculator 2*(3+4)-10/3-1\ncalculator 1/0\ncalculator -(7-10)*2\ncalculator\n6*7\n\004counter 3 1\nexit\n'
says "multiplication" "$out" '^ +3 +6 +9$'
says "echo" "$out" '^one two$'
says "fibonacci" "$out" '^0 1 1 2 3 5 8 13 21 34 $'
says "factorial" "$out" '^20! = 2432902008176640000$'
says "factorial, too large" "$out" '^21! is too large$'
says "gcd" "$out" '^gcd\(84, 36\) = 12$'
says "matrix" "$out" '^ +14 +15 +16$'
says "calculator" "$out" '^10$'
says "calculator, no number" "$out" '^not an expression'
says "calculator, unary minus" "$out" '^6$'
says "calculator, line by line" "$out" '^42$'
says "counter" "$out" '^3$'
check "processes A and B, which never yield" 0 type_late 'proc-a &\nproc-b\n' 'A+B+A+B+A+B' '\003kill 2\nexit\n'
says "take turns" "$(tr -d '\n' <<<"$out")" 'A+B+A+B+A+B'

printf 'no tar\n' >"$scratch/bad"
truncate -s 64K "$scratch/bad"
head -c 100000 build/os1k.disk >"$scratch/short"
{ head -c 150 build/os1k.disk && printf 7 && tail -c +152 build/os1k.disk; } >"$scratch/sum"
for bad in "bad:not a tar archive" "short:the archive is cut short" "sum:a header with a wrong checksum"; do
    disk=$scratch/${bad%%:*}
    cp "$disk" "$disk.before"
    check "a disk that is ${bad#*:}" 0 type_at 'hello\nls\nwrite x y\nprimes\nps\nexit\n'
    says "is reported" "$out" "^cannot use the disk: ${bad#*:}\$"
    says "leaves a shell" "$out" '^Hello world from shell!$'
    says "that has no files" "$out" "^x: ${bad#*:}\$"
    check "and is not changed" 0 cmp "$disk" "$disk.before"
done
disk=$scratch/empty
truncate -s 6K "$disk"
check "an empty disk" 0 type_at 'ls\nwrite one 1\nwrite two 2\nrm one\nwrite three 3\nls\nexit\n'
mkdir "$scratch/few"
echo 2 >"$scratch/few/two" && echo 3 >"$scratch/few/three"
tar_agrees "becomes a tar" "$scratch/few"
fill=$(printf 'append two 3456789 123456789 123456789 123456789 123456789\\n%.0s' {1..100})
check "a full disk" 0 type_at "${fill}rm three\nwrite four 4\ncat four\nexit\n"
says "is reported" "$out" '^two: the disk is full$'
says "has room again" "$out" '^4$'
check "and is a tar" 0 tar -tf "$disk"
disk=$scratch/disk
check "a read-only disk" 0 boot --disk "$disk,ro" <<<'cat note.txt
write note.txt no
exit'
says "can be read" "$out" '^that is$'
says "but not written" "$out" '^note.txt: the disk is read-only$'
check "no disk" 0 boot <<<'hello
ls
primes
selftest
exit'
says "is reported" "$out" '^virtio-blk: no disk'
says "leaves a shell" "$out" '^Hello world from shell!$'
says "without programs" "$out" '^unknown command: primes$'

check "the system's own test" 0 type_at 'selftest\n'
lacks "finds nothing" "$out" '^not ok'
says "and says so" "$out" '^selftest: 0 failed$'
tar_agrees "after it" "$scratch/want"
session='mem\n'
for ((i = 0; i < 8; i++)); do # numbers: 2 and 3, 4 and 5, ...
    session+="selftest files &\ncounter 1 $((7 * i * i))\nkill $((2 * i + 2))\n"
done
check "programs killed while they use files" 0 type_at "${session}counter 1 $pause\nmem\nps\nexit\n"
equal "leave memory as it was" "$(grep 'pages free' <<<"$out" | sort -u | wc -l)" 1
lacks "end" "$out" '^ *[0-9].* selftest$'
check "and leave a tar" 0 tar -tf "$disk"
cp build/os1k.disk "$disk"
check "three programs that use the disk at once" 0 type_at "mem\nselftest spawn 9 &\nselftest spawn 9 &
selftest files\ncounter 2 $pause\nmem\nps\nexit\n"
lacks "end" "$out" '^ *[0-9].* selftest$' # what they print is mixed
equal "and memory is as it was" "$(grep 'pages free' <<<"$out" | sort -u | wc -l)" 1
tar_agrees "after them" build/os1k/disk

if [[ ! $slow && ! ${SHORT-} ]]; then
    check "10,000 programs" 0 type_at 'mem\nselftest spawn 10000\nmem\nexit\n'
    equal "leave memory as it was" "$(grep 'pages free' <<<"$out" | sort -u | wc -l)" 1
    says "each with its own number" "$out" '^process 10002 exited$'
    # Killed at any moment, it leaves an archive that tar and the next boot can read.
    for moment in 1.1 1.6 2.3; do
        cp build/os1k.disk "$disk"
        { yes 'selftest files' | timeout -s KILL $moment "$vmm" run "${options[@]}" \
            --disk "$disk" build/os1k.elf; } >/dev/null 2>&1
        check "killed after $moment s" 0 type_at 'hello\ncat hello.txt\nexit\n'
        says "it boots again" "$out" '^Hello, this file lies on the disk'
        says "and tar reads it" "$(tar -tf "$disk" 2>/dev/null)" '^meow.txt$'
    done
fi

check "commands" 0 type_at 'help\nps\nuptime\nmem\nfrobnicate\nexit\n'
says "help lists them" "$out" '^hello +'
says "ps lists the shell" "$out" '^ *1 .*running.*shell$'
says "ps lists idle" "$out" ' idle$'
says "uptime counts" "$out" '^up [0-9]+\.[0-9][0-9] seconds$'
says "mem counts" "$out" '^[0-9]+ of [0-9]+ pages free'
says "an unknown command" "$out" '^unknown command: frobnicate$'

check "editing a line" 0 type_at 'hexx\b\bllo\nhxllo\x7f\x7f\x7f\x7fello\rps ax\025hello\r\nexit\n'
equal "backspace, delete, Ctrl-U, and both line ends" "$(grep -c '^Hello world from shell!$' <<<"$out")" 3
check "a long line" 0 type_at "$(printf 'x%.0s' {1..300})"'\nhello\nexit\n'
says "is refused" "$out" '^command line too long$'
says "and the next one works" "$out" '^Hello world from shell!$'
check "Ctrl-D ends the shell" 0 type_at '\004'
says "on a line of its own" "$out" '^process 1 exited$'
check "arrow keys" 0 type_at 'hlo\033[D\033[Del\033[C\033OC\nelo\001\002\033[D\033[D\033[Dh\033[C\033[Cl\nexit\n'
equal "move in the line" "$(grep -c '^Hello world' <<<"$out")" 2
check "other keys" 0 type_at 'he\033[3~l\033[15~\033[Zlo\nexit\n'
says "leave the line alone" "$out" '^Hello world from shell!$'
check "history" 0 type_at 'hello\nuptime\n\033[A\033[A\n\033[A\033[A\033[A\033[B\033[B\033[A\033[A\033[A\n\033[A\033[B\033[Bhello\nexit\n'
equal "brings earlier lines back" "$(grep -c '^Hello world' <<<"$out")" 4
check "much input at once" 0 type_at "$(printf 'hello\\n%.0s' {1..100})exit\n"
equal "none is lost" "$(grep -c '^Hello world' <<<"$out")" 100
blanks=$(printf ' %.0s' {1..120})
more=$(for ((i = 0; i < lines; i++)); do printf 'hello\\n%s\\n' "$blanks"; done)
check "more input than the kernel holds" 0 type_at "counter 1 500\n${more}exit\n"
equal "waits in the devices" "$(grep -c '^Hello world' <<<"$out")" "$lines"

check "programs that crash" 0 type_at 'crash-null\ncrash-kernel\ncrash-port\ncrash-stack\nhello\nexit\n'
says "a null pointer is named" "$out" '^crash-null \(pid [0-9]+\) killed: page fault .*0x0000000.*not mapped.* at eip=0x0?1[0-9a-f]+'
says "kernel memory is protected" "$out" '^crash-kernel .*page fault .*not allowed'
says "so are ports" "$out" '^crash-port .*general protection fault'
says "a stack overflow is found" "$out" '^crash-stack .*page fault'
says "the shell goes on" "$out" '^Hello world from shell!$'

check "a program that spins" 0 type_at 'spin &\nspin &\nhello\nps\nkill 2\nkill 3\nps\nhello\nexit\n'
equal "does not stop the others" "$(grep -c '^Hello world' <<<"$out")" 2
says "is listed" "$out" '^ *2 .* spin$'
check "a foreground program" 0 type_at 'counter 3 100\nhello\nexit\n'
says "is waited for" "$(tail -n 6 <<<"$out" | xargs)" '^3 process 2 exited > hello Hello world'
check "Ctrl-C" 0 type_at 'spin\n\003hello\nps\nexit\n'
says "ends the program in the foreground" "$out" '^Hello world'
lacks "at once" "$out" '^ *[0-9].* spin$'
check "Ctrl-C on the keyboard" 0 type_at 'spin\n\003hello\nexit\n' --input keyboard
says "does so too" "$out" '^Hello world'
check "Ctrl-C at a shell in a shell" 0 type_late 'shell\nspin\n\003ps\n' ' shell> $' 'hex\003exit\nexit\n'
says "ends what the inner one runs" "$out" '^ *2 +1 +running .* shell$'
lacks "and leaves nothing behind" "$out" '^ *[0-9].* spin$'
says "discards a line" "$out" '^> hex\^C$'
much=$(printf 'a%.0s' {1..3000})
check "Ctrl-C behind 3000 characters" 0 type_late 'spin\n' '> spin' "$much\003hello\nexit\n"
says "is found" "$out" '^Hello world'
lacks "and they are discarded" "$out" 'aaaa'
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
says "idle cannot be killed" "$out" '^cannot kill process 0: '
check "a kernel panic" 101 type_at '' --append panic
says "names file and line" "$out" 'PANIC.*\.rs:[0-9]+|panic.*\.rs:[0-9]+'
check "a fault of the kernel" 101 type_at '' --append fault
says "is decoded" "$out" 'page fault'
check "a kernel stack overflow" 101 type_at '' --append overflow
says "is found by the double fault task" "$out" 'double fault'

for fault in "lock-switch:locked while others may run" "lock-wait:locked while others may run" \
    "lock-twice:already borrowed"; do
    check "a global that is locked wrongly: ${fault%:*}" 101 type_at '' --append "${fault%:*}"
    says "is a panic, with the place" "$out" 'PANIC.*selftest\.rs:[0-9]+'
    says "and the reason" "$out" "${fault#*:}"
done

check "little memory" 0 type_at 'hello\nexit\n' -m 4
check "much memory" 0 type_at 'mem\nexit\n' -m 1G

check "time passes while it is idle" 124 boot --timeout 2 --report "$scratch/report" </dev/null
ticks=$(sed -nE 's/.*"irq": 0, "raised": [0-9]+, "injected": ([0-9]+).*/\1/p' "$scratch/report")
if [[ ${ticks:-0} -ge 150 && $ticks -le 200 ]]; then ok "at 100 ticks a second"; else
    not_ok "at 100 ticks a second" "$ticks in 2 s less the boot"; fi

# The kernel's modules use each other without circles: pairs "user used" of what stands behind
# `crate::` go to tsort, which names the members of a circle.
pairs=$(cd os1k/kernel/src && for user in *.rs; do
    for used in $(tr -d '\n' <"$user" | grep -oE 'crate::(\{[^}]*\}|\w+)' | grep -oE '\w+'); do
        [[ $used == address_of ]] && used=memory # where that macro is
        [[ -e $used.rs && $used.rs != "$user" ]] && echo "${user%.rs} $used"
    done
done)
if [[ $(wc -l <<<"$pairs") -gt 50 ]]; then ok "modules use each other"; else not_ok "modules use each other" "$pairs"; fi
equal "and in no circle" "$(tsort <<<"$pairs" 2>&1 >/dev/null | tr '\n' ' ')" ""

# docs/1k-os.md: | chapter | `file`... | lines | book |
while IFS='|' read -r _ chapter files lines _; do
    sum=0
    for file in ${files//\`/}; do
        [[ $file == */* ]] && file=os1k/$file || file=os1k/kernel/src/$file
        [[ $file == *.s ]] && comment='#' || comment=//
        sum=$((sum + $(grep -cvE "^\s*($comment|\$)" "$file")))
    done
    [[ $sum == $((lines)) ]] || not_ok "the lines of chapter $chapter" "$sum, not $lines"
done < <(grep -E '^\| [0-9]+ .*`.*[0-9]+ \|' docs/1k-os.md | grep -v '| in ')
rust=$(find os1k/*/src -name '*.rs' ! -name selftest.rs -exec grep -hvE '^\s*(//|$)' {} + | wc -l)
if [[ $rust -le 2500 ]]; then ok "$rust lines of Rust"; else not_ok "lines of Rust" "$rust, more than 2500"; fi

finish
