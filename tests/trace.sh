#!/bin/bash
# Traces and warnings from real guests: what is written, that it is the same in every run and changes
# none, what happens when it can't be written; which guests --strict warns of.
#   tests/trace.sh [VMM]        VMM_OPTIONS are given to every `vmm run` but those in virtual time
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
read -ra options <<<"${VMM_OPTIONS:-}"
run() { "$vmm" run "${options[@]}" "$@"; }
counted() { "$vmm" run --cpu soft --clock virtual "$@"; }
typed() { printf '%b' "$1" >"$scratch/keys"; }
hello=build/guests/hello.bin
trace=$scratch/trace json=$scratch/trace.json

# ---- usage ----
check "an unknown category" 2 run --trace irq,net $hello
says "is told, with those there are" "$err" "^vmm: --trace irq,net: 'net' .* irq exc int io mmio hypercall disk halt input"
check "a trace that can't be written" 2 run --trace irq --trace-file /nowhere/trace $hello
says "is refused before the run" "$err" "^vmm: can't write the trace to /nowhere/trace: No such file"
cp $hello "$scratch/hello.bin"
check "a trace over the image" 2 run --trace-file "$scratch/hello.bin" "$scratch/hello.bin"
says "is refused" "$err" 'the image and --trace-file are the same file'
check "two traces in one file" 2 run --plain "$hello,trace-file=$trace" "$hello,trace-file=$trace"
says "are refused" "$err" '^vmm: --trace-file and --trace-file are the same file'

# ---- what it tells ----
check "a timer guest, traced" 0 run --trace irq,halt --trace-file "$trace" --mode pm32 build/guests/timer32.bin
text=$(cat "$trace")
says "its trace: an interrupt raised" "$text" '^ +[0-9]+\.[0-9]{9} irq +raise +irq=0 +from=i8254 state='
says "acknowledged" "$text" ' irq +ack +irq=0 +vector=0x20 after=[0-9]+ns$'
says "handled" "$text" ' irq +handler +irq=0 +back=0x001000[0-9a-f]{2} eip=0x00100[0-9a-f]{3}'
says "ended" "$text" ' irq +eoi +irq=0 +ocw2=0x20 after=[0-9]+ns non-specific$'
says "and the end" "$text" ' machine +end +power-off$'
life=$(grep -E ' (ack|handler|eoi) +irq=0 ' "$trace" | awk '{print $3}' | head -n 30 | xargs)
says "all of it in order, again and again" "$life" '^(ack handler eoi ){9}ack handler eoi$'
typed 'abq'
check "a keyboard guest, traced" 0 run --trace irq,io,halt,input --trace-file "$trace" --mode pm32 --input keyboard \
    build/guests/keyboard.bin <"$scratch/keys"
says "prints what it prints else" "$out" "^1e 'a'$"
text=$(cat "$trace")
says "its trace: a key" "$text" ' input +key +code=0x1e down$'
says "that raises a line" "$text" ' irq +raise +irq=1 +from=i8042 state='
says "a port by its name" "$text" ' io +in +port=0x060 value=0x1e 8042 data$'
if [[ ${VMM_OPTIONS:-} != *kvm* ]]; then # where the guest is never late
    says "sleep" "$text" ' halt +halt +eip='
    says "and waking" "$text" ' halt +wake +after=[0-9]+ns$'
    order=$(grep -E ' (raise|ack|handler|eoi) +irq=1 |port=0x060|input' "$trace" | head -n 7 | awk '{print $3}' | xargs)
    says "all of it in order" "$order" '^key raise ack handler in key eoi$'
