# Programs of 1K OS that start, crash, are waited for and end.
boot build/os1k.elf --memory 8
never /PANIC|panic/
expect "> "
snapshot prompt
send "ps\n"
expect /^ +1 .* running .* shell$/
send "crash-null\n"
expect /killed: page fault/
expect "> "
send "counter 2 10\n"
expect "process 3 exited\n> "
snapshot end
send "exit\n"
exit 0
