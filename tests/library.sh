#!/bin/bash
# The core as a library: it needs libc and nothing of an operating system, its header is a page, and the
# program in docs/ that embeds it runs guests, each time with the same count of instructions.
#   tests/library.sh [LIBRARY]
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
library=${1:-build/libvmm.a}

is() { if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "'$2', not '$3'"; fi; }

# What the C standard gives every host, and POSIX's two pure functions for dates.
allowed='abort calloc fprintf fputc free fwrite gmtime_r malloc memchr memcmp memcpy memmove memset qsort realloc
    snprintf stderr strchr strcmp strcspn strerror strlen strncmp strnlen timegm vsnprintf
    abs fabs floor ceil log2 log2l ldexp ldexpl sqrt sqrtl
    _GLOBAL_OFFSET_TABLE_ __stack_chk_fail'
nm --defined-only "$library" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u >"$scratch/defined"
nm -u "$library" 2>/dev/null | awk '$1 == "U" {print $2}' | sort -u >"$scratch/used"
printf '%s\n' $allowed | sort -u >"$scratch/allowed"
foreign=$(comm -23 "$scratch/used" "$scratch/defined" | comm -23 - "$scratch/allowed")
if [[ -s $scratch/used && -z $foreign ]]; then
    ok "the core calls libc alone"
else
    not_ok "the core calls libc alone" "it also needs: $foreign"
fi
lines=$(wc -l <vmm/machine/libvmm.h)
if ((lines <= 80)); then ok "its header is a page"; else not_ok "its header is a page" "$lines lines"; fi

if ${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Ivmm docs/embed.c "$library" -lm -o "$scratch/embed" 2>"$scratch/errors"; then
    ok "docs/embed.c builds"
else
    not_ok "docs/embed.c builds" "$(cat "$scratch/errors")"
fi
embed() { timeout 60 "$scratch/embed" "$@" 2>"$scratch/err"; }

out=$(embed build/guests/hello.bin)
is "a flat guest says hello" "$out" 'Hello, KVM!'
out=$(embed build/os1k.elf $'hello\nshutdown\n')
says "1K OS answers what is typed" "$out" 'Hello world from shell!'
first=$(cat "$scratch/err")
embed build/os1k.elf $'hello\nshutdown\n' >/dev/null
is "twice the same" "$(cat "$scratch/err")" "$first"
# lidt [0x40], which is all zeros; int3
printf '\x0f\x01\x1e\x40\x00\xcc%64s' '' | tr ' ' '\0' >"$scratch/triple.bin"
embed "$scratch/triple.bin" >/dev/null
is "a triple fault has its status" "$?" 6
says "and its sentence" "$(cat "$scratch/err")" 'triple fault'
embed README.md >/dev/null
is "what is no guest is refused" "$?" 2
says "in one sentence" "$(cat "$scratch/err")" 'image: '
finish
