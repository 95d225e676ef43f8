# Programs of 1K OS that are read from its disk, crash, are waited for and end.
boot build/os1k.elf --memory 8 --disk build/os1k.disk,ro
never /PANIC|panic/
expect "> "
snapshot prompt
send "ps\n"
expect /^ +1 .* running .* shell$/
send "cat hello.txt\n"
expect "this file lies on the disk"
send "crash-null\n"
expect /killed: page fault/
expect "> "
send "counter 2 10\n"
expect "process 3 exited\n> "
snapshot end
send "exit\n"
exit 0
