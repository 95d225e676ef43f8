//! The disk: virtio-blk with virtio-mmio registers, one request at a time. The
//! process that made the request is blocked until the device's interrupt. (VIRTIO
//! 1.2, 2.7, 4.2.4 and 5.2: the legacy interface, version 1 of the registers)

use crate::global::Global;
use crate::memory::{alloc_pages, VirtAddr, PAGE_SIZE};
use crate::process::{self, State};
use common::{ensure, println, Result, ERR_DISK, ERR_NO_DISK, ERR_READ_ONLY};
use core::mem::size_of;
use core::ptr::addr_of;
use core::sync::atomic::{fence, Ordering};

pub const SECTOR_SIZE: usize = 512;
const VIRTIO_BLK_PADDR: u32 = 0xfeb0_0000; // of the first slot; boot.s maps them here
const SLOT_SIZE: u32 = 0x200;
const SLOTS: u32 = 8;

const VIRTIO_MAGIC: u32 = 0x7472_6976;
const VIRTIO_DEVICE_BLK: u32 = 2;
const VIRTIO_REG_MAGIC: u32 = 0x00;
const VIRTIO_REG_VERSION: u32 = 0x04;
const VIRTIO_REG_DEVICE_ID: u32 = 0x08;
const VIRTIO_REG_DEVICE_FEATURES: u32 = 0x10;
const VIRTIO_REG_DRIVER_FEATURES: u32 = 0x20;
const VIRTIO_REG_PAGE_SIZE: u32 = 0x28; // the unit of QUEUE_PFN
const VIRTIO_REG_QUEUE_SEL: u32 = 0x30;
const VIRTIO_REG_QUEUE_NUM: u32 = 0x38;
const VIRTIO_REG_QUEUE_ALIGN: u32 = 0x3c;
const VIRTIO_REG_QUEUE_PFN: u32 = 0x40;
const VIRTIO_REG_QUEUE_NOTIFY: u32 = 0x50;
const VIRTIO_REG_INTERRUPT_STATUS: u32 = 0x60;
const VIRTIO_REG_INTERRUPT_ACK: u32 = 0x64;
const VIRTIO_REG_DEVICE_STATUS: u32 = 0x70;
const VIRTIO_REG_DEVICE_CONFIG: u32 = 0x100; // the capacity in sectors, 64 bits
const VIRTIO_STATUS_ACK: u32 = 1;
const VIRTIO_STATUS_DRIVER: u32 = 2;
const VIRTIO_STATUS_DRIVER_OK: u32 = 4;
const VIRTIO_STATUS_FEAT_OK: u32 = 8;
const VIRTQ_ENTRY_NUM: usize = 16;
const VIRTQ_DESC_F_NEXT: u16 = 1;
const VIRTQ_DESC_F_WRITE: u16 = 2; // by the device
const VIRTIO_BLK_F_RO: u32 = 1 << 5;
const VIRTIO_BLK_T_IN: u32 = 0;
const VIRTIO_BLK_T_OUT: u32 = 1;
const REQUEST_HEADER: u32 = 16; // of VirtioBlkReq, up to the status

#[repr(C)]
struct VirtqDesc {
    addr: u64,
    len: u32,
    flags: u16,
    next: u16,
}

#[repr(C)]
struct VirtqAvail {
    flags: u16,
    index: u16,
    ring: [u16; VIRTQ_ENTRY_NUM],
}

#[repr(C, align(4096))]
struct VirtqUsed {
    flags: u16,
    index: u16,
    ring: [[u32; 2]; VIRTQ_ENTRY_NUM],
}

#[repr(C)]
struct VirtioBlkReq {
    kind: u32,
    reserved: u32,
    sector: u64,
    status: u8,
}

/// The memory shared with the device: the queue, in the layout of version 1, and the
/// one request without its data.
#[repr(C)]
struct VirtioVirtq {
    descs: [VirtqDesc; VIRTQ_ENTRY_NUM],
    avail: VirtqAvail,
    used: VirtqUsed,
    blk_req: VirtioBlkReq,
}

