//! Files: the disk is a tar archive, as the host's `tar` makes and reads it. The
//! archive stays on the disk: every change is written before its call returns.
//! (POSIX.1-2017, pax, "ustar Interchange Format")
//!
//! New contents are written to unused space and the header after them, so a crash
//! leaves the old file or the new one. A removed file becomes a hole: a pax comment
//! of the same length, which every tar skips. A later file can use its space.

use crate::global::Global;
use crate::memory::Pages;
use crate::process;
use crate::virtio_blk::{read_write_disk, virtio_blk_init, SECTOR_SIZE};
use common::*;
use core::ops::Range;

const DISK_MAX_SECTORS: u64 = 4 << 30 >> 9; // more is not used: sizes fit in 32 bits
const CACHE_SIZE: usize = 128; // in sectors
const BUFFER_SIZE: usize = 8 * SECTOR_SIZE;
const NO_SECTOR: u32 = u32::MAX;

// The fields of a header that are read.
const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: Range<usize> = 257..265; // and version
const PREFIX: Range<usize> = 345..500;

const REGULAR: u8 = b'0';
const PAX_GLOBAL: u8 = b'g';
const HOLE: &[u8] = b"free";
const COMMENT: &[u8] = b"0000000000 comment="; // the number of bytes, with the final newline

type Sector = [u8; SECTOR_SIZE];

/// The disk, with a cache of the sectors that were read last: mostly headers.
struct Cache {
    numbers: [u32; CACHE_SIZE],
    sectors: [Sector; CACHE_SIZE],
}

pub struct FileSystem {
    sectors: u32, // of the disk; 0 if it cannot be used,
    error: i32,   // for this reason
    disk: Cache,
    buffer: [u8; BUFFER_SIZE],
}

static FILES: Global<FileSystem> = Global::new(FileSystem {
    sectors: 0,
    error: ERR_NO_DISK,
    disk: Cache { numbers: [NO_SECTOR; CACHE_SIZE], sectors: [[0; SECTOR_SIZE]; CACHE_SIZE] },
    buffer: [0; BUFFER_SIZE],
});

/// A file, hole or other member of the archive.
#[derive(Clone, Copy)]
struct Entry {
    start: u32,  // its first sector
    header: u32, // later than `start` if extended headers come first
    end: u32,    // the first sector after it
    size: u32,
    is_file: bool,
    is_hole: bool,
}

/// Supplies or receives bytes of a file, at an offset in the transfer.
pub type Bytes<'a> = &'a mut dyn FnMut(u32, &mut [u8]);

/// Waits until no other process uses the disk, and runs `f`. A process is never ended in
/// here, but other processes run while it waits for the disk.
pub fn with_files<T>(f: impl FnOnce(&mut FileSystem) -> T) -> T {
    // SAFETY: only this function uses FILES, `at_disk` lets one process in at a time, and
    // `T` cannot contain the reference.
    process::at_disk(|| f(unsafe { &mut *FILES.as_ptr() }))
}

/// Looks for a disk and prints the names of its files.
pub fn fs_init() {
    with_files(|fs| {
        fs.sectors = virtio_blk_init().min(DISK_MAX_SECTORS) as u32;
        if fs.sectors == 0 {
            return println!("virtio-blk: no disk, so no files and no programs");
        }
        let mut next = Ok(0);
        while let Ok(at) = next {
            next = fs.list(at).map(|file| {
                println!("file: {}, size={}", common::text(&file.name), file.size);
                file.next
            });
        }
        if let Some(error) = next.err().filter(|error| *error != ERR_NOT_FOUND) {
            println!("cannot use the disk: {}", error_message(error));
            (fs.sectors, fs.error) = (0, error);
        }
    });
}

fn oct2int(oct: &[u8]) -> Option<u32> {
    let digits = core::str::from_utf8(oct).ok()?;
    u32::from_str_radix(digits.trim_matches(&[' ', '\0'][..]), 8).ok()
}

fn int2digits(digits: &mut [u8], mut value: u32, base: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % base) as u8;
        value /= base;
    }
}

fn sectors_of(size: u32) -> u32 {
    size / SECTOR_SIZE as u32 + u32::from(size % SECTOR_SIZE as u32 != 0)
}

fn round_up(size: usize) -> usize {
    sectors_of(size as u32) as usize * SECTOR_SIZE
}

