# A lock that the keyboard's handler waits for (guests/race_lock.asm).
boot build/guests/race_lock.elf -m 2
timeout 1ms
until work
snapshot here
expect "the second line\n"
exit 0
