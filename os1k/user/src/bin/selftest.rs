//! `selftest`: tests the system from a user program and ends the machine, with status 0 if
//! all tests pass. `selftest spawn N` only runs N programs one after another, and
//! `selftest files` only tests files.
#![no_std]
#![no_main]
user::entry!(main);

fn main(command: &str) -> i32 {
    match command.split_ascii_whitespace().nth(1) {
        Some("read") => return i32::from(getchar()),
        Some("type") => {
            sleep(300);
            return syscall(SYS_SELFTEST, 2, 0, 0, 0);
        }
        Some("files") => return i32::from(!files()),
        Some("spawn") => {
            let before = mem();
            (0..number(command, 2, 100)).for_each(|_| assert_eq!(wait(spawn("echo", 0)), 0));
            println!("memory before and after: {} {}", before.0, mem().0);
            return i32::from(before != mem());
        }
        _ => {}
    }
    if let Some(other) = ps().find(|process| ![0, 1, getpid() as u32].contains(&process.pid)) {
        println!("selftest needs the system for itself; first kill {}", other.pid);
        return 1;
    }
    let memory = mem();
    let tests: [(&str, fn() -> bool); 9] = [
        ("page allocator", || syscall(SYS_SELFTEST, 0, 0, 0, 0) == 0),
        ("page tables", || syscall(SYS_SELFTEST, 1, 0, 0, 0) == 0),
        ("two spinning programs share the processor", fairness),
        ("sleep", sleeping),
        ("a reader blocks until a key is pressed", blocking_input),
        ("files", files),
        ("faults end only the program that made them", faults),
        ("system calls with hostile arguments", hostile_arguments),
        ("process slots run out, and come back", slots),
    ];
    let mut failed = 0;
    for (name, test) in tests {
        let holds = test();
        println!("{} - {name}", if holds { "ok" } else { "not ok" });
        failed += i32::from(!holds);
    }
    let leaks = mem() != memory;
    println!("{} - memory is as it was", if leaks { "not ok" } else { "ok" });
    println!("selftest: {} failed", failed + i32::from(leaks));
    shutdown(i32::from(failed != 0 || leaks))
}

fn process(pid: i32) -> Option<ProcessInfo> {
    ps().find(|process| process.pid == pid as u32)
}

fn ticks(pid: i32) -> u32 {
    process(pid).map_or(0, |process| process.ticks)
}

fn fairness() -> bool {
    let pids = [(), ()].map(|_| spawn("spin", SPAWN_BACKGROUND));
    let before = pids.map(ticks);
    sleep(2000);
    let after = pids.map(ticks);
    let [a, b] = [after[0] - before[0], after[1] - before[1]];
    println!("{a} and {b} ticks");
    pids.iter().all(|pid| kill(*pid as u32) == 0) && a + b > 100 && a.abs_diff(b) * 10 <= a.min(b)
}

fn sleeping() -> bool {
    let before = uptime();
    sleep(250);
    (250..=450).contains(&(uptime() - before)) // a tick later, more on a slow machine
}

fn blocking_input() -> bool {
    let before = uptime();
    let typist = spawn("selftest type", 0);
    let reader = spawn("selftest read", 0);
    sleep(100);
    let (state, used) = process(reader).map_or(([0; 8], 0), |p| (p.state, p.ticks));
    let idle = ticks(0);
    let key = wait(reader); // only now it is in the foreground
    let waited = uptime() - before;
    let idled = ticks(0) - idle;
    wait(typist) == 0
        && key == i32::from(b'x')
        && text(&state) == "reading"
        && used <= 5
        && waited >= 300
        && idled >= 10
}

fn files() -> bool {
    let long = "a-folder-with-a-long-name-that-goes-on-and-on-until-the-name-field-is-full/another-folder-\
        in-it-with-a-file/of-this-name";
    let too_long = [b'x'; 101];
    let mut pattern = [0; 9000];
    pattern.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i * i / 7) as u8);
    let mut buffer = [0; 9001];
    let mut has = |name: &str, bytes: &[u8]| {
        readfile(name, &mut buffer) == bytes.len() as i32 && buffer[..bytes.len()] == *bytes
    };
    let mut holds = true;
    // Sizes around those of a sector and of the kernel's buffer; each replaces the last.
    for size in [0, 1, 511, 512, 513, 4095, 4096, 4097, 9000, 512, 0, 8999, 1] {
        for name in ["selftest.1", "selftest.2", long] {
            holds &= writefile(name, &pattern[..size]) == size as i32;
        }
        holds &= has("selftest.1", &pattern[..size]) && has(long, &pattern[..size]);
    }
    for from in (0..9000).step_by(1500) {
        holds &= appendfile("selftest.3", &pattern[from..from + 1500]) == 1500;
        holds &= from != 3000 || writefile("selftest.4", b"in the way") == 10;
        holds &= has("selftest.3", &pattern[..from + 1500]);
    }
    let mut part = [0; 100];
    holds &= read_at("selftest.3", &mut part, 4050) == 100 && part == pattern[4050..4150];
    holds &=
        read_at("selftest.3", &mut part, 8950) == 50 && read_at("selftest.3", &mut part, 9001) == 0;
    let ours =
        |file: &FileInfo| text(&file.name).starts_with("selftest.") || text(&file.name) == long;
    holds &= list().filter(ours).count() == 5;
    for name in ["selftest.1", "selftest.2", "selftest.3", "selftest.4", long] {
        holds &= removefile(name) == 0 && readfile(name, &mut part) == ERR_NOT_FOUND;
    }
    holds
        && list().filter(ours).count() == 0
        && removefile("selftest.1") == ERR_NOT_FOUND
        && writefile("", b"") == ERR_NAME
        && writefile(text(&too_long), b"") == ERR_NAME
}