/// The sum of a header's bytes, with blanks in place of the checksum.
fn checksum(header: &Sector) -> u32 {
    let byte = |i| if CHECKSUM.contains(&i) { b' ' } else { header[i] };
    (0..SECTOR_SIZE).map(|i| u32::from(byte(i))).sum()
}

fn text(header: &Sector, field: Range<usize>) -> &[u8] {
    header[field].split(|byte| *byte == 0).next().unwrap_or(&[])
}

/// The name of a file: prefix, slash and name, or only the name if there is no prefix.
fn name_of(header: &Sector) -> impl Iterator<Item = &u8> {
    let name = text(header, NAME);
    let (prefix, slash) = match text(header, PREFIX) {
        prefix @ [_, ..] if header[MAGIC].starts_with(b"ustar\0") => (prefix, &b"/"[..]),
        _ => (&[][..], &[][..]),
    };
    prefix.iter().chain(slash).chain(name.strip_prefix(b"./").unwrap_or(name))
}

fn has_name(header: &Sector, name: &[u8]) -> bool {
    name_of(header).eq(name)
}

fn make_header(name: &[u8], kind: u8, size: u32) -> Result<Sector> {
    // A long name is split at a slash.
    let fits = |&slash: &usize| {
        name[slash] == b'/' && slash <= PREFIX.len() && name.len() - slash - 1 <= NAME.len()
    };
    let (prefix, name) = match name.len() {
        length if length <= NAME.len() => (&name[..0], name),
        length => (0..length).find(fits).map(|i| (&name[..i], &name[i + 1..])).ok_or(ERR_NAME)?,
    };
    ensure(!name.is_empty(), ERR_NAME)?;
    let mut header = [0; SECTOR_SIZE];
    for (field, text) in [(NAME, name), (MAGIC, b"ustar\x0000"), (PREFIX, prefix)] {
        header[field][..text.len()].copy_from_slice(text);
    }
    // Numbers: mode, user, group, size, time; each has a zero byte after it.
    for (at, length, n) in
        [(100, 7, 0o644), (108, 7, 0), (116, 7, 0), (124, 11, size), (136, 11, 0)]
    {
        int2digits(&mut header[at..at + length], n, 8);
    }
    header[TYPE] = kind;
    let sum = checksum(&header);
    int2digits(&mut header[CHECKSUM][..6], sum, 8);
    header[CHECKSUM.end - 1] = b' ';
    Ok(header)
}

impl Cache {
    fn read(&mut self, sector: u32) -> Result<&Sector> {
        let slot = sector as usize % CACHE_SIZE;
        if self.numbers[slot] != sector {
            self.numbers[slot] = NO_SECTOR;
            read_write_disk(&mut self.sectors[slot], sector, false)?;
            self.numbers[slot] = sector;
        }
        Ok(&self.sectors[slot])
    }

    fn write(&mut self, sectors: &mut [u8], at: u32) -> Result<()> {
        let written = at..at + (sectors.len() / SECTOR_SIZE) as u32;
        for number in self.numbers.iter_mut().filter(|number| written.contains(*number)) {
            *number = NO_SECTOR;
        }
        read_write_disk(sectors, at, true)
    }
}

impl FileSystem {
    /// The entry at sector `start`; None at the end of the archive.
    fn entry(&mut self, start: u32) -> Result<Option<Entry>> {
        ensure(self.sectors > 0, self.error)?;
        let mut at = start;
        while at < self.sectors {
            let header = self.disk.read(at)?;
            if header.iter().all(|byte| *byte == 0) {
                break;
            }
            ensure(header[MAGIC].starts_with(b"ustar"), ERR_NOT_TAR)?;
            ensure(oct2int(&header[CHECKSUM]) == Some(checksum(header)), ERR_CHECKSUM)?;
            let size = oct2int(&header[SIZE]).ok_or(ERR_NOT_TAR)?;
            let end = at + 1 + sectors_of(size);
            ensure(end <= self.sectors, ERR_CUT_SHORT)?;
            let kind = header[TYPE];
            if matches!(kind, b'x' | b'L' | b'K') {
                at = end; // an extended header: it belongs to the next one
                continue;
            }
            let is_file = matches!(kind, REGULAR | 0);
            let is_hole = kind == PAX_GLOBAL && text(header, NAME) == HOLE;
            return Ok(Some(Entry { start, header: at, end, size, is_file, is_hole }));
        }
        Ok(None)
    }

