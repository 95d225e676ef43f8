# An interrupt at an exact place, given in each way, and its handler step by step.
boot build/guests/race_counter.elf
irq 0 at work.next+5
until on_tick
assert if == 0
assert pic0.isr & 1 == 1
assert mem32[ticks] == 0
step 3                         # push, inc, inc
assert mem32[ticks] == 1
expect "nothing was lost: FAILED"
exit 3

boot build/guests/race_counter.elf
irq 0 at race_counter.asm:28
assert eip == work.next + 5
assert insn == 43
expect "nothing was lost: FAILED"
exit 3

boot build/guests/race_counter.elf
irq 0 at 43 insn
assert eip == work.next + 5
expect "nothing was lost: FAILED"
exit 3

boot build/guests/race_counter.elf
irq 0 at 86ns
assert eip == work.next + 5
until on_tick
assert insn == 43
expect "nothing was lost: FAILED"
exit 3

# Masked, it waits in the controller; off, it waits for STI.
boot build/guests/race_counter.elf
until start
irq 3
irq 0
assert pic0.irr & 9 == 9
until work
assert irq[0].taken == 0
assert irq[3].taken == 0
until on_tick
assert pic0.irr & 9 == 8
expect "nothing was lost: ok"
exit 0
