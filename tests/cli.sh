#!/bin/bash
# The command line as a user meets it: wrong usage, wrong files, streams that are closed, signals,
# a terminal that must come back, /dev/kvm that is missing or not to be opened.
#   tests/cli.sh [VMM]        VMM_OPTIONS are given to every `vmm run`
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
read -ra options <<<"${VMM_OPTIONS:-}"
run() { "$vmm" run "${options[@]}" "$@"; }
hello=build/guests/hello.bin flood=build/guests/flood.bin

# Small guests, assembled by hand: the bytes say it all.
# out dx, al in a loop, to COM1
uart=$scratch/uart.bin
printf '\xba\xf8\x03\xb0\x78\xee\xeb\xfd' >"$uart"
# mov al, 0xfe; out 0x64, al
printf '\xb0\xfe\xe6\x64\xf4' >"$scratch/reset.bin"
# ICW1 to 4 that put the master PIC back to vector 8; then sti and a loop
printf '\xb0\x11\xe6\x20\xb0\x08\xe6\x21\xb0\x04\xe6\x21\xb0\x01\xe6\x21\xb0\xfe\xe6\x21\xfb\xeb\xfe' \
    >"$scratch/remap.bin"
# mov esp, 0xf0000000; ud2
printf '\xbc\x00\x00\x00\xf0\x0f\x0b' >"$scratch/stack.bin"
printf '\xc3' >"$scratch/return.bin"
printf '\xcd\x80' >"$scratch/int80.bin"
# mov dword [0xb8000], "Hi" in grey; cli; hlt
printf '\xc7\x05\x00\x80\x0b\x00\x48\x07\x69\x07\xfa\xf4' >"$scratch/vga.bin"

# ---- usage ----
check "no command is a usage error" 2 "$vmm"
says "which lists the commands" "$err" 'vmm run'
check "an unknown command is a usage error" 2 "$vmm" frobnicate
check "an image for a command is a usage error" 2 "$vmm" $hello
says "which names the right one" "$err" 'vmm run FILE'
check "--help" 0 "$vmm" --help
check "--version" 0 "$vmm" --version
says "names the version" "$out" '^vmm [0-9]+\.[0-9]+'
check "run --help" 0 "$vmm" run --help
check "probe --help" 0 "$vmm" probe --help
check "no image" 2 "$vmm" run
check "two images are two guests" 0 run $hello $hello </dev/null
check "an unknown option" 2 "$vmm" run --frobnicate $hello
for bad in "-m 0" "-m lots" "-m 64X" "-m -5" "-m 99G" "--timeout 0" "--timeout soon" "--load zero" \
    "--load 0x1ffffffff" "--mode 64bit" "--input mouse" "--cpu z80"; do
    # shellcheck disable=SC2086
    check "refused: $bad" 2 "$vmm" run $bad $hello
    says "and said so: $bad" "$err" "^vmm: ${bad%% *}"
done

# ---- images ----
check "a file that is not there" 2 run $scratch/nothing
says "is named" "$err" 'nothing: no such file'
check "a directory" 2 run tests
: >"$scratch/empty"
check "an empty file" 2 run "$scratch/empty"
says "is said to be empty" "$err" 'empty'
check "an ELF for this machine, not for the guest's" 2 run /bin/true
says "is told apart" "$err" 'x86-64|64-bit|aarch64|ELF'
check "RAM too small for the image" 2 run -m 1 build/os1k.elf
check "a module that is not there" 2 run --module "$scratch/nothing" build/os1k.elf

