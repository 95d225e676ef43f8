#!/bin/bash
# --start real: what depends on a friendly start fails, what does not runs as ever, and the seed says all:
# in every run, in snapshots, recorded runs and scenarios.
#   tests/start.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh

# ---- what can't be seen on a friendly machine ----

# guest NAME LINE...: assembles a flat image, as $scratch/NAME.bin.
guest() {
    local name=$1
    shift
    printf '%s\n' "$@" >"$scratch/$name.asm"
    nasm -Wall -Werror -f bin -o "$scratch/$name.bin" "$scratch/$name.asm" || exit 2
}
# flat NAME OPTION...: runs it.
flat() { "$vmm" run --cpu soft --clock virtual --timeout 1 "${@:2}" "$scratch/$1.bin" </dev/null; }

# Each ends with status 1 where all is well, 3 where it has met its mistake.
verdict='setne al
    out 0xf4, al'
guest a20 'bits 16' 'xor ax, ax' 'mov ds, ax' 'dec ax' 'mov es, ax' 'mov byte [0x600], 1' 'mov byte [es:0x610], 2' \
    'cmp byte [0x600], 1' "$verdict"
guest bss 'bits 32' 'org 0x100000' 'cmp dword [variable], 0' "$verdict" 'align 4096' 'variable:'
guest registers 'bits 32' 'test edi, edi' "$verdict"
guest segments 'bits 16' 'org 0' 'cmp byte [here], 0x5a' "$verdict" 'here: db 0x5a'
guest stale 'bits 32' 'in al, 0x64' 'test al, 1' "$verdict"
for case in "a20 16 --load 0x10000" "bss 32 --mode pm32" "registers 32 --mode pm32" "segments 16 --load 0x10000" \
    "stale 32 --mode pm32"; do
    read -r name _ options <<<"$case"
    # shellcheck disable=SC2086
    check "$name: well on a friendly machine" 1 flat "$name" $options
    lacks "which says nothing of a seed" "$err" seed
    # shellcheck disable=SC2086
    check "$name: not on a real one" 3 flat "$name" $options --start real
    says "which names its seed first" "$(head -n 1 <<<"$err")" '^vmm: started as on real hardware: --start real --seed 1$'
    says "and last" "$(tail -n 1 <<<"$err")" "$name.bin: started as on real hardware: --start real --seed 1\$"
done

# Programs that rely on nothing: a boot sector, and a Multiboot kernel with a stack and a GDT of its own.
guest sector 'bits 16' 'org 0x7c00' 'jmp 0:start' 'start: xor ax, ax' 'mov ss, ax' 'mov sp, 0x7c00' 'mov ds, ax' 'cld' \
    'mov si, text' 'next: lodsb' 'test al, al' 'jz done' 'out 0xe9, al' 'jmp next' 'done: cmp dl, 0x80' "$verdict" \
    'text: db "booted", 0' 'times 510 - ($ - $$) db 0' 'dw 0xaa55'
# bios NAME SEED: the BIOS starts it; 0 if DL is that of the drive, a floppy's 0.
bios() { flat "$1" --start real --seed "$2" --timeout 1; [[ $? == 3 ]]; }
for seed in 1 2 3 4 5; do
    check "a boot sector with seed $seed" 1 flat sector --mode real --load 0x7c00 --start real --seed $seed
    says "runs" "$out" '^booted$'
    check "started by the BIOS" 0 bios sector $seed
    says "it runs, too" "$out" '^booted$'
done
# What the BIOS has left: A20, the data segment, the direction.
guest left 'bits 16' 'org 0x7c00' 'mov ax, ds' 'test ax, ax' 'setz cl' 'xor ax, ax' 'mov ds, ax' 'dec ax' 'mov es, ax' \
    'mov byte [0x600], 1' 'mov byte [es:0x610], 2' 'cmp byte [0x600], 1' 'setz al' 'and al, cl' 'out 0xf4, al' \
    'times 510 - ($ - $$) db 0' 'dw 0xaa55'
check "a boot sector on a friendly machine" 3 "$vmm" run --cpu soft --timeout 1 "$scratch/left.bin" </dev/null
check "and on a real one: A20 is closed, DS is not 0" 1 "$vmm" run --cpu soft --timeout 1 --start real "$scratch/left.bin" </dev/null
for seed in 1 2 3; do
    check "the guests with seed $seed" 0 env VMM_OPTIONS="--cpu soft --start real --seed $seed" tests/guests.sh "$vmm"
    lacks "as ever" "$out" '^not ok'
done
check "1K OS" 0 "$vmm" run --cpu soft --timeout 20 --start real build/os1k.elf < <(printf 'hello\nexit\n')
says "as ever" "$out" '^Hello world from shell!$'

