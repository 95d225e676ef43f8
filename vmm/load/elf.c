/*
 * ELF32 executables for the 386: TIS Portable Formats Specification 1.2, book I. Only what runs is
 * looked at: the file header and the program headers. Sections, e_flags, e_ehsize, p_flags and
 * p_align say nothing to a machine without an operating system, and are ignored.
 */
#include "formats.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELD16(base, type, field) load_u16((base) + offsetof(type, field))
#define FIELD32(base, type, field) load_u32((base) + offsetof(type, field))

#define MACHINE_HINT                                                                        \
    "this machine runs 32-bit x86 (EM_386): build with gcc -m32 and ld -m elf_i386, or an " \
    "i686-elf or i586 target"

static const struct {
    uint16_t number;
    const char *name;
} machines[] = {
    {EM_SPARC, "SPARC"},
    {EM_68K, "Motorola 68000"},
    {EM_MIPS, "MIPS"},
    {EM_PPC, "PowerPC"},
    {EM_PPC64, "64-bit PowerPC"},
    {EM_S390, "IBM S/390"},
    {EM_ARM, "ARM"},
    {EM_SH, "SuperH"},
    {EM_SPARCV9, "64-bit SPARC"},
    {EM_IA_64, "Itanium"},
    {EM_X86_64, "x86-64"},
    {EM_AVR, "AVR"},
    {EM_XTENSA, "Xtensa"},
    {EM_MSP430, "MSP430"},
    {EM_AARCH64, "64-bit ARM"},
    {EM_RISCV, "RISC-V"},
    {EM_BPF, "BPF"},
    {258, "LoongArch"},
};

struct program_header {
    uint32_t type, offset, vaddr, paddr, filesz, memsz, flags;
};

static const char *machine_name(uint16_t number)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (machines[i].number == number)
            return machines[i].name;
    }
    return number == EM_386 ? "x86" : "a machine unknown here";
}

bool load_is_elf(const struct loader *loader)
{
    return loader->size >= SELFMAG && memcmp(loader->bytes, ELFMAG, SELFMAG) == 0;
}

static int check_machine(const struct loader *loader)
{
    const uint8_t *ident = loader->bytes;
    uint8_t class = ident[EI_CLASS], data = ident[EI_DATA];
    uint16_t machine = FIELD16(ident, Elf32_Ehdr, e_machine);

    if (class != ELFCLASS32 && class != ELFCLASS64)
        return load_fail(loader, "EI_CLASS of the ELF header is %u, not 1 (32-bit)", class);
    if (data != ELFDATA2LSB && data != ELFDATA2MSB)
        return load_fail(loader, "EI_DATA of the ELF header is %u, not 1 (little-endian)", data);
    if (data == ELFDATA2MSB)
        machine = (uint16_t)(machine << 8 | machine >> 8);
    if (class != ELFCLASS32 || data != ELFDATA2LSB)
        return load_fail(loader, "is a %s-bit %s-endian ELF for %s (EM %u); " MACHINE_HINT,
                         class == ELFCLASS64 ? "64" : "32", data == ELFDATA2MSB ? "big" : "little",
                         machine_name(machine), machine);
    if (machine != EM_386)
        return load_fail(loader, "is an ELF for %s (EM %u); " MACHINE_HINT, machine_name(machine),
                         machine);
    return 0;
}

static int check_type(const struct loader *loader)
{
    uint16_t type = FIELD16(loader->bytes, Elf32_Ehdr, e_type);

    switch (type) {
    case ET_EXEC:
        return 0;
    case ET_REL:
        return load_fail(loader, "is an object file (e_type 1, ET_REL) that has not been linked: "
                                 "link it with ld -m elf_i386");
    case ET_DYN:
        return load_fail(loader, "is position-independent (e_type 3, ET_DYN): link it as a static "
                                 "executable, with -static -no-pie");
    case ET_CORE:
        return load_fail(loader, "is a core dump (e_type 4, ET_CORE): give the program itself");
    default:
        return load_fail(loader, "e_type of the ELF header is %u, not 2 (ET_EXEC)", type);
    }
}

int load_elf_check(const struct loader *loader)
{
    uint32_t version;

    if (loader->size < sizeof(Elf32_Ehdr))
        return load_fail(loader, "is cut short: %zu bytes, and an ELF header alone takes %zu",
                         loader->size, sizeof(Elf32_Ehdr));
    if (check_machine(loader) < 0)
        return -1;
    if (loader->bytes[EI_VERSION] != EV_CURRENT)
        return load_fail(loader, "EI_VERSION of the ELF header is %u, not 1",
                         loader->bytes[EI_VERSION]);
    version = FIELD32(loader->bytes, Elf32_Ehdr, e_version);
    if (version != EV_CURRENT)
        return load_fail(loader, "e_version of the ELF header is %" PRIu32 ", not 1", version);
    return check_type(loader);
}

