# The modes of the 8254 on any engine, in any host's time (guests/timer_keys.asm; a count is 10 ms): what
# comes once, what never comes, what goes on. exact/timer_modes.t has the moments.
boot build/guests/timer_keys.elf --memory 4
expect "ends\n"
key 0
expect "0\n"
run 200ms
assert mem32[ticks] == 1
assert pit0.out == 1
key 1
expect "1\n"
run 100ms
assert mem32[ticks] == 0
key 5
expect "5\n"
run 100ms
assert mem32[ticks] == 0
key 4
expect "4\n"
run 200ms
assert mem32[ticks] == 1

# A count of which only half is written does not run.
key 0
expect "0\n"
key l
expect "l\n"
run 100ms
assert mem32[ticks] <= 1

key 2
expect "2\n"
run 200ms
assert mem32[ticks] >= 2
assert mem32[ticks] <= 21
key 3
expect "3\n"
run 200ms
assert mem32[ticks] >= 2

# Masked, ticks are one request that waits.
key m
expect "m\n"
run 100ms
assert pic0.irr & 1 == 1
assert pic0.isr == 0
key u
expect "u\n"
run 100ms
assert pic0.imr & 1 == 0
key q
exit power-off
