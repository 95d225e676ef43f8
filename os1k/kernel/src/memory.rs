//! Physical memory in pages of 4 KiB: allocates and frees consecutive pages. Also
//! the two types of address, which must not be mixed.

use crate::global::Global;
use core::slice::from_raw_parts_mut;

pub const PAGE_SIZE: usize = 4096;

/// Physical memory is mapped here in every address space, see boot.s.
pub const KERNEL_BASE: u32 = 0x8000_0000;
const DIRECT_MAP_SIZE: u32 = 0x7000_0000;
const MAX_PAGES: usize = DIRECT_MAP_SIZE as usize / PAGE_SIZE;

#[derive(Clone, Copy, PartialEq)]
pub struct PhysAddr(pub u32);

#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct VirtAddr(pub u32);

impl PhysAddr {
    /// Its address in the kernel's half. Memory above the direct map is never allocated.
    pub fn direct(self) -> *mut u8 {
        assert!(self.0 < DIRECT_MAP_SIZE);
        (self.0 + KERNEL_BASE) as *mut u8
    }

    fn page(self) -> usize {
        self.0 as usize / PAGE_SIZE
    }
}

impl VirtAddr {
    pub fn offset(self) -> usize {
        self.0 as usize % PAGE_SIZE
    }

    /// The physical address of something in the kernel's half.
    pub fn to_phys(self) -> PhysAddr {
        PhysAddr(self.0 - KERNEL_BASE)
    }
}

/// The address of something that the linker script or assembly defines.
#[macro_export]
macro_rules! address_of {
    ($symbol:ident) => {{
        extern "C" {
            static $symbol: u8;
        }
        // SAFETY: only its address is used.
        $crate::memory::VirtAddr(unsafe { &$symbol as *const u8 as u32 })
    }};
}

struct Memory {
    free: [bool; MAX_PAGES],
    first: usize, // no page below this one is free
    end: usize,   // nor this one or any above it
    free_count: usize,
    total: usize,
}

static MEMORY: Global<Memory> =
    Global::new(Memory { free: [false; MAX_PAGES], first: 0, end: 0, free_count: 0, total: 0 });

/// Everything from the end of the kernel to the end of RAM becomes free.
pub fn init(memory_size: u32) {
    let memory = &mut *MEMORY.lock();
    memory.first = address_of!(__kernel_end).to_phys().page();
    memory.end = (memory_size as usize / PAGE_SIZE).min(MAX_PAGES);
    memory.total = memory.end - memory.first;
    memory.free_count = memory.total;
    memory.free[memory.first..memory.end].fill(true);
}

/// Allocates `n` consecutive pages filled with zeros, or returns None. First fit.
pub fn alloc_pages(n: usize) -> Option<PhysAddr> {
    let memory = &mut *MEMORY.lock();
    let mut starts = memory.first..(memory.end + 1).saturating_sub(n);
    let page = starts.find(|&page| memory.free[page..page + n].iter().all(|free| *free))?;
    memory.free[page..page + n].fill(false);
    memory.free_count -= n;
    if page == memory.first {
        memory.first += n;
    }
    let address = PhysAddr((page * PAGE_SIZE) as u32);
    // SAFETY: these pages were free, so nothing else uses them.
    unsafe { address.direct().write_bytes(0, n * PAGE_SIZE) };
    Some(address)
}

pub fn free_pages(address: PhysAddr, n: usize) {
    let memory = &mut *MEMORY.lock();
    let page = address.page();
    assert!(!memory.free[page..page + n].contains(&true), "page freed twice");
    memory.free[page..page + n].fill(true);
    memory.free_count += n;
    memory.first = memory.first.min(page);
}

/// Pages that are freed when this is dropped.
pub struct Pages {
    address: PhysAddr,
    n: usize,
}

impl Pages {
    /// Room for `size` bytes.
    pub fn alloc(size: usize) -> Option<Pages> {
        let n = size / PAGE_SIZE + 1;
        Some(Pages { address: alloc_pages(n)?, n })
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: this value owns the pages.
        unsafe { from_raw_parts_mut(self.address.direct(), self.n * PAGE_SIZE) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        free_pages(self.address, self.n);
    }
}

/// The number of free pages, and of all pages.
pub fn count() -> [usize; 2] {
    let memory = MEMORY.lock();
    [memory.free_count, memory.total]
}
