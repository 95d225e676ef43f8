//! 1K OS: the operating system of the book "Operating System in 1,000 Lines",
//! in Rust, for 32-bit x86. The order of initialization, and the idle loop.
#![no_std]
#![no_main]

mod boot;
mod console;
mod elf;
mod frame;
mod fs;
mod global;
mod input;
mod irq;
mod keyboard;
mod memory;
mod paging;
mod panic;
mod port;
mod power;
mod process;
mod program;
mod segments;
mod selftest;
mod serial;
mod syscall;
mod trap;
mod vga;
mod virtio_blk;

use common::println;

// So that cargo links again when the linker script has changed.
const _: &[u8] = include_bytes!("../../../linker/kernel.ld");

#[no_mangle]
extern "C" fn kernel_main(magic: u32, info: u32) -> ! {
    serial::init();
    println!("1K OS {} (Rust, x86)", env!("CARGO_PKG_VERSION"));
    vga::clear();
    segments::init();
    trap::init();
    let boot = boot::BootInfo::read(magic, info);
    memory::init(boot.memory);
    process::init();
    irq::init();
    input::init();
    selftest::break_on_purpose(&boot);
    fs::fs_init();
    program::start("shell", 0).expect("cannot start the shell");
    loop {
        process::yield_();
        port::wait_for_interrupt();
    }
}
