# Every mode of the 8254, by ticks and by OUT (guests/timer_keys.asm); a count is 10 ms.
boot build/guests/timer_keys.elf --memory 4
expect "ends\n"

# 0, interrupt on terminal count: one tick, and OUT stays high.
key 0
expect "0\n"
assert pit0.mode == 0
assert pit0.out == 0
run 9ms
assert pit0.out == 0
assert mem32[ticks] == 0
run 2ms
assert pit0.out == 1
assert mem32[ticks] == 1
run 50ms
assert mem32[ticks] == 1

# 1, one-shot by the gate, which is always high here: nothing.
key 1
expect "1\n"
assert pit0.mode == 1
run 50ms
assert pit0.out == 1
assert mem32[ticks] == 0

# 2, rate generator: a short low at the end of each period.
key 2
expect "2\n"
assert pit0.mode == 2
run 5ms
assert pit0.out == 1
assert mem32[ticks] == 0
run 50ms
assert mem32[ticks] == 5

# 3, square wave: high for the first half, low for the second.
key 3
expect "3\n"
assert pit0.mode == 3
run 4ms
assert pit0.out == 1
run 3ms
assert pit0.out == 0
run 5ms
assert pit0.out == 1
assert mem32[ticks] == 1
run 40ms
assert mem32[ticks] == 5
assert pit0.out == 1

# 4, strobe by software: once.
key 4
expect "4\n"
assert pit0.mode == 4
run 9ms
assert pit0.out == 1
assert mem32[ticks] == 0
run 50ms
assert mem32[ticks] == 1

# 5, strobe by the gate: nothing.
key 5
expect "5\n"
assert pit0.mode == 5
run 50ms
assert pit0.out == 1
assert mem32[ticks] == 0

assert irq[0].raised == irq[0].taken
key q
exit power-off
