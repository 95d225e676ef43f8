//! Loads an ELF32 executable into an address space. The file is untrusted: every
//! number in it is checked. (TIS ELF 1.2, book I)

use crate::memory::{VirtAddr, PAGE_SIZE};
use crate::paging::{AddressSpace, PAGE_W, USER_BASE};
use common::{ensure, Result, ERR_BAD_PROGRAM, ERR_NO_MEMORY};

const IDENT: [u8; 7] = [0x7f, b'E', b'L', b'F', 1, 1, 1]; // 32-bit, little endian, version 1
const ET_EXEC: usize = 2;
const EM_386: usize = 3;
const PT_LOAD: u32 = 1;
const PF_W: u32 = 2;
const PROGRAM_HEADER: usize = 32;

fn u32_at(image: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?))
}

/// Returns an address space with the segments, all below `limit`, and the entry point.
pub fn load(image: &[u8], limit: u32) -> Result<(AddressSpace, VirtAddr)> {
    let (entry, headers) = header(image).ok_or(ERR_BAD_PROGRAM)?;
    let mut space = AddressSpace::new().ok_or(ERR_NO_MEMORY)?;
    for header in headers.chunks_exact(PROGRAM_HEADER) {
        load_segment(&mut space, image, header, limit)?;
    }
    Ok((space, entry))
}

/// The entry point and the program headers.
fn header(image: &[u8]) -> Option<(VirtAddr, &[u8])> {
    let half = |at| Some(u32_at(image, at)? as usize & 0xffff);
    let fits = image.starts_with(&IDENT)
        && half(16)? == ET_EXEC
        && half(18)? == EM_386
        && half(42)? == PROGRAM_HEADER;
    let size = half(44)? * PROGRAM_HEADER;
    let headers = image.get(u32_at(image, 28)? as usize..)?.get(..size)?;
    fits.then_some((VirtAddr(u32_at(image, 24)?), headers))
}

fn load_segment(space: &mut AddressSpace, image: &[u8], header: &[u8], limit: u32) -> Result<()> {
    let field = |i: usize| u32_at(header, 4 * i).ok_or(ERR_BAD_PROGRAM);
    let (kind, offset, vaddr) = (field(0)?, field(1)? as usize, field(2)?);
    let (filesz, memsz, flags) = (field(4)?, field(5)?, field(6)?);
    if kind != PT_LOAD || memsz == 0 {
        return Ok(());
    }
    ensure(filesz <= memsz && vaddr >= USER_BASE, ERR_BAD_PROGRAM)?;
    let end = vaddr.checked_add(memsz).filter(|end| *end <= limit).ok_or(ERR_BAD_PROGRAM)?;
    let bytes = image.get(offset..).and_then(|rest| rest.get(..filesz as usize));
    let flags = if flags & PF_W != 0 { PAGE_W } else { 0 };
    let first = vaddr - VirtAddr(vaddr).offset() as u32;
    for page in (first..end).step_by(PAGE_SIZE) {
        space.map_page(VirtAddr(page), flags).ok_or(ERR_NO_MEMORY)?;
    }
    space.write(VirtAddr(vaddr), bytes.ok_or(ERR_BAD_PROGRAM)?, 0).ok_or(ERR_BAD_PROGRAM)
}