fi
check "without --trace-file it is on standard error" 0 run --trace hypercall $hello
says "in lines" "$err" ' hypercall call +number=1 ebx=0x48 putchar$'
check "--trace-file alone traces all" 0 run --trace-file "$trace" $hello
says "accesses, too" "$(cat "$trace")" ' io +out +port=0x500'
if [[ ${VMM_OPTIONS:-} != *kvm* ]]; then
    check "an exception" 6 counted --trace exc --mode pm32 build/guests/divide.bin
    says "is traced where it is raised" "$err" ' exc +exception +vector=0 eip=0x00100020.* #DE divide error'
    check "a triple fault" 6 counted --trace exc --mode pm32 build/guests/triple.bin
    says "has each of its steps traced, the first" "$err" ' exc +no-handler +vector=3 eip=.* INT 0x3: gate 3 '
    says "and the last" "$err" ' exc +no-handler +vector=8 eip=.* #DF double fault: gate 8 '
    check "system calls of 1K OS" 0 counted --trace int,exc --trace-file "$trace" --disk build/os1k.disk,ro build/os1k.elf \
        < <(printf 'crash-null\nexit\n')
    says "are INT 0x80" "$(cat "$trace")" ' int +software +vector=0x80 eip=0x0100'
    says "a page fault has its error code" "$(cat "$trace")" ' exc +exception +vector=14 error=0x6 eip=0x0100.* #PF'
    check "disks" 0 counted --trace disk --trace-file "$trace" --disk build/os1k.disk,ro build/os1k.elf < <(echo exit)
    says "are traced by request" "$(cat "$trace")" ' disk +request +sector=0 bytes=[0-9]+ disk 0 read$'
    printf 24q >"$scratch/keys"
    check "a guest with symbols" 0 counted --trace irq --input keyboard build/guests/timer_keys.elf <"$scratch/keys"
    says "has its handlers named" "$err" ' handler +irq=1 .* on_key \(timer_keys.asm:[0-9]+\)$'
else
    check "an exception on KVM" 6 run --trace exc --mode pm32 build/guests/divide.bin
    says "is traced when the default handlers give it over" "$err" ' exc +exception +vector=0 eip=0x00100020'
fi

# ---- the same in every run, and no other run ----
session='hello\nps\ncrash-null\ncounter 3 20\nexit 5\n'
if [[ ${VMM_OPTIONS:-} != *kvm* ]]; then
    for form in trace trace.json; do
        for i in 1 2; do
            printf '%b' "$session" |
                counted --trace-file "$scratch/$i.$form" --disk build/os1k.disk,ro build/os1k.elf >/dev/null 2>&1
        done
        if [[ $(wc -l <"$scratch/1.$form") -gt 1000 ]] && cmp -s "$scratch/1.$form" "$scratch/2.$form"; then
            ok "two runs write the same ($form)"
        else
            not_ok "two runs write the same ($form)" "$(wc -l "$scratch"/?."$form" | head -n 2 | xargs)"
        fi
    done
    plain=$(fingerprint "$vmm" build/os1k.elf "$session" --disk build/os1k.disk,ro)
    traced=$(fingerprint "$vmm" build/os1k.elf "$session" --disk build/os1k.disk,ro --trace-file "$trace" --strict)
    if [[ $plain == "$traced" && $plain == *'"instructions"'* ]]; then ok "a run that is watched is the same run"; else
        not_ok "a run that is watched is the same run" "$(diff <(echo "$plain") <(echo "$traced") | head -n 4)"
    fi
fi

# ---- for Perfetto ----
check "a trace of two guests for Perfetto" 0 run --plain --trace-file "$json" build/guests/hctest.bin,name=one \
    build/guests/multiplication.bin,name='"two"' </dev/null
if command -v jq >/dev/null; then
    typed 'abq'
    run --trace-file "$scratch/keys.json" --mode pm32 --input keyboard build/guests/keyboard.bin <"$scratch/keys" >/dev/null 2>&1
    for file in "$json" "$scratch/keys.json" "$scratch"/1.trace.json*; do
        [[ -e $file ]] || continue # on KVM
        # Each event has what its phase must have; slices are opened and closed in turn, on each track.
        check "${file##*/} is Trace Event Format" 0 jq -e '
            def has_all(names): . as $event | names | all(. as $name | $event | has($name));
            (map(if .ph == "M" then has_all(["name", "pid", "args"])
                 elif .ph == "E" then has_all(["pid", "tid", "ts"])
                 elif .ph == "B" or .ph == "i" or .ph == "C" then has_all(["name", "pid", "tid", "ts"])
                 else false end and (.ts == null or (.ts | type) == "number")) | all)
            and (map(select(.ph == "B" or .ph == "E")) | group_by([.pid, .tid])
                 | all(map(if .ph == "B" then 1 else -1 end)
                       | reduce .[] as $step ([0]; . + [.[-1] + $step]) | all(. == 0 or . == 1)))' "$file"
    done
    says "a guest is a process" "$(jq -r '.[] | select(.name == "process_name").args.name' "$json")" '^"two"$'
    says "an IRQ has a track" "$(jq -r '.[] | select(.name == "thread_name").args.name' "$scratch/keys.json")" '^IRQ 1 in service$'
