//! The part of `selftest` (user/src/bin/selftest.rs) that only the kernel can do: tests of
//! pages and page tables, a simulated key, and faults of the kernel.

use crate::boot::BootInfo;
use crate::global::Global;
use crate::memory::{count, Pages, VirtAddr, KERNEL_BASE, PAGE_SIZE};
use crate::paging::{AddressSpace, PAGE_W, USER_BASE, USER_END};
use crate::{input, port, process};
use common::{Result, ERR_INVALID, ERR_NO_MEMORY};

pub fn run(test: u32) -> Result<i32> {
    let before = count();
    let holds = match test {
        0 => allocator().ok_or(ERR_NO_MEMORY)?,
        1 => paging().ok_or(ERR_NO_MEMORY)?,
        2 => {
            let mut key = Some(b'x');
            input::receive_from(|| key.take());
            true
        }
        _ => return Err(ERR_INVALID),
    };
    Ok(i32::from(!(holds && before == count())))
}

fn allocator() -> Option<bool> {
    let mut runs = [1, 3, 2, 5, 1, 8].map(|n| Some((n, Pages::alloc(n * PAGE_SIZE - 1)?)));
    let mut holds = Pages::alloc(count()[0] * PAGE_SIZE).is_none();
    for round in 1..4 {
        for (i, run) in runs.iter_mut().enumerate() {
            let (n, pages) = run.as_mut()?;
            holds &= pages.bytes().len() == *n * PAGE_SIZE;
            holds &= round != 1 || pages.bytes().iter().all(|byte| *byte == 0);
            pages.bytes().fill(0x10 * round + i as u8);
        }
        for (i, run) in runs.iter_mut().enumerate() {
            let (_, pages) = run.as_mut()?;
            holds &= pages.bytes().iter().all(|byte| *byte == 0x10 * round + i as u8);
        }
        // Every second one is freed and allocated again: it must be filled with zeros.
        for (n, pages) in runs.iter_mut().skip(1).step_by(2).flatten() {
            let free = count()[0];
            *pages = {
                let mut other = Pages::alloc(*n * PAGE_SIZE - 1)?;
                holds &= other.bytes().iter().all(|byte| *byte == 0);
                other
            };
            holds &= free == count()[0];
        }
    }
    Some(holds)
}

fn paging() -> Option<bool> {
    let page = |n: u32| VirtAddr(USER_BASE + n * PAGE_SIZE as u32);
    let across = VirtAddr(page(1).0 - 2);
    let mut space = AddressSpace::new()?;
    space.map_page(page(0), 0)?;
    space.map_page(page(1), PAGE_W)?;
    let mut bytes = [0; 4];
    let mut holds = space.write(across, b"abcd", 0).is_some()
        && space.read(across, &mut bytes).is_some()
        && bytes == *b"abcd"
        && space.write(page(1), b"x", PAGE_W).is_some()
        && space.write(page(0), b"x", PAGE_W).is_none()
        && space.write(across, b"abcd", PAGE_W).is_none();
    for (address, len) in [(page(2), 1), (VirtAddr(page(2).0 - 1), 2), (page(0), usize::MAX)] {
        holds &= !space.may(address, len, 0);
    }
    for address in [0, USER_BASE - 1, USER_END, KERNEL_BASE, KERNEL_BASE + 0x10_0000, u32::MAX] {
        holds &= !space.may(VirtAddr(address), 2, 0);
        holds &= space.map_page(VirtAddr(address), 0).is_none();
    }
    // Another space has other pages at the same address.
    let mut other = AddressSpace::new()?;
    other.map_page(page(1), PAGE_W)?;
    holds &= other.write(page(1), b"other", PAGE_W).is_some();
    space.read(page(1), &mut bytes)?;
    Some(holds && bytes[0] == b'x')
}

/// Words on the Multiboot command line cause faults of the kernel.
pub fn break_on_purpose(boot: &BootInfo) {
    if boot.has_word("panic") {
        panic!("as the command line asked");
    }
    if boot.has_word("fault") {
        // SAFETY: none: a write where nothing is mapped.
        unsafe { core::arch::asm!("mov byte ptr [{}], 1", in(reg) 0x10) };
    }
    let lock = Global::new(());
    if boot.has_word("lock-switch") {
        let _guard = lock.lock();
        process::yield_();
    }
    if boot.has_word("lock-wait") {
        let _guard = lock.lock();
        port::wait_for_interrupt();
    }
    if boot.has_word("lock-twice") {
        let _guards = [lock.lock(), lock.lock()];
    }
    if boot.has_word("overflow") {
        // SAFETY: none: pushes until the stack is used up.
        unsafe { core::arch::asm!("2: push eax", "jmp 2b", options(noreturn)) };
    }
}
