# Boot sectors and the BIOS: text, keys, disks, the timer's interrupt.
boot build/guests/boot_hello.bin
expect screen "Hello from a boot sector!"
type "q"
expect screen "Type a key: q"
exit halted

boot build/guests/boot_load.bin
expect screen "The second stage runs."
expect screen "639 KiB of base memory"
exit halted

boot build/guests/boot_pmode.bin
expect screen "Protected mode, from a boot sector"
exit halted

# The snake goes right until somebody steers; up is the wall, then.
boot build/guests/snake.bin
run 500ms
assert mem16[0xb8000] == 0x11b1
key up
expect screen "The end. Press a key"
key ret
run 100ms
assert mem16[0xb8000] == 0x11b1
key esc
exit halted
