/*
 * 32-bit paging with 4 KiB and 4 MiB pages, Intel SDM vol. 3, section 4.3: step by step, as words.
 */
#include "walk.h"

#define ENTRY_P    UINT32_C(0x001)
#define ENTRY_W    UINT32_C(0x002)
#define ENTRY_U    UINT32_C(0x004)
#define ENTRY_PS   UINT32_C(0x080)
#define TABLE      UINT32_C(0xfffff000)
#define ERROR_W    UINT32_C(2)
#define ERROR_U    UINT32_C(4)
#define ERROR_RSVD UINT32_C(8)

/* An entry of the directory, or of a table. */
struct entry {
    const char *name;
    uint32_t number, at, value;
};

static bool read_entry(const struct memory *memory, struct entry *entry)
{
    return memory_read(memory, memory_wire(memory, entry->at), &entry->value, 4);
}

/* Says what of an entry does not allow the access; false: nothing. */
static bool tell_entry(struct words *to, const struct memory *memory, struct entry *entry,
                       uint32_t error)
{
    const char *wrong;

    if (!read_entry(memory, entry))
        wrong = "is not in RAM";
    else if (!(entry->value & ENTRY_P))
        wrong = entry->value ? "is not present" : "is not present (it is 0)";
    else if ((error & ERROR_U) && !(entry->value & ENTRY_U))
        wrong = "is the kernel's alone (U is 0)";
    else if ((error & ERROR_W) && !(entry->value & ENTRY_W))
        wrong = "is read-only (W is 0)";
    else
        return false;
    words_print(to, "%s %#x at %#x %s", entry->name, entry->number, entry->at, wrong);
    return true;
}

void walk_tell(struct words *to, const struct memory *memory, const struct cpu_state *state,
               uint32_t linear, uint32_t error)
{
    struct entry pde = {"PDE", linear >> 22, (state->cr3 & TABLE) + (linear >> 22) * 4, 0};
    struct entry pte = {"PTE", linear >> 12 & 0x3ff, 0, 0};
    bool is_large;

    if (!(state->cr0 & CR0_PG)) {
        words_print(to, "paging is off");
        return;
    }
    if (tell_entry(to, memory, &pde, error))
        return;
    is_large = (pde.value & ENTRY_PS) && (state->cr4 & CR4_PSE);
    if (!is_large) {
        pte.at = (pde.value & TABLE) + pte.number * 4;
        if (tell_entry(to, memory, &pte, error))
            return;
    }
    if (error & ERROR_RSVD)
        words_print(to, "%s %#x at %#x has a reserved bit set: %#x", is_large ? "PDE" : "PTE",
                    is_large ? pde.number : pte.number, is_large ? pde.at : pte.at,
                    is_large ? pde.value : pte.value);
    else
        words_print(to, "mapped now to %#x (was INVLPG or a load of CR3 forgotten?)",
                    is_large ? (pde.value & UINT32_C(0xffc00000)) : (pte.value & TABLE));
}
