//! The user programs, built before the kernel and held inside it, by name.

macro_rules! programs {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!(env!("OS1K_PROGRAMS"), "/", $name)))),*]
    };
}

static PROGRAMS: &[(&str, &[u8])] = programs! {
    "shell" "counter" "spin"
    "crash-kernel" "crash-null" "crash-port" "crash-stack"
};

pub fn find(name: &str) -> Option<&'static [u8]> {
    PROGRAMS.iter().find(|program| program.0 == name).map(|program| program.1)
}
