# The clock of 1K OS: a hundred ticks a second, one for each interrupt of the timer.
boot build/os1k.elf --memory 8
expect "> "
run 1s
assert irq[0].taken >= 99
assert irq[0].taken <= 101
assert irq[0].raised == irq[0].taken
assert pit0.mode == 2
assert pic0.imr & 0x13 == 0
assert idt[0x20].present == 1
assert idt[0x80].dpl == 3
send "uptime\n"
expect /^up 1\.0[0-9] seconds$/
until handle_trap
assert if == 0
send "exit\n"
exit 0