fi
# again_and_again FILE PATTERN: a guest that is started until the trace has two such lines, then ended by SIGINT.
twice() { [[ $(grep -cs -- "$2" "$1") -gt 1 ]]; }
again_and_again() {
    rm -f "$1"
    env --default-signal=INT "$vmm" run "${options[@]}" --plain --restart 100ms --trace io --trace-file "$1" $hello \
        </dev/null >/dev/null 2>&1 &
    soon twice "$@"
    { kill -INT $! && wait $!; } 2>/dev/null
}
if command -v jq >/dev/null; then
    again_and_again "$json" process_name
    check "a guest that is started again and again, and ended by a signal" 0 \
        jq -e 'map(select(.name == "process_name").pid) | length > 1 and . == (. | unique)' "$json"
fi
again_and_again "$trace" ' machine .* end '
if [[ $(grep -c ' machine .* end ' "$trace") -gt 1 ]] && ! grep -q '^hello' "$trace"; then
    ok "in lines it needs no name, being alone"
else not_ok "in lines it needs no name, being alone" "$(tail -n 3 "$trace")"; fi
check "several guests on a screen, and a trace over it" 2 script -qec \
    "TERM=xterm $vmm run ${VMM_OPTIONS:-} --trace irq $hello $hello" /dev/null
says "are refused" "$out" 'give --trace-file FILE, or --plain'
check "a trace of two guests in lines" 0 run --plain --trace-file "$trace" $hello,name=one $hello,name='the other' </dev/null
says "has their names" "$(cat "$trace")" '^one: +[0-9.]+ io '
says "without blanks" "$(cat "$trace")" '^the_other: +[0-9.]+ io '
check "and of one image twice" 0 run --plain --trace-file "$trace" $hello $hello </dev/null
says "tells the two apart" "$(cat "$trace")" '^hello.bin-2: +[0-9.]+ io '

# ---- resets, snapshots ----
if [[ ${VMM_OPTIONS:-} != *kvm* ]]; then
    # mov cx, 40; loop to itself; mov al, 0xfe; out 0x64, al
    printf '\xb9\x28\x00\xe2\xfe\xb0\xfe\xe6\x64\xf4' >"$scratch/reset.bin"
    check "a guest that resets itself" 124 counted -m 4 --trace io --trace-file "$trace" --timeout 1us "$scratch/reset.bin"
    if [[ $(grep -c ' end .*reset' "$trace") -gt 2 ]] && grep -v '^#' "$trace" | sort -c -k1,1; then
        ok "goes on in its trace"
    else not_ok "goes on in its trace" "$(tail -n 3 "$trace")"; fi
    check "a guest put aside" 124 counted --timeout 30ms --save "$scratch/snapshot" --mode pm32 build/guests/timer32.bin
    check "goes on with a trace" 0 counted --restore "$scratch/snapshot" --trace irq --trace-file "$trace"
    says "from where it was" "$(sed -n 2,3p "$trace" | xargs)" '^0\.030000.* machine restored 0\.03'
fi

# ---- what can't be written ----
check "a full disk behind the trace" 2 run --trace-file /dev/full build/guests/multiplication.bin
says "is told" "$err" '^vmm: the trace in /dev/full is not complete: No space left'
says "and the guest goes on" "$out" '^9 x 9 = 81'
check "a reader of the trace that has gone" 0 bash -c \
    "$vmm run ${VMM_OPTIONS:-} --trace-file >(head -c 1 >/dev/null) build/guests/multiplication.bin 2>&1 | grep -q '^9 x 9 = 81'"
check "a storm of accesses, traced" 124 run --trace io --trace-file /dev/null --timeout 100ms --report "$scratch/report" build/guests/flood.bin
peak=$(sed -n 's/.*"peak_resident_kib": \([0-9]*\).*/\1/p' "$scratch/report")
run --timeout 100ms --report "$scratch/report" build/guests/flood.bin >/dev/null 2>&1
usual=$(sed -n 's/.*"peak_resident_kib": \([0-9]*\).*/\1/p' "$scratch/report")
if [[ $peak -gt 0 && $peak -lt $((usual + 4096)) ]]; then ok "takes no memory"; else
    not_ok "takes no memory" "$peak KiB, else $usual"
fi