# ---- disks ----
disk=$scratch/disk disk_guest=build/guests/disk.elf
tests/disk.sh >"$disk"
check "a disk that is not there" 2 run --disk "$scratch/nothing" $hello
says "is named" "$err" '^vmm: --disk .*nothing: .*No such file'
check "a directory as a disk" 2 run --disk tests,ro $hello
says "is no disk" "$err" 'neither a file nor a block device'
check "an empty disk" 2 run --disk "$scratch/empty" $hello
says "is told how to be mended" "$err" 'empty \(truncate'
check "a disk with an unknown word" 2 run --disk "$disk,rw" $hello
says "lists the words" "$err" 'not one of ro modern'
cp "$disk" "$scratch/a,b"
check "a disk with a comma in its name" 0 run --disk "$scratch/a,,b" $disk_guest
says "is written" "$(tr -d '\000' <"$scratch/a,b")" '^written by the guest'
check "five disks" 2 run --disk "$disk,ro" --disk "$disk,ro" --disk "$disk,ro" --disk "$disk,ro" --disk "$disk,ro" $hello
says "are one too many" "$err" 'more than 4 disks'
check "one disk twice" 2 run --disk "$disk" --disk "$disk" $hello
says "is in use" "$err" 'in use by another guest'
check "a disk for reading alone" 3 run --disk "$disk,ro" $disk_guest
says "can't be written" "$out" '^written: FAILED'
if cmp -s "$disk" <(tests/disk.sh); then ok "and is not"; else not_ok "and is not" "it has changed"; fi
check "a disk over the host's limit for files" 3 bash -c "ulimit -f 1; $vmm run ${VMM_OPTIONS:-} --disk $disk $disk_guest"
says "is an error for the guest" "$out" '^written: FAILED'
says "and told" "$err" "can't write the file disk: File too large"
"$vmm" run "${options[@]}" --keep-open --disk "$disk" build/os1k.elf </dev/null >"$scratch/writer" 2>&1 &
writer=$!
soon grep -q '1K OS' "$scratch/writer"
check "a second writer" 2 run --disk "$disk" $hello
says "is refused" "$err" 'disk: in use by another guest'
check "so is a reader" 2 run --disk "$disk,ro" $hello
{ kill -9 $writer && wait $writer; } 2>/dev/null
check "until the writer is killed" 0 run --disk "$disk" $disk_guest
says "what was written is there" "$(tr -d '\000' <"$disk")" '^written by the guest'

# ---- streams ----
check "stdin closed" 0 run $hello <&-
says "does not matter" "$out" 'Hello, KVM!'
check "stdin empty" 0 run $hello </dev/null
check "stdin a pipe that never ends" 0 run $hello < <(sleep 5)
check "all streams closed" 0 bash -c "$vmm run ${VMM_OPTIONS:-} $hello <&- >&- 2>&-"
check "a full disk behind stdout" 130 bash -c "$vmm run ${VMM_OPTIONS:-} $flood >/dev/full"
says "is reported" "$err" "can't write the guest's output: No space"
check "a reader that has gone" 0 bash -c "$vmm run ${VMM_OPTIONS:-} build/os1k.elf </dev/null | head -c 1"

# What is said of a guest begins a line of its own wherever it goes to the same file as what the guest prints.
# in_one COMMAND...: with both in one pipe, whose reader takes its time.
in_one() { "$@" 2>&1 | { sleep 0.5; cat; }; }
check "a guest that prints no newline, in a pipe" 0 in_one run --timeout 200ms "$uart"
says "has its end told on a line of its own" "$out" '^vmm: .*uart.bin: '
lacks "and nothing else before it" "$out" '^$'
check "a warning in a pipe" 0 in_one run --strict --timeout 2 build/os1k.elf
says "is a line of its own" "$out" '^vmm: at eip .*: 4-byte read from address'
says "behind what was printed before" "$out" '^1K OS '
check "guests that print no newline, in a pipe" 0 in_one run --timeout 200ms "$uart,name=a" "$uart,name=b" build/guests/divide.bin,mode=pm32
says "have their ends told on lines of their own" "$(grep -c '^[ab]: vmm: [^ ]*uart.bin: ' <<<"$out")" '^2$'
lacks "whatever others print" "$out" 'x[a-z.]+: |x.*vmm:|: vmm:.*xx'
says "and last" "$(grep '^a: ' <<<"$out" | tail -n 1)" '^a:   interrupts: '
check "what a guest prints, by itself" 124 run --timeout 200ms "$uart"
if [[ $(tr -d x <"$scratch/out" | wc -c) == 0 ]]; then ok "is nothing but its bytes"; else not_ok "is nothing but its bytes" "$(tail -c 50 "$scratch/out")"; fi

# ---- the engine ----
if "$vmm" probe -q; then
    check "the engine is found by itself" 0 "$vmm" run $hello
    says "and the guest runs" "$out" 'Hello, KVM!'
fi
check "the report of a wrong engine is one line" 2 "$vmm" run --cpu nonesuch $hello
says "that names the engines" "$err" 'there are auto'

