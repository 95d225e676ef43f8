# A key that comes between the look and the HLT (guests/race_wakeup.asm). Without one it waits in vain.
boot build/guests/race_wakeup.elf -m 2
timeout 1ms
until wait_for_key
snapshot here
expect "a key"
exit 0