/* On success the whole table is in the file, and has at least one entry. */
static int check_table(const struct loader *loader)
{
    uint32_t offset = FIELD32(loader->bytes, Elf32_Ehdr, e_phoff);
    uint16_t entry_size = FIELD16(loader->bytes, Elf32_Ehdr, e_phentsize);
    uint16_t count = FIELD16(loader->bytes, Elf32_Ehdr, e_phnum);

    if (count == 0)
        return load_fail(loader, "e_phnum is 0: without program headers nothing says what to load; "
                                 "link it with ld");
    if (count == PN_XNUM)
        return load_fail(loader,
                         "e_phnum is 0x%x (PN_XNUM): more than 65534 program headers are "
                         "not supported",
                         count);
    if (entry_size != sizeof(Elf32_Phdr))
        return load_fail(loader, "e_phentsize is %u, not %zu", entry_size, sizeof(Elf32_Phdr));
    if ((uint64_t)offset + count * sizeof(Elf32_Phdr) > loader->size)
        return load_fail(loader,
                         "the %u program headers at e_phoff 0x%" PRIx32
                         " end past the end of the file, 0x%zx: it may be cut short",
                         count, offset, loader->size);
    return 0;
}

static struct program_header program_header(const struct loader *loader, unsigned index)
{
    const uint8_t *at =
        loader->bytes + FIELD32(loader->bytes, Elf32_Ehdr, e_phoff) + index * sizeof(Elf32_Phdr);

    return (struct program_header){
        .type = FIELD32(at, Elf32_Phdr, p_type),
        .offset = FIELD32(at, Elf32_Phdr, p_offset),
        .vaddr = FIELD32(at, Elf32_Phdr, p_vaddr),
        .paddr = FIELD32(at, Elf32_Phdr, p_paddr),
        .filesz = FIELD32(at, Elf32_Phdr, p_filesz),
        .memsz = FIELD32(at, Elf32_Phdr, p_memsz),
        .flags = FIELD32(at, Elf32_Phdr, p_flags),
    };
}

static int add_segment(struct loader *loader, unsigned index, const struct program_header *header)
{
    struct load_segment segment = {
        .address = header->paddr,
        .memory_size = header->memsz,
        .file_size = header->filesz,
    };

    if (header->filesz > header->memsz)
        return load_fail(loader,
                         "program header %u: p_filesz 0x%" PRIx32 " is larger than p_memsz "
                         "0x%" PRIx32,
                         index, header->filesz, header->memsz);
    if ((uint64_t)header->offset + header->filesz > loader->size)
        return load_fail(loader,
                         "program header %u: p_offset 0x%" PRIx32 " + p_filesz 0x%" PRIx32
                         " is past the end of the file, 0x%zx: it may be cut short",
                         index, header->offset, header->filesz, loader->size);
    segment.bytes = header->filesz > 0 ? loader->bytes + header->offset : NULL;
    snprintf(segment.what, sizeof(segment.what),
             "segment %u (p_paddr 0x%" PRIx32 ", p_memsz 0x%" PRIx32 ")", index, header->paddr,
             header->memsz);
    return load_add(loader, &segment);
}

static bool within(uint32_t address, uint32_t base, uint32_t size)
{
    return address >= base && address - base < size;
}

/*
 * The physical address to start at. Kernels that run in the higher half have an e_entry that is
 * physical (the linker script took care) or virtual, which is translated as the segment that holds
 * it was.
 */
static int find_entry(const struct loader *loader, unsigned count, uint32_t *entry)
{
    uint32_t wanted = FIELD32(loader->bytes, Elf32_Ehdr, e_entry);
    bool translated = false;

    for (unsigned i = 0; i < count; i++) {
        struct program_header header = program_header(loader, i);

        if (header.type != PT_LOAD)
            continue;
        if (within(wanted, header.paddr, header.memsz)) {
            *entry = wanted;
            return 0;
        }
        if (!translated && within(wanted, header.vaddr, header.memsz)) {
            *entry = header.paddr + (wanted - header.vaddr);
            translated = true;
        }
    }
    if (translated)
        return 0;
    return load_fail(loader,
                     "e_entry 0x%" PRIx32 " is in no PT_LOAD segment: name the entry symbol with "
                     "ENTRY() in the linker script or ld -e",
                     wanted);
}

/* Once the entry is known: where its segment is, if it is code alone. */
static void find_code(const struct loader *loader, unsigned count, struct image *image)
{
    for (unsigned i = 0; i < count; i++) {
        struct program_header header = program_header(loader, i);

        if (header.type != PT_LOAD || !(header.flags & PF_X))
            continue;
        if (!(header.flags & PF_W) && within(image->entry, header.paddr, header.memsz)) {
            image->code_lowest = header.paddr;
            image->code_highest = header.paddr + header.memsz;
        } else {
            image->has_more_code = true;
        }
    }
}

int load_elf(struct loader *loader, struct image *image)
{
    unsigned count;

    loader->boot_area_reserved = true;
    if (check_table(loader) < 0)
        return -1;
    count = FIELD16(loader->bytes, Elf32_Ehdr, e_phnum);
    for (unsigned i = 0; i < count; i++) {
        struct program_header header = program_header(loader, i);

        if (header.type == PT_INTERP)
            return load_fail(loader,
                             "program header %u is PT_INTERP: it is a program for an operating "
                             "system with shared libraries; link with -static -nostdlib",
                             i);
        if (header.type == PT_LOAD && add_segment(loader, i, &header) < 0)
            return -1;
    }
    if (loader->segment_count == 0)
        return load_fail(loader, "has no PT_LOAD program header with a p_memsz above 0: there is "
                                 "nothing to load");
    image->format = "ELF32";
    image->start = IMAGE_START_PROTECTED;
    if (find_entry(loader, count, &image->entry) < 0)
        return -1;
    find_code(loader, count, image);
    return 0;
}
