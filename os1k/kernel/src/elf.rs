//! Loads an ELF32 executable into an address space. Every number in the file is
//! checked: the file may be anything. (TIS ELF 1.2, book I)

use crate::memory::{VirtAddr, PAGE_SIZE};
use crate::paging::{AddressSpace, PAGE_W, USER_BASE};
use common::{Result, ERR_BAD_PROGRAM, ERR_NO_MEMORY};

const IDENT: [u8; 7] = [0x7f, b'E', b'L', b'F', 1, 1, 1]; // 32-bit, little endian, version 1
const ET_EXEC: u32 = 2;
const EM_386: u32 = 3;
const PT_LOAD: u32 = 1;
const PF_W: u32 = 2;
const PROGRAM_HEADER: usize = 32;

fn u16_at(image: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(image.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(image: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?))
}

/// An address space with the segments, all below `limit`, and the entry point.
pub fn load(image: &[u8], limit: u32) -> Result<(AddressSpace, VirtAddr)> {
    let (entry, phoff, phnum) = header(image).ok_or(ERR_BAD_PROGRAM)?;
    let mut space = AddressSpace::new().ok_or(ERR_NO_MEMORY)?;
    for i in 0..phnum as usize {
        let at = (phoff as usize).checked_add(i * PROGRAM_HEADER).ok_or(ERR_BAD_PROGRAM)?;
        let bytes = at.checked_add(PROGRAM_HEADER).and_then(|end| image.get(at..end));
        load_segment(&mut space, image, bytes.ok_or(ERR_BAD_PROGRAM)?, limit)?;
    }
    Ok((space, entry))
}

fn header(image: &[u8]) -> Option<(VirtAddr, u32, u32)> {
    let fits = image.starts_with(&IDENT)
        && u16_at(image, 16)? == ET_EXEC
        && u16_at(image, 18)? == EM_386
        && u16_at(image, 42)? == PROGRAM_HEADER as u32;
    fits.then_some((VirtAddr(u32_at(image, 24)?), u32_at(image, 28)?, u16_at(image, 44)?))
}

fn load_segment(space: &mut AddressSpace, image: &[u8], header: &[u8], limit: u32) -> Result<()> {
    let field = |i: usize| u32_at(header, 4 * i).ok_or(ERR_BAD_PROGRAM);
    let (kind, offset, vaddr) = (field(0)?, field(1)? as usize, field(2)?);
    let (filesz, memsz, flags) = (field(4)?, field(5)?, field(6)?);
    if kind != PT_LOAD || memsz == 0 {
        return Ok(());
    }
    let end = vaddr.checked_add(memsz).filter(|end| *end <= limit && vaddr >= USER_BASE);
    let bytes = offset.checked_add(filesz as usize).and_then(|end| image.get(offset..end));
    let (end, bytes) = match (end, bytes) {
        (Some(end), Some(bytes)) if filesz <= memsz => (end, bytes),
        _ => return Err(ERR_BAD_PROGRAM),
    };
    let flags = if flags & PF_W != 0 { PAGE_W } else { 0 };
    let first = vaddr - VirtAddr(vaddr).offset() as u32;
    for page in (first..end).step_by(PAGE_SIZE) {
        space.map_page(VirtAddr(page), flags).ok_or(ERR_NO_MEMORY)?;
    }
    space.write(VirtAddr(vaddr), bytes, 0).ok_or(ERR_BAD_PROGRAM)
}