# ---- the seed ----

options=(--start real --seed 5)
first=$(fingerprint "$vmm" build/os1k.elf 'hello\nps\nmem\nexit\n' "${options[@]}")
again=$(fingerprint "$vmm" build/os1k.elf 'hello\nps\nmem\nexit\n' "${options[@]}")
other=$(fingerprint "$vmm" build/os1k.elf 'hello\nps\nmem\nexit\n' --start real --seed 6)
says "1K OS with seed 5 runs" "$first" '^status 0$'
check "the same seed is the same run" 0 test "$first" = "$again"
check "another is another" 1 test "$first" = "$other"
says "by its RAM" "$(diff <(echo "$first") <(echo "$other"))" ram_hash
check "a report" 1 flat sector --mode real --load 0x7c00 "${options[@]}" --report "$scratch/report"
check "has the seed" 0 jq -e '.start == "real" and .seed == 5' "$scratch/report"
check "one of a friendly start" 1 flat bss --mode pm32 --report "$scratch/report"
check "has none" 0 jq -e '.start == "friendly" and (has("seed") | not)' "$scratch/report"

check "a seed alone" 2 flat bss --mode pm32 --seed 5
says "is refused" "$err" '^vmm: --seed is of --start real, and the start is friendly: give both, or none$'
check "a seed that is none" 2 flat bss --mode pm32 --start real --seed five
says "is named" "$err" '^vmm: --seed five: not a number such as 7$'
check "a start that is none" 2 flat bss --mode pm32 --start cold
says "is named, too" "$err" '^vmm: --start cold: not one of friendly real$'

# ---- snapshots, recorded runs ----

kernel=build/guests/timer_keys.elf
# finger OPTION...: what must be equal of a run of $kernel.
finger() {
    "$vmm" run --cpu soft --clock virtual --input keyboard --report "$scratch/report" "$@" >"$scratch/typed" 2>"$scratch/said"
    echo "status $?"
    grep -E '"(end|guest_s|instructions|ram_hash)"' "$scratch/report"
    cat "$scratch/typed"
}
whole=$(finger "${options[@]}" $kernel < <(printf '24q'))
check "a run that is saved" 124 "$vmm" run --cpu soft --clock virtual --input keyboard "${options[@]}" --timeout 100us \
    --save "$scratch/snapshot" $kernel < <(printf '24q')
rest=$(finger --restore "$scratch/snapshot" --start friendly $kernel </dev/null)
check "goes on as if it had not been" 0 test "$(grep ram_hash <<<"$whole")" = "$(grep ram_hash <<<"$rest")"
lacks "and does not begin again" "$(cat "$scratch/said")" 'started as'

recorded=$(finger "${options[@]}" --record "$scratch/log" $kernel < <(printf '24q'))
says "a log has the seed" "$(cat "$scratch/log")" '^start real 5$'
replayed=$(finger --replay "$scratch/log" $kernel </dev/null)
check "so that it repeats the run" 0 test "$recorded" = "$replayed"
says "and says it" "$(cat "$scratch/said")" 'started as on real hardware: --start real --seed 5$'
check "another seed" 2 "$vmm" run --cpu soft --replay "$scratch/log" --start real --seed 6 $kernel </dev/null
says "is refused" "$err" 'was recorded with another --start or --seed: leave them out'
check "the same one" 0 "$vmm" run --cpu soft --clock virtual --replay "$scratch/log" --start real --seed 5 $kernel </dev/null
finger --record "$scratch/log" $kernel < <(printf '24q') >/dev/null
check "a friendly log" 2 "$vmm" run --cpu soft --replay "$scratch/log" --start real $kernel </dev/null
says "keeps its start" "$err" 'was recorded with another --start'

# ---- scenarios ----

# scenario OPTIONS [LINE...]
scenario() {
    printf 'boot %s %s\n' "$scratch/stale.bin --mode pm32" "$1" >"$scratch/scenario.t"
    printf 'exit %s\n' "$2" >>"$scratch/scenario.t"
    "$vmm" test "$scratch/scenario.t"
}
check "a scenario with a friendly start" 0 scenario '' 1
check "one with a real start" 0 scenario 'start=real seed=7' 3
check "which is another" 1 scenario 'start=real seed=7' 1
check "written as options" 0 scenario '--start real --seed 7' 3
check "a seed without it" 2 scenario 'seed=7' 3
says "is refused" "$out" 'seed is of --start real'
check "an option without its value" 2 scenario 'start' 3
says "is refused, too" "$out" '--start needs a value'

finish
