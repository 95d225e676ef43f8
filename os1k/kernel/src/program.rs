//! Starts programs. A command's first word names a file, which is loaded into a new
//! address space; the command itself is put on the new stack.

use crate::frame::TrapFrame;
use crate::memory::{VirtAddr, PAGE_SIZE};
use crate::paging::{PAGE_W, USER_END};
use crate::{elf, fs, process};
use common::*;

const STACK_START: u32 = USER_END - 64 * 1024; // the page below it stays unmapped
static SHELL: &[u8] = include_bytes!(concat!(env!("OS1K_PROGRAMS"), "/shell"));

/// Starts the program that a command names; returns its pid. `parent` is the pid of the
/// process that will wait for it, or 0.
pub fn start(command: &str, parent: u32) -> Result<u32> {
    let name = command.split(' ').next().unwrap_or("");
    let load = |image: &[u8]| elf::load(image, STACK_START - PAGE_SIZE as u32);
    let from_disk = fs::with_files(|fs| fs.read_program(name.as_bytes()));
    let loaded = match from_disk.and_then(|mut file| load(file.bytes())) {
        Err(_) if name == "shell" => load(SHELL), // one is always needed
        loaded => loaded,
    };
    let (mut space, entry) = loaded?;
    for page in (STACK_START..USER_END).step_by(PAGE_SIZE) {
        space.map_page(VirtAddr(page), PAGE_W).ok_or(ERR_NO_MEMORY)?;
    }
    // At the top of the stack: the command, and below it, for start.s, its address and length.
    let text = USER_END - COMMAND_MAX as u32;
    let esp = VirtAddr(text - 16);
    space.write(VirtAddr(text), command.as_bytes(), 0).ok_or(ERR_INVALID)?;
    let words = u64::from(text) | (command.len() as u64) << 32;
    space.write(esp, &words.to_le_bytes(), 0).ok_or(ERR_INVALID)?;
    process::create_process(name, parent, space, TrapFrame::new(entry, esp))
}