# ---- the end of a run ----
check "a time limit" 124 run --timeout 200ms $flood
says "is reported, with its option" "$err" 'timed out \(--timeout\); the guest was running at'
check "a report" 0 run --report "$scratch/report" $hello
says "tells how it ended" "$(cat "$scratch/report")" '"end": "power-off"'
says "tells the status" "$(cat "$scratch/report")" '"status": 0,'
# mov dx, 0x2f8; mov al, "h"; out dx, al; mov al, "i"; out dx, al; mov dx, 0x604; mov ax, 0x2000; out dx, ax
printf '\xba\xf8\x02\xb0h\xee\xb0i\xee\xba\x04\x06\xb8\x00\x20\xef' >"$scratch/com2.bin"
check "a guest that prints over COM2" 0 run --com2 "$scratch/com2" "$scratch/com2.bin"
says "is heard in the file" "$(cat "$scratch/com2")" '^hi$'
check "which is not where the rest goes" 0 run "$scratch/com2.bin"
lacks "without one nobody hears it" "$out$err" hi
check "a file of COM2 that can't be" 2 run --com2 /nonexistent/file "$scratch/com2.bin"
says "is said to be" "$err" "can't write what comes over COM2 to /nonexistent/file"
check "a slow line" 0 run --baud 300 --report "$scratch/report" $hello
says "takes a thirtieth of a second a character" "$(cat "$scratch/report")" '"guest_s": 0\.[4-9]'
check "a line without a speed" 2 run --baud 0 $hello
start=$(date +%s%N)
check "a line of one bit a second, and a time limit" 124 run --baud 1 --timeout 1 $hello
spent=$((($(date +%s%N) - start) / 1000000))
if ((spent < 4000)); then ok "the time limit does not wait for the line"; else
    not_ok "the time limit does not wait for the line" "$spent ms"; fi

# ---- the end of its input ----
# jmp $
printf '\xeb\xfe' >"$scratch/spin.bin"
# Waits in HLT for IRQ 4, with the receive interrupt enabled.
serial='--mode pm32 build/guests/serial.bin'
check "a guest that waits for more than its input" 0 run $serial
says "is told so" "$err" 'waits for input, and its input has ended \(--keep-open'
check "a guest that polls for more than its input" 0 run build/guests/keyboard16.bin
check "it runs on if it is to" 124 run --keep-open --timeout 4 $serial
check "a guest that listens to nothing" 124 run --timeout 4 "$scratch/spin.bin"
ms() { sed -nE 's/.*"'"$1"'": ([0-9]+)\.([0-9]{3}).*/\1\2/p' "$scratch/report" | sed -E 's/^0+(.)/\1/'; }
check "a limit of processor time" 124 run --cpu-limit 10 --timeout 1 --report "$scratch/report" "$scratch/spin.bin"
if (($(ms host_cpu_s) < 600)); then ok "is kept"; else not_ok "is kept" "$(ms host_cpu_s) ms in a second"; fi
check "a pause of two seconds" 130 bash -c "for key in p - p x; do sleep 1; [ \$key = - ] || printf '\\001%s' \$key; done |
    $vmm run ${VMM_OPTIONS:-} --cast /dev/null build/os1k.elf,report=$scratch/report"
if (($(ms wall_s) - $(ms guest_s) >= 900)); then ok "is none of the guest's time"; else
    not_ok "is none of the guest's time" "$(ms guest_s) of $(ms wall_s) ms"; fi
check "a report to standard output" 0 run --report - $hello
says "comes after the guest's" "$out" '"output_bytes": 12'
check "a report that can't be written" 2 run --report /nowhere/report $hello
says "is refused before the run" "$err" "can't write the report to /nowhere/report"
check "--strict" 0 run --strict $hello

# ---- signals ----
for signal in INT:130 TERM:143 HUP:129; do
    : >"$scratch/out"
    # A shell starts its background jobs with SIGINT ignored, and we honour that.
    env --default-signal=INT "$vmm" run "${options[@]}" build/os1k.elf </dev/null >"$scratch/out" 2>&1 &
    soon grep -q '1K OS' "$scratch/out"
    { kill -"${signal%:*}" $! && wait $!; } 2>/dev/null
    got=$?
    if [[ $got == "${signal#*:}" ]]; then ok "SIG${signal%:*} ends a run"; else
        not_ok "SIG${signal%:*} ends a run" "status $got"; fi
done

mkfifo "$scratch/untaken"
exec 8<>"$scratch/untaken"
dd if=/dev/zero of="$scratch/untaken" oflag=nonblock bs=4096 2>/dev/null # until it is full
check "a signal ends a run whose output nobody takes" 143 bash -c \
    "timeout --preserve-status -k 30 2 $vmm run ${VMM_OPTIONS:-} $uart >$scratch/untaken"