fn faults() -> bool {
    let page_fault = STATUS_FAULT + 14;
    [
        ("crash-null", page_fault),
        ("crash-kernel", page_fault),
        ("crash-port", STATUS_FAULT + 13),
        ("crash-stack", page_fault),
    ]
    .iter()
    .all(|(name, status)| wait(spawn(name, 0)) == *status)
}

fn hostile_arguments() -> bool {
    let ours = &mut [0u8; 16];
    let ours = ours.as_mut_ptr() as u32;
    let name = b"hello.txt\0".as_ptr() as u32;
    let mut echo = [b'x'; COMMAND_MAX + 1];
    echo[..5].copy_from_slice(b"echo ");
    let code = main as *const () as u32;
    let mut holds = readfile("hello.txt", &mut [0; 16]) > 0;
    for bad in
        [0, 0x1000, 0x00ff_ffff, 0x0200_0000, 0x8000_0000, 0x8010_0000, 0xfeb0_0000, u32::MAX]
    {
        holds &= syscall(SYS_READFILE, bad, ours, 16, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_READFILE, name, bad, 16, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_READFILE, name, ours, bad | 1 << 25, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_READ_AT, name, bad, 16, 3) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_WRITEFILE, bad, ours, 16, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_WRITEFILE, name, bad, 16, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_WRITEFILE, name, ours, bad | 1 << 25, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_APPENDFILE, name, bad, 16, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_REMOVEFILE, bad, 0, 0, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_LIST, 0, bad, 0, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_LIST, bad | 1 << 25, ours, 0, 0) < 0;
        holds &= syscall(SYS_PS, 0, bad, 0, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_PS, bad | 8, ours, 0, 0) == ERR_INVALID;
        holds &= syscall(SYS_SPAWN, bad, 0, 0, 0) == ERR_BAD_ADDRESS;
        holds &= syscall(SYS_WAIT, bad | 1 << 25, 0, 0, 0) == ERR_NO_PROCESS;
        holds &= syscall(SYS_KILL, bad | 1 << 25, 0, 0, 0) == ERR_NO_PROCESS;
        holds &= syscall(bad | 1 << 25, bad, bad, bad, bad) == ERR_NO_SYSCALL;
    }
    holds
        && syscall(0, 0, 0, 0, 0) == ERR_NO_SYSCALL
        && syscall(SYS_READFILE, name, code, 16, 0) == ERR_BAD_ADDRESS // not writable
        && syscall(SYS_READFILE, name, ours, 0, 0) == 0
        && spawn("hello.txt", 0) == ERR_BAD_PROGRAM
        && spawn("no-such-program", 0) == ERR_NOT_FOUND
        && spawn(text(&[b'x'; COMMAND_MAX]), 0) == ERR_NOT_FOUND
        && spawn(text(&[b'x'; FILE_NAME_MAX]), 0) == ERR_NAME
        && spawn(text(&echo), 0) == ERR_INVALID
        && [0, 1].iter().all(|pid| kill(*pid) == ERR_INVALID)
        && wait(getpid()) == ERR_NO_PROCESS
}

fn slots() -> bool {
    let mut pids = [0; PROCS_MAX];
    let mut last = 0;
    for pid in pids.iter_mut() {
        last = spawn("spin", SPAWN_BACKGROUND);
        *pid = last;
    }
    let started = pids.iter().filter(|pid| **pid > 0);
    last == ERR_NO_SLOT
        && started.clone().count() == PROCS_MAX - 3 // without idle, the shell and this one
        && started.clone().all(|pid| kill(*pid as u32) == 0)
        && started.clone().all(|pid| process(*pid).is_none())
}