#[derive(Clone, Copy)]
struct Disk {
    registers: u32,
    blk_request_vq: *mut VirtioVirtq,
    blk_capacity: u64, // in sectors
}

static DISK: Global<Option<Disk>> = Global::new(None);

fn phys<T>(pointer: *const T) -> u64 {
    u64::from(VirtAddr(pointer as u32).to_phys().0)
}

impl Disk {
    fn virtio_reg_read32(&self, offset: u32) -> u32 {
        // SAFETY: a register of a slot; only this driver uses it.
        unsafe { ((self.registers + offset) as *const u32).read_volatile() }
    }

    fn virtio_reg_write32(&self, offset: u32, value: u32) {
        // Earlier writes to memory, which the device will read, must be done before this.
        fence(Ordering::SeqCst);
        // SAFETY: as above; the device accesses only memory that is in the queue.
        unsafe { ((self.registers + offset) as *mut u32).write_volatile(value) }
    }

    fn virtio_reg_fetch_and_or32(&self, offset: u32, value: u32) {
        self.virtio_reg_write32(offset, self.virtio_reg_read32(offset) | value);
    }

    fn is_blk(&self) -> bool {
        self.virtio_reg_read32(VIRTIO_REG_MAGIC) == VIRTIO_MAGIC
            && self.virtio_reg_read32(VIRTIO_REG_VERSION) == 1
            && self.virtio_reg_read32(VIRTIO_REG_DEVICE_ID) == VIRTIO_DEVICE_BLK
    }

    fn virtq_init(&self) {
        let virtq_pfn = phys(self.blk_request_vq) as u32 / PAGE_SIZE as u32;
        self.virtio_reg_write32(VIRTIO_REG_PAGE_SIZE, PAGE_SIZE as u32);
        self.virtio_reg_write32(VIRTIO_REG_QUEUE_SEL, 0);
        self.virtio_reg_write32(VIRTIO_REG_QUEUE_NUM, VIRTQ_ENTRY_NUM as u32);
        self.virtio_reg_write32(VIRTIO_REG_QUEUE_ALIGN, PAGE_SIZE as u32);
        self.virtio_reg_write32(VIRTIO_REG_QUEUE_PFN, virtq_pfn);
    }

    fn virtq_kick(&self, vq: &mut VirtioVirtq, desc_index: u16) {
        vq.avail.ring[usize::from(vq.avail.index) % VIRTQ_ENTRY_NUM] = desc_index;
        fence(Ordering::SeqCst);
        vq.avail.index = vq.avail.index.wrapping_add(1);
        self.virtio_reg_write32(VIRTIO_REG_QUEUE_NOTIFY, 0);
    }

    fn virtq_is_busy(&self) -> bool {
        let vq = self.blk_request_vq;
        // SAFETY: the queue's pages are never freed; the device may write them.
        unsafe { addr_of!((*vq).used.index).read_volatile() != (*vq).avail.index }
    }
}

