//! Never stops and never waits: only the timer can take the CPU away from it.
#![no_std]
#![no_main]
user::entry!(|_| loop {});
