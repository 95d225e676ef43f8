# Ticks while IRQ 0 is masked are one request, which is served when it is opened; and ticks that come
# while the handler runs with interrupts on. (guests/timer_keys.asm)
boot build/guests/timer_keys.elf --memory 4
expect "ends\n"
key 2
expect "2\n"
run 15ms
assert mem32[ticks] == 1
key m
expect "m\n"
assert pic0.imr & 1 == 1
run 50ms
assert mem32[ticks] == 1
assert pic0.irr & 1 == 1
assert irq[0].raised >= 6
key u
expect "u\n"
run 1ms
assert mem32[ticks] == 2

# Nested: each handler is interrupted by the next tick, until the third.
assert mem32[deepest] == 1
key s
expect "s\n"
run 60ms
assert mem32[deepest] == 3
assert pic0.isr == 0

# An interrupt of a masked input is nothing to the CPU.
key 1
expect "1\n"
run 200ms
key m
expect "m\n"
snapshot quiet
irq 0
run 1ms
assert pic0.irr & 1 == 1
assert pic0.isr == 0
restore quiet
assert pic0.irr & 1 == 0
