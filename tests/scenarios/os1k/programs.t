# A program of 1K OS, by the symbols of its own file.
boot build/os1k.elf --memory 8
symbols build/os1k/user/shell
expect "> "
send "hello\n"
until handle_trap
assert cs == 8
until Editor::read_line
assert cs & 3 == 3
