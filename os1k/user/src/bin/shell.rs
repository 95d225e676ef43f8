//! The shell: a few commands of its own; any other word is a program to run,
//! in the background if the line ends with `&`.
#![no_std]
#![no_main]
use user::*;
entry!(main);

const HELP: &str = "\
hello            say hello
ps               list the processes
kill PID         end a process
mem              free memory
uptime           time since boot
help             this list
exit [STATUS]    end the machine; 0 to 127
NAME [WORDS]     run a program: counter spin
                 crash-kernel crash-null crash-port crash-stack
NAME [WORDS] &   run it in the background";

fn main(_: &str) -> i32 {
    let mut buffer = [0; COMMAND_MAX];
    loop {
        print!("> ");
        let line = match read_line(&mut buffer) {
            Input::Line(line) => line.trim(),
            Input::TooLong => {
                println!("command line too long");
                continue;
            }
            Input::End => return 0,
        };
        let mut words = line.split_ascii_whitespace();
        let (command, argument) = (words.next().unwrap_or(""), words.next());
        match (command, argument) {
            ("", _) => {}
            ("hello", _) => println!("Hello world from shell!"),
            ("help", _) => println!("{HELP}"),
            ("ps", _) => ps(),
            ("mem", _) => {
                let (free, all) = mem();
                println!("{free} of {all} pages free ({} of {} KiB)", free * 4, all * 4);
            }
            ("uptime", _) => {
                let ms = uptime();
                println!("up {}.{:02} seconds", ms / 1000, ms % 1000 / 10);
            }
            ("kill", pid) => match pid.and_then(|pid| pid.parse().ok()) {
                Some(pid) => match kill(pid) {
                    ERR_NO_PROCESS => println!("no such process: {pid}"),
                    error if error < 0 => println!("cannot kill process {pid}"),
                    _ => {}
                },
                None => println!("usage: kill PID"),
            },
            ("exit", status) => match status.unwrap_or("0").parse() {
                Ok(status @ 0..=127) => return status,
                _ => println!("usage: exit [STATUS], 0 to 127"),
            },
            _ => run(line, command),
        }
    }
}

fn run(line: &str, name: &str) {
    let foreground = line.trim_end_matches('&').trim_end();
    let background = foreground.len() < line.len();
    let pid = spawn(foreground, if background { SPAWN_BACKGROUND } else { 0 });
    match pid {
        ERR_NOT_FOUND => println!("unknown command: {name}"),
        ERR_NO_SLOT => println!("no free process slots"),
        ERR_NO_MEMORY => println!("out of memory"),
        error if error < 0 => println!("cannot run {name}: error {error}"),
        pid if background => println!("[{pid}] {foreground}"),
        pid => {
            if wait(pid) == STATUS_INTERRUPTED {
                println!("^C");
            }
        }
    }
}
