//! The shell: has some commands; any other word is a program to run, in the background
//! if the line ends with `&`.
#![no_std]
#![no_main]
user::entry!(main);

const HELP: &str = "\
hello                say hello
ls                   list the files
cat FILE             show a file
write FILE TEXT      make a file, or replace it
append FILE TEXT     add a line to a file
rm FILE              remove a file
readfile, writefile  show hello.txt, write it
ps                   list the processes
kill PID             end a process
mem                  free memory
uptime               time since boot
[run] NAME [WORDS]   run a program: those in bin/
NAME [WORDS] &       run it in the background
selftest             test this system, and end the machine
reboot, shutdown     end the machine
exit [STATUS]        the same, with a status from 0 to 127";

fn main(_: &str) -> i32 {
    let mut editor = Editor::new();
    loop {
        print!("> ");
        let line = match editor.read_line() {
            Some(line) => line.trim(),
            None => return 0,
        };
        let (command, rest) = split(line);
        match (command, rest) {
            ("", _) => {}
            ("hello", _) => println!("Hello world from shell!"),
            ("help", _) => println!("{HELP}"),
            ("readfile", _) => cat("hello.txt"),
            ("writefile", _) => wrote("hello.txt", writefile("hello.txt", b"Hello from shell!\n")),
            ("ls", _) => list().for_each(|f| println!("{:8}  {}", f.size, text(&f.name))),
            ("cat", name) => cat(name),
            ("write", words) => write(words, writefile),
            ("append", words) => write(words, appendfile),
            ("rm", name) => complain(name, removefile(name)),
            ("ps", _) => show_processes(),
            ("mem", _) => println!("{} of {} pages free, 4 KiB each", mem().0, mem().1),
            ("uptime", _) => {
                let ms = uptime();
                println!("up {}.{:02} seconds", ms / 1000, ms % 1000 / 10);
            }
            ("kill", pid) => match pid.parse().map(kill) {
                Ok(0) => {}
                Ok(error) => println!("cannot kill process {pid}: {}", error_message(error)),
                Err(_) => println!("usage: kill PID"),
            },
            ("reboot", _) => reboot(),
            ("shutdown", _) => shutdown(0),
            ("exit", "") => return 0,
            ("exit", status) => match status.parse() {
                Ok(status @ 0..=127) => return status,
                _ => println!("usage: exit [STATUS], 0 to 127"),
            },
            ("run", program) => run(program),
            _ => run(line),
        }
    }
}

/// The first word and the rest.
fn split(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    (word, rest.trim_start())
}

fn complain(name: &str, result: i32) {
    match result {
        ERR_NOT_FOUND => println!("file not found: {name}"),
        error if error < 0 => println!("{name}: {}", error_message(error)),
        _ => {}
    }
}

fn wrote(name: &str, result: i32) {
    complain(name, result);
    if result >= 0 {
        println!("wrote {result} bytes to disk");
    }
}

fn write(words: &str, how: fn(&str, &[u8]) -> i32) {
    let (name, text) = split(words);
    let mut line = [b'\n'; COMMAND_MAX];
    line[..text.len()].copy_from_slice(text.as_bytes());
    wrote(name, how(name, &line[..text.len() + 1]));
}

fn cat(name: &str) {
    let mut buffer = [0; 2048];
    let mut offset = 0;
    loop {
        let n = read_at(name, &mut buffer, offset);
        if n <= 0 {
            return complain(name, n);
        }
        buffer[..n as usize].iter().for_each(|byte| putchar(*byte));
        offset += n as u32;
    }
}

fn show_processes() {
    println!("PID  PARENT  STATE     TICKS  NAME");
    for ProcessInfo { pid, parent, state, ticks, name } in ps() {
        println!("{pid:3}  {parent:6}  {:8} {ticks:6}  {}", text(&state), text(&name));
    }
}

fn run(line: &str) {
    let foreground = line.trim_end_matches('&').trim_end();
    let background = foreground.len() < line.len();
    let (name, _) = split(foreground);
    match spawn(foreground, if background { SPAWN_BACKGROUND } else { 0 }) {
        ERR_NOT_FOUND | ERR_NO_DISK => println!("unknown command: {name}"),
        error if error < 0 => println!("cannot run {name}: {}", error_message(error)),
        pid if background => println!("[{pid}] {foreground}"),
        pid => {
            if wait(pid) == STATUS_INTERRUPTED {
                println!("^C");
            }
        }
    }
}
