# A new count of 5 ms in the middle of one of 10 ms (guests/timer_keys.asm; 8254 data sheet).
boot build/guests/timer_keys.elf --memory 4
expect "ends\n"

# Mode 0 begins again with the new count.
key 0
expect "0\n"
run 7ms
key r
expect "r\n"
run 4ms
assert mem32[ticks] == 0
run 2ms
assert mem32[ticks] == 1

# Half of a count stops mode 0. (Another mode's control word lets OUT rise: that is a tick, too.)
key 0
expect "0\n"
run 5ms
key l
expect "l\n"
run 50ms
assert mem32[ticks] == 0

# Mode 2 finishes the period first: 10, then 5, 5, 5.
key 1
expect "1\n"
key 2
expect "2\n"
run 7ms
key r
expect "r\n"
run 2ms
assert mem32[ticks] == 0
run 2ms
assert mem32[ticks] == 1
run 5ms
assert mem32[ticks] == 2
run 10ms
assert mem32[ticks] == 4

# Mode 3 finishes the half period first: its second half is of the new count.
key 3
expect "3\n"
run 3ms
key r
expect "r\n"
run 4500us
assert mem32[ticks] == 1

# Mode 4 begins again.
key 4
expect "4\n"
run 7ms
key r
expect "r\n"
run 4ms
assert mem32[ticks] == 0
run 2ms
assert mem32[ticks] == 1
key q
exit power-off