exec 8>&-
mkfifo "$scratch/image"
check "a signal ends a run whose image never comes" 124 timeout 1 "$vmm" run "${options[@]}" "$scratch/image"
check "so does Ctrl-A X, on a terminal" 2 bash -c "{ sleep 0.5; printf '\\001x'; sleep 3; } | timeout 10 script -qec '$vmm run ${VMM_OPTIONS:-} $scratch/image' /dev/null"
check "a time limit is for all reboots together" 124 run --timeout 300ms "$scratch/reset.bin"
says "and many reboots are told of" "$err" 'has reset itself'

# ---- mistakes of beginners ----
check "an interrupt controller left at vector 8" 6 run --mode pm32 "$scratch/remap.bin"
says "is explained" "$err" 'no handler for IRQ 0, vector 0x8, .*ICW2'
check "a stack in nowhere" 6 run --mode pm32 "$scratch/stack.bin"
says "is explained" "$err" 'stack for it .esp 0xf[0-9a-f]+. is not in RAM|esp 0xe[0-9a-f]+'
check "a kernel that returns" 6 run --mode pm32 "$scratch/return.bin"
says "is told so" "$err" 'returned from its entry point'
check "a software interrupt without a handler" 6 run --mode pm32 "$scratch/int80.bin"
says "is named" "$err" 'INT 0x80 at eip 0x100000: the guest has loaded no IDT'
check "a screen that is all a guest has said" 0 run --mode pm32 "$scratch/vga.bin"
says "is shown at the end" "$err" '\| Hi$'

# ---- the terminal ----
# `script` gives the command a terminal of its own, and passes on its input, which stays silent.
mkfifo "$scratch/silence"
exec 9<>"$scratch/silence"
on_terminal() { script -qec "$1" /dev/null <&9; }
check "a terminal" 0 on_terminal "stty -a; $vmm run ${VMM_OPTIONS:-} $hello; stty -a"
before=$(grep -E 'icanon|isig' <<<"$out" | head -n 1) after=$(grep -E 'icanon|isig' <<<"$out" | tail -n 1)
says "is cooked at first" "$before" '[^-]icanon'
if [[ $before == "$after" ]]; then ok "and restored at the end"; else not_ok "and restored at the end" "$after"; fi
check "a warning on a terminal" 124 on_terminal "$vmm run ${VMM_OPTIONS:-} --strict --timeout 2 build/os1k.elf"
says "is a line of its own" "$out" '^vmm: at eip .*: 4-byte read from address'
says "behind what the guest has printed" "$out" '^1K OS '
for signal in INT TERM HUP SEGV; do
    check "killed by SIG$signal on a terminal" 0 on_terminal \
        "env --default-signal=INT $vmm run ${VMM_OPTIONS:-} build/os1k.elf </dev/tty &
         until stty -a | grep -E '(^| )-icanon'; do sleep 0.1; done; kill -$signal \$!; wait; stty -a | grep icanon"
    says "it was raw" "$out" '(^| )-icanon'
    says "SIG$signal restores the terminal" "$(grep icanon <<<"$out" | tail -n 1)" '(^|[^-])icanon'
done

# ---- /dev/kvm ----
if [[ $(uname -m) == x86_64 && $(id -u) == 0 ]] && unshare -m true 2>/dev/null; then
    check "no /dev/kvm" 2 unshare -m bash -c "mount -t tmpfs none /dev && $vmm run --cpu kvm $hello"
    says "is explained" "$err" 'there is no /dev/kvm'
    check "a /dev/kvm that is something else" 2 \
        unshare -m bash -c "mount -t tmpfs none /dev && : >/dev/kvm && $vmm run --cpu kvm $hello"
    says "is explained" "$err" '/dev/kvm'
    check "probe without /dev/kvm" 0 unshare -m bash -c "mount -t tmpfs none /dev && $vmm probe kvm; [ \$? = 1 ]"
    check "no permission for /dev/kvm" 2 unshare -m bash -c \
        "mount -t tmpfs none /dev && mknod -m 600 /dev/kvm c 10 232 && exec setpriv --reuid 65534 --clear-groups $vmm run --cpu kvm $hello"
    says "names the group to join" "$err" 'usermod -aG kvm'
fi

finish