/// Looks for a disk; returns its size in sectors, 0 if there is none.
pub fn virtio_blk_init() -> u64 {
    let slots = (0..SLOTS).map(|n| VIRTIO_BLK_PADDR + n * SLOT_SIZE);
    let no_queue = core::ptr::null_mut();
    let disk = |registers| Disk { registers, blk_request_vq: no_queue, blk_capacity: 0 };
    let mut disk = match slots.map(disk).find(Disk::is_blk) {
        Some(disk) => disk,
        None => return 0,
    };
    let pages = alloc_pages(size_of::<VirtioVirtq>() / PAGE_SIZE);
    disk.blk_request_vq = pages.expect("no memory for the disk").direct().cast();

    disk.virtio_reg_write32(VIRTIO_REG_DEVICE_STATUS, 0);
    disk.virtio_reg_fetch_and_or32(VIRTIO_REG_DEVICE_STATUS, VIRTIO_STATUS_ACK);
    disk.virtio_reg_fetch_and_or32(VIRTIO_REG_DEVICE_STATUS, VIRTIO_STATUS_DRIVER);
    disk.virtio_reg_write32(VIRTIO_REG_DRIVER_FEATURES, 0);
    disk.virtio_reg_fetch_and_or32(VIRTIO_REG_DEVICE_STATUS, VIRTIO_STATUS_FEAT_OK);
    disk.virtq_init();
    disk.virtio_reg_fetch_and_or32(VIRTIO_REG_DEVICE_STATUS, VIRTIO_STATUS_DRIVER_OK);

    disk.blk_capacity = u64::from(disk.virtio_reg_read32(VIRTIO_REG_DEVICE_CONFIG))
        | u64::from(disk.virtio_reg_read32(VIRTIO_REG_DEVICE_CONFIG + 4)) << 32;
    println!("virtio-blk: capacity is {} bytes", disk.blk_capacity * SECTOR_SIZE as u64);
    *DISK.lock() = Some(disk);
    disk.blk_capacity
}

/// Transfers whole sectors; blocks until that is done. Only one process at a time may
/// call this, and it must not be ended in here: the device uses the buffer.
pub fn read_write_disk(buf: &mut [u8], sector: u32, is_write: bool) -> Result<()> {
    let disk = DISK.lock().ok_or(ERR_NO_DISK)?;
    let end = u64::from(sector) + (buf.len() / SECTOR_SIZE) as u64;
    if end > disk.blk_capacity {
        let capacity = disk.blk_capacity;
        println!("virtio: tried to read/write sector={sector}, but capacity is {capacity}");
        return Err(ERR_DISK);
    }
    let read_only = disk.virtio_reg_read32(VIRTIO_REG_DEVICE_FEATURES) & VIRTIO_BLK_F_RO != 0;
    ensure(!(is_write && read_only), ERR_READ_ONLY)?;
    // SAFETY: there is no request in progress, so the device does not use the queue.
    let vq = unsafe { &mut *disk.blk_request_vq };
    let kind = if is_write { VIRTIO_BLK_T_OUT } else { VIRTIO_BLK_T_IN };
    vq.blk_req = VirtioBlkReq { kind, reserved: 0, sector: u64::from(sector), status: 0xff };
    let data_flags = if is_write { 0 } else { VIRTQ_DESC_F_WRITE };
    let parts = [
        (phys(&vq.blk_req), REQUEST_HEADER, VIRTQ_DESC_F_NEXT),
        (phys(buf.as_ptr()), buf.len() as u32, VIRTQ_DESC_F_NEXT | data_flags),
        (phys(&vq.blk_req.status), 1, VIRTQ_DESC_F_WRITE),
    ];
    for (i, (addr, len, flags)) in parts.into_iter().enumerate() {
        vq.descs[i] = VirtqDesc { addr, len, flags, next: i as u16 + 1 };
    }
    disk.virtq_kick(vq, 0);
    while disk.virtq_is_busy() {
        process::block(State::Disk);
    }
    // Reads of what the device has written must not be done before this.
    fence(Ordering::SeqCst);
    // SAFETY: as in `virtq_is_busy`.
    let status = unsafe { addr_of!((*disk.blk_request_vq).blk_req.status).read_volatile() };
    if status != 0 {
        println!("virtio: warn: failed to read/write sector={sector} status={status}");
        return Err(ERR_DISK);
    }
    Ok(())
}

/// Handles an interrupt on one of the lines that disks can have.
pub fn handle_interrupt() {
    if let Some(disk) = *DISK.lock() {
        let status = disk.virtio_reg_read32(VIRTIO_REG_INTERRUPT_STATUS);
        disk.virtio_reg_write32(VIRTIO_REG_INTERRUPT_ACK, status);
        process::wake(State::Disk);
    }
}