    fn find(&mut self, mut f: impl FnMut(&Entry, &Sector) -> bool) -> Result<Option<Entry>> {
        let mut at = 0;
        while let Some(entry) = self.entry(at)? {
            if f(&entry, self.disk.read(entry.header)?) {
                return Ok(Some(entry));
            }
            at = entry.end;
        }
        Ok(None)
    }

    fn fs_lookup(&mut self, name: &[u8]) -> Result<Entry> {
        self.find(|entry, header| entry.is_file && has_name(header, name))?.ok_or(ERR_NOT_FOUND)
    }

    /// The first file at or after sector `at`.
    pub fn list(&mut self, mut at: u32) -> Result<FileInfo> {
        while let Some(entry) = self.entry(at)? {
            at = entry.end;
            if entry.is_file {
                let mut name = [0; FILE_NAME_MAX];
                let bytes = name_of(self.disk.read(entry.header)?);
                name.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                return Ok(FileInfo { size: entry.size, next: at, name });
            }
        }
        Err(ERR_NOT_FOUND)
    }

    /// Reads at most `len` bytes of a file, from `offset` on; returns their number.
    pub fn readfile(&mut self, name: &[u8], offset: u32, len: u32, f: Bytes) -> Result<u32> {
        let entry = self.fs_lookup(name)?;
        let len = len.min(entry.size.saturating_sub(offset));
        self.transfer(entry.header + 1, offset, len, false, f)?;
        Ok(len)
    }

    /// Reads a whole program: the file with that name, or with that name in bin/.
    pub fn read_program(&mut self, name: &[u8]) -> Result<Pages> {
        let found = self.find(|entry, header| {
            let in_bin = name_of(header).eq(b"bin/".iter().chain(name));
            entry.is_file && (in_bin || has_name(header, name))
        });
        let entry = found?.ok_or(ERR_NOT_FOUND)?;
        let mut pages = Pages::alloc(entry.size as usize).ok_or(ERR_NO_MEMORY)?;
        let size = round_up(entry.size as usize);
        read_write_disk(&mut pages.bytes()[..size], entry.header + 1, false)?;
        Ok(pages)
    }

    /// Reads or writes `len` bytes at `offset` of a file's data, which begins at sector
    /// `data`. A write ends the file: the rest of its last sector becomes zeros.
    fn transfer(&mut self, data: u32, offset: u32, len: u32, write: bool, f: Bytes) -> Result<()> {
        let mut done = 0;
        while done < len {
            let at = data + (offset + done) / SECTOR_SIZE as u32;
            let skip = (offset + done) as usize % SECTOR_SIZE;
            let end = BUFFER_SIZE.min(skip + (len - done) as usize);
            let sectors = &mut self.buffer[..round_up(end)];
            if !write {
                read_write_disk(sectors, at, false)?;
            } else if skip > 0 {
                sectors[..SECTOR_SIZE].copy_from_slice(self.disk.read(at)?);
            }
            f(done, &mut sectors[skip..end]);
            if write {
                sectors[end..].fill(0);
                self.disk.write(sectors, at)?;
            }
            done += (end - skip) as u32;
        }
        Ok(())
    }

    fn archive_end(&mut self) -> Result<u32> {
        let mut end = 0;
        while let Some(entry) = self.entry(end)? {
            end = entry.end;
        }
        Ok(end)
    }

    /// Ends the archive at sector `at` with two sectors of zeros, or fewer if the disk ends.
    fn end_at(&mut self, at: u32) -> Result<()> {
        let n = (self.sectors - at).min(2) as usize;
        self.disk.write(&mut [0; 2 * SECTOR_SIZE][..n * SECTOR_SIZE], at)
    }

