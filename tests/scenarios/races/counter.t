# A counter that the timer's handler shares with the main program (guests/race_counter.asm).
boot build/guests/race_counter.elf -m 2
until work
snapshot here
expect "nothing was lost: ok"
exit 0
