#!/bin/bash
# How long the report of a death takes whose symbols and lines are in an ELF of 10 MB: a kernel of generated C
# that dies at once, run in turn with the same kernel without symbols; the whole run, from exec to exit.
#   bench/death.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-20}
. bench/lib.sh

for ((file = 0; file < 72; file++)); do
    for ((i = 0; i < 350; i++)); do
        cat <<C
struct s${file}_$i { int a; char *b; struct s${file}_$i *next; unsigned c[$((i % 7 + 1))]; };
int f${file}_$i(struct s${file}_$i *s, int x)
{
    int sum = 0;
    for (int i = 0; i < x; i++) {
        if (s->a > i)
            sum += s->c[i % $((i % 7 + 1))];
        else
            sum ^= (int)s->next->c[0];
        s = s->next;
    }
    return sum + $i;
}
C
    done >"$tmp/f$file.c"
    echo "$tmp/f$file.c"
done | xargs -P "$(nproc)" -I{} gcc -m32 -ffreestanding -fno-pic -fno-omit-frame-pointer -O0 -g -c {} -o {}.o
cat >"$tmp/start.c" <<'C'
void start(void)
{
    __asm__ volatile("ud2");
}
C
gcc -m32 -ffreestanding -fno-pic -fno-omit-frame-pointer -O0 -g -c "$tmp/start.c" -o "$tmp/start.o"
ld.lld -m elf_i386 -T linker/guest.ld -o "$tmp/large.elf" "$tmp/start.o" "$tmp"/f*.o
ld.lld -s -m elf_i386 -T linker/guest.ld -o "$tmp/stripped.elf" "$tmp/start.o" "$tmp"/f*.o

# once FILE: milliseconds of the processor, which other work changes least.
TIMEFORMAT='%3U %3S'
once() {
    { time build/vmm run --cpu soft --timeout 1 "$1" </dev/null >/dev/null 2>"$tmp/said" || true; } 2>&1 |
        awk '{print ($1 + $2) * 1000}' >>"$1.times"
}
for ((round = 0; round < rounds; round++)); do
    once "$tmp/stripped.elf"
    once "$tmp/large.elf"
done
grep -q '(start.c:3)' "$tmp/said"
size=$(stat -c %s "$tmp/large.elf")
echo "| a death in an ELF of $((size / 1000000)) MB with DWARF, ms of CPU | $(median <"$tmp/large.elf.times") | $(median <"$tmp/stripped.elf.times") (stripped) |"
