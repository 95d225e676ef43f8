# A session at 1K OS on the serial line: system calls for output, input, processes and time.
boot build/os1k.elf --memory 8
never /PANIC|panic/
expect "> "
snapshot prompt
send "hello\n"
expect "Hello world from shell!\n> "
snapshot hello
send "mem\n"
expect "pages free"
send "frobnicate\n"
expect "unknown command: frobnicate\n> "
snapshot end
send "exit 7\n"
exit 15
