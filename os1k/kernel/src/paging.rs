//! Address spaces: two levels of page tables each; all share the kernel's half. Only
//! this module reads the tables. System calls access user memory through it, so a
//! bad pointer is an error and not a fault. (Intel SDM vol. 3, 4.3)

use crate::address_of;
use crate::memory::{alloc_pages, free_pages, PhysAddr, VirtAddr, KERNEL_BASE, PAGE_SIZE};
use common::Record;
use core::arch::asm;

/// User programs are between these addresses; the stack ends at the upper one.
pub const USER_BASE: u32 = 0x100_0000;
pub const USER_END: u32 = 0x200_0000;

pub const PAGE_P: u32 = 1; // present
pub const PAGE_W: u32 = 2; // writable
pub const PAGE_U: u32 = 4; // user mode
const FRAME: u32 = !0xfff;

type Table = [u32; 1024];

fn table(page: PhysAddr) -> *mut Table {
    page.direct().cast()
}

fn kernel_directory() -> PhysAddr {
    address_of!(kernel_directory).to_phys()
}

fn load_cr3(directory: PhysAddr) {
    // SAFETY: every directory has the kernel's half, so execution goes on.
    unsafe { asm!("mov cr3, {}", in(reg) directory.0, options(nostack)) }
}

/// Removes the mapping at 0 that boot.s needed, write-protects code and constants, and
/// unmaps the guard pages.
pub fn init(guard_pages: impl Iterator<Item = VirtAddr>) {
    let index = |address: VirtAddr| address.to_phys().0 as usize / PAGE_SIZE;
    let read_only = index(address_of!(__text))..index(address_of!(__data));
    let low = table(address_of!(low_table).to_phys());
    // SAFETY: there is no other reference to these tables; the unmapped pages are not used.
    unsafe {
        (&mut *low)[read_only].iter_mut().for_each(|entry| *entry &= !PAGE_W);
        guard_pages.for_each(|guard| (*low)[index(guard)] = 0);
        (*table(kernel_directory()))[0] = 0;
    }
    use_kernel_space();
}

/// Switches to the address space without a user half.
pub fn use_kernel_space() {
    load_cr3(kernel_directory());
}

/// The user half of an address space. Dropping it frees all its pages; it must not be
/// active then.
pub struct AddressSpace {
    directory: PhysAddr,
}

impl AddressSpace {
    pub fn new() -> Option<AddressSpace> {
        let directory = alloc_pages(1)?;
        let kernel_half = KERNEL_BASE as usize >> 22;
        // SAFETY: nothing else uses the new page, and the other one does not change any more.
        let (new, kernel) = unsafe { (&mut *table(directory), &*table(kernel_directory())) };
        new[kernel_half..].copy_from_slice(&kernel[kernel_half..]);
        Some(AddressSpace { directory })
    }

    pub fn activate(&self) {
        load_cr3(self.directory);
    }

    /// The table entry of a user page; with `create`, a missing table is allocated.
    fn entry(&self, vaddr: VirtAddr, create: bool) -> Option<*mut u32> {
        if !(USER_BASE..USER_END).contains(&vaddr.0) {
            return None;
        }
        // SAFETY: tables below the directory belong to this space alone.
        unsafe {
            let directory = &mut *table(self.directory);
            let slot = &mut directory[vaddr.0 as usize >> 22];
            if *slot & PAGE_P == 0 {
                if !create {
                    return None;
                }
                *slot = alloc_pages(1)?.0 | PAGE_P | PAGE_W | PAGE_U;
            }
            let entries = table(PhysAddr(*slot & FRAME));
            Some(&mut (*entries)[vaddr.0 as usize >> 12 & 1023])
        }
    }

    /// Maps a page of zeros for user mode; `flags`: PAGE_W or 0. If the page is mapped
    /// already, it stays, and `flags` are added to its own.
    pub fn map_page(&mut self, vaddr: VirtAddr, flags: u32) -> Option<()> {
        let entry = self.entry(vaddr, true)?;
        // SAFETY: `entry` points into a table of this space.
        unsafe {
            if *entry & PAGE_P == 0 {
                *entry = alloc_pages(1)?.0 | PAGE_P | PAGE_U;
            }
            *entry |= flags;
        }
        Some(())
    }

    /// Calls `f` for each page of the `len` bytes at `vaddr`, with a pointer, the offset and
    /// the number of bytes. None if a page is not mapped or lacks one of `flags`.
    fn walk(
        &self,
        vaddr: VirtAddr,
        len: usize,
        flags: u32,
        mut f: impl FnMut(*mut u8, usize, usize),
    ) -> Option<()> {
        let mut done = 0;
        while done < len {
            let at = VirtAddr(vaddr.0.checked_add(done as u32)?);
            // SAFETY: `entry` points into a table of this space.
            let entry = unsafe { *self.entry(at, false)? };
            if entry & (PAGE_P | flags) != PAGE_P | flags {
                return None;
            }
            let n = (PAGE_SIZE - at.offset()).min(len - done);
            f(PhysAddr((entry & FRAME) + at.offset() as u32).direct(), done, n);
            done += n;
        }
        Some(())
    }

    /// Whether the program may read these bytes or, with PAGE_W in `flags`, write them.
    pub fn may(&self, vaddr: VirtAddr, len: usize, flags: u32) -> bool {
        self.walk(vaddr, len, flags, |_, _, _| ()).is_some()
    }

    /// None if the program may not read there.
    pub fn read(&self, vaddr: VirtAddr, buffer: &mut [u8]) -> Option<()> {
        let to = buffer.as_mut_ptr();
        // SAFETY: `walk` gives n bytes inside one user page, and offset + n is
        // at most the buffer's length. Kernel and user pages never overlap.
        self.walk(vaddr, buffer.len(), 0, |p, offset, n| unsafe {
            to.add(offset).copy_from_nonoverlapping(p, n)
        })
    }

    /// With PAGE_W in `flags`, None if the program may not write there. The loader, which
    /// may write to read-only pages, uses 0.
    pub fn write(&mut self, vaddr: VirtAddr, bytes: &[u8], flags: u32) -> Option<()> {
        // SAFETY: as in `read`.
        self.walk(vaddr, bytes.len(), flags, |p, offset, n| unsafe {
            p.copy_from_nonoverlapping(bytes.as_ptr().add(offset), n)
        })
    }
}

/// The bytes of a record that is copied to user mode.
pub fn bytes_of<T: Record>(record: &T) -> &[u8] {
    // SAFETY: a Record has no padding.
    unsafe { core::slice::from_raw_parts((record as *const T).cast(), core::mem::size_of::<T>()) }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        let present = |entry: &&u32| **entry & PAGE_P != 0;
        // SAFETY: the space is not active, and nothing else uses its pages.
        let directory = unsafe { &*table(self.directory) };
        let user_half = &directory[USER_BASE as usize >> 22..USER_END as usize >> 22];
        for pde in user_half.iter().filter(present) {
            // SAFETY: as above.
            let entries = unsafe { &*table(PhysAddr(pde & FRAME)) };
            for pte in entries.iter().filter(present) {
                free_pages(PhysAddr(pte & FRAME), 1);
            }
            free_pages(PhysAddr(pde & FRAME), 1);
        }
        free_pages(self.directory, 1);
    }
}