# ---- the summary ----
run --trace-file "$trace" --mode pm32 build/guests/timer32.bin >/dev/null 2>&1
check "a summary" 0 "$vmm" trace summary "$trace"
says "counts interrupts" "$out" '^ +0 i8254 +[1-9][0-9]* +[0-9]+ +[1-9]'
says "shows how long they took" "$out" '^IRQ 0, from INTA to EOI$'
says "in powers of two" "$out" '^ +[0-9]+ -> [0-9]+ +: [0-9]+ +\|\*+ *\|$'
says "and the ports" "$out" '^0x20 +8259 master command +0 +[1-9]'
lacks "and has nothing to complain of" "$out" '^(lost|unread|storm|EOI in)'
head -c 1000 "$trace" >"$scratch/cut"
check "a trace that is cut short" 0 "$vmm" trace summary "$scratch/cut"
says "is told of by its line" "$err" '^vmm: .*/cut:[0-9]+: the trace is cut short here'
check "a trace for Perfetto" 2 "$vmm" trace summary "$json"
says "is not summed up" "$err" 'trace.json:1: this is for Perfetto'
check "something else" 2 "$vmm" trace summary "$hello"
check "nothing" 2 "$vmm" trace summary "$scratch/nothing"
says "is named" "$err" "can't read the trace .*nothing: No such file"
check "vmm trace without more" 2 "$vmm" trace
check "vmm trace --help" 0 "$vmm" trace --help

# ---- scenarios ----
if [[ ${VMM_OPTIONS:-} != *kvm* ]]; then
    printf '%s\n' "boot build/guests/race_counter.elf --trace irq --trace-file $trace" 'irq 0 at work' 'exit 0' >"$scratch/a.t"
    check "a scenario with a trace" 0 "$vmm" test "$scratch/a.t"
    says "writes it" "$(cat "$trace")" ' irq +eoi +irq=0 '
    check "a sweep with a trace" 2 "$vmm" sweep "$scratch/a.t"
    says "is refused" "$err" 'vmm replay traces one'
    check "a replay with a trace" 0 "$vmm" replay "$scratch/a.t" --irq 0 --at 20
    says "writes it" "$(cat "$trace")" ' irq +handler +irq=0 '
    printf '%s\n' 'boot build/guests/string_io.bin --strict' 'exit 0' >"$scratch/b.t"
    check "a scenario with --strict fails by a warning" 1 "$vmm" test "$scratch/b.t"
    says "which it shows" "$out" 'b.t:2: exit 0: --strict: at eip 0x[0-9a-f]+: a byte is written to COM1 before'
fi

# ---- --strict ----
printf '\xb0\x20\xe6\x20\xfa\xf4' >"$scratch/eoi.bin" # mov al, 0x20; out 0x20, al; cli; hlt
check "an EOI of nothing" 0 run --strict --mode pm32 "$scratch/eoi.bin"
says "is warned of with its place" "$err" '^vmm: at eip 0x10000[24]: an EOI to the master 8259, where nothing is in service'
check "without --strict it is not" 0 run --mode pm32 "$scratch/eoi.bin"
lacks "" "$err" 'EOI'

# Which of the assembly guests it warns of, rightly: `ports` tries ports where nothing is; string_io
# gives COM1 a string at once; pmode_test calls a handler of interrupts by INT; disk ends interrupts at
# both controllers, wherever its disk is.
if [[ ${VMM_OPTIONS:-} != *kvm* ]]; then
    warned=
    while IFS='|' read -r name image _ guest_options input _; do
        read -r name <<<"$name" && [[ $name && $name != \#* ]] || continue
        read -r image <<<"$image"
        read -r input <<<"$input"
        guest_options=${guest_options//DISK/$scratch/disk}
        guest_options=${guest_options//300ms/50ms} # flood's, of which each millisecond is the same
        tests/disk.sh >"$scratch/disk"
        [[ $input == - ]] && input=
        # shellcheck disable=SC2046,SC2086,SC2059
        printf "$input" | counted --strict $([[ $guest_options == *--* ]] && echo $guest_options) "build/guests/$image" \
            >/dev/null 2>"$scratch/err"
        grep -Eaq '^vmm: (at eip .*: |[0-9]-byte)' "$scratch/err" && warned+="$name "
    done <tests/guests.list
    if [[ $warned == "string_io ports pmode_test disk disk_modern ata " ]]; then
        ok "of the assembly guests, it warns of those that it should"
    else not_ok "of the assembly guests, it warns of those that it should" "$warned"; fi
    printf '%b' "$session" >"$scratch/keys"
    check "1K OS" 11 counted --strict --disk build/os1k.disk,ro build/os1k.elf <"$scratch/keys"
    lacks "has nothing to be warned of, but the look for a fifth disk" "$(grep -v 'read from address 0xfeb00800' <<<"$err")" '^vmm: (at eip|[0-9]-byte)'
fi

finish