    fn write_hole(&mut self, start: u32, end: u32) -> Result<()> {
        if start == end {
            return Ok(());
        }
        let size = (end - start - 1) * SECTOR_SIZE as u32;
        let mut sectors = [0; 2 * SECTOR_SIZE];
        sectors[2 * SECTOR_SIZE - 1] = b'\n';
        if size > SECTOR_SIZE as u32 {
            self.disk.write(&mut sectors[SECTOR_SIZE..], end - 1)?;
            sectors[2 * SECTOR_SIZE - 1] = 0;
        }
        sectors[..SECTOR_SIZE].copy_from_slice(&make_header(HOLE, PAX_GLOBAL, size)?);
        sectors[SECTOR_SIZE..][..COMMENT.len()].copy_from_slice(COMMENT);
        int2digits(&mut sectors[SECTOR_SIZE..][..10], size, 10);
        self.disk.write(&mut sectors[..round_up(size as usize + 1).min(2 * SECTOR_SIZE)], start)
    }

    /// Allocates `n` sectors for an entry: in the first hole that is large enough, or at the
    /// end of the archive. Returns the first sector.
    fn allocate(&mut self, n: u32) -> Result<u32> {
        let end = self.archive_end()?;
        let hole = self.find(|entry, _| entry.is_hole && entry.end - entry.start >= n)?;
        match hole {
            Some(hole) => self.write_hole(hole.start + n, hole.end)?,
            None if self.sectors - end < n + 2 => return Err(ERR_DISK_FULL),
            None => self.end_at(end + n)?,
        }
        Ok(hole.map_or(end, |hole| hole.start))
    }

    /// Turns an entry into a hole and merges it with holes before and after it. At the end
    /// of the archive, the archive becomes shorter instead.
    fn free(&mut self, entry: Entry) -> Result<()> {
        let Range { mut start, mut end } = entry.start..entry.end;
        self.find(|entry, _| {
            start = if entry.is_hole && entry.end == start { entry.start } else { start };
            end = if entry.is_hole && entry.start == end { entry.end } else { end };
            false
        })?;
        match self.entry(end)? {
            Some(_) => self.write_hole(start, end),
            None => self.end_at(start),
        }
    }

    /// Makes a file, or replaces its contents, with `len` bytes that `f` supplies.
    pub fn writefile(&mut self, name: &[u8], len: u32, f: Bytes) -> Result<()> {
        let mut header = make_header(name, REGULAR, len)?;
        let start = self.allocate(1 + sectors_of(len))?;
        self.transfer(start + 1, 0, len, true, f)?;
        self.disk.write(&mut header, start)?;
        self.remove_others(name, start)
    }

    /// Adds `len` bytes to the end of a file. If it is not the last in the archive, it is
    /// first moved there; if there is no such file, it is made.
    pub fn appendfile(&mut self, name: &[u8], len: u32, f: Bytes) -> Result<()> {
        let old = match self.fs_lookup(name) {
            Err(ERR_NOT_FOUND) => return self.writefile(name, len, f),
            result => result?,
        };
        let end = self.archive_end()?;
        let in_place = old.end == end && old.start == old.header;
        let start = if in_place { old.header } else { end };
        let size = old.size.checked_add(len).ok_or(ERR_DISK_FULL)?;
        ensure(1 + sectors_of(size) + 2 <= self.sectors - start, ERR_DISK_FULL)?;
        self.end_at(start + 1 + sectors_of(size))?;
        let mut header = make_header(name, REGULAR, size)?;
        if in_place {
            self.disk.write(&mut header, start)?; // before the data, which is no header
            return self.transfer(start + 1, old.size, len, true, f);
        }
        for at in (old.header + 1..old.end).step_by(BUFFER_SIZE / SECTOR_SIZE) {
            let n = BUFFER_SIZE.min((old.end - at) as usize * SECTOR_SIZE);
            read_write_disk(&mut self.buffer[..n], at, false)?;
            self.disk.write(&mut self.buffer[..n], start + at - old.header)?;
        }
        self.transfer(start + 1, old.size, len, true, f)?;
        self.disk.write(&mut header, start)?;
        self.free(old)
    }

    pub fn removefile(&mut self, name: &[u8]) -> Result<()> {
        self.fs_lookup(name)?;
        self.remove_others(name, NO_SECTOR)
    }

    /// Removes all files with that name except the one at sector `keep`: after a crash
    /// there may be two.
    fn remove_others(&mut self, name: &[u8], keep: u32) -> Result<()> {
        let other = |entry: &Entry, header: &Sector| {
            entry.is_file && has_name(header, name) && entry.header != keep
        };
        while let Some(entry) = self.find(other)? {
            self.free(entry)?;
        }
        Ok(())
    }
}
