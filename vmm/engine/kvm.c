/*
 * The hardware engine: one KVM virtual machine with one vCPU, no in-kernel interrupt controller or
 * timer. Follows the kernel's Documentation/virt/kvm/api.rst; the only file that knows KVM.
 */
#include "cpu/cpu.h"
#include "os/host_clock.h"

#ifdef CPU_HAS_KVM

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The signal that gets a vCPU thread out of KVM_RUN: from its timer, and from cpu_kick. */
#define KICK_SIGNAL (SIGRTMIN + 1)

/* Intel processors without "unrestricted guest" need four pages for real mode, outside RAM. */
#define TSS_ADDRESS          UINT64_C(0xfffbd000)
#define IDENTITY_MAP_ADDRESS UINT64_C(0xfffbc000)

/* The kernel's limit is higher, but no processor we know of has more leaves than this. */
#define CPUID_ENTRIES 128

struct kvm_cpu {
    struct cpu cpu;
    const struct memory *memory;
    int kvm_fd, vm_fd, vcpu_fd;
    struct kvm_run *run;
    size_t run_size;
    pthread_t thread;
    bool has_timer;
    timer_t timer;              /* signals `thread` at `armed` */
    uint64_t armed;             /* the deadline it is set to */
    uint64_t epoch;             /* CLOCK_MONOTONIC ns at time 0 */
    bool ready;                 /* what KVM said of injection at the last exit still holds */
    struct memory_piece *slots; /* what KVM was told of memory, by slot; holes are none */
    uint32_t slot_count, slot_room;
    unsigned map_version; /* of memory's map then */
    bool is_logging;      /* the pages that the guest writes */
    bool regs_valid;      /* `regs` is a copy of the vCPU's registers */
    struct kvm_regs regs;
};

static struct kvm_cpu *kvm_of(struct cpu *cpu)
{
    return (struct kvm_cpu *)cpu;
}

static uint64_t kvm_now(void *cpu)
{
    return clock_host_ns() - ((struct kvm_cpu *)cpu)->epoch;
}

static void kvm_take_back(struct cpu *cpu, uint64_t ns)
{
    ((struct kvm_cpu *)cpu)->epoch += ns;
}

/* ---- registers ---- */

static struct cpu_segment segment_from_kvm(const struct kvm_segment *from)
{
    unsigned attributes = from->type | (unsigned)from->s << 4 | (unsigned)from->dpl << 5 |
                          (unsigned)from->present << 7 | (unsigned)from->avl << 12 |
                          (unsigned)from->l << 13 | (unsigned)from->db << 14 |
                          (unsigned)from->g << 15;

    return (struct cpu_segment){
        .base = (uint32_t)from->base,
        .limit = from->limit,
        .selector = from->selector,
        .attributes = from->unusable ? 0 : (uint16_t)attributes,
    };
}

static struct kvm_segment segment_to_kvm(const struct cpu_segment *from)
{
    unsigned attributes = from->attributes;

    return (struct kvm_segment){
        .base = from->base,
        .limit = from->limit,
        .selector = from->selector,
        .type = attributes & 0xf,
        .s = attributes >> 4 & 1,
        .dpl = attributes >> 5 & 3,
        .present = attributes >> 7 & 1,
        .avl = attributes >> 12 & 1,
        .l = attributes >> 13 & 1,
        .db = attributes >> 14 & 1,
        .g = attributes >> 15 & 1,
        .unusable = !(attributes & SEGMENT_P),
    };
}

/* The order of struct kvm_sregs, in which segments are not an array. */
static struct kvm_segment *sregs_segment(struct kvm_sregs *sregs, unsigned which)
{
    struct kvm_segment *const segments[CPU_SEGMENTS] = {
        [CPU_ES] = &sregs->es, [CPU_CS] = &sregs->cs, [CPU_SS] = &sregs->ss,
        [CPU_DS] = &sregs->ds, [CPU_FS] = &sregs->fs, [CPU_GS] = &sregs->gs,
    };
    return segments[which];
}

static void gprs_from_kvm(uint32_t gpr[CPU_GPRS], const struct kvm_regs *regs)
{
    gpr[CPU_EAX] = (uint32_t)regs->rax;
    gpr[CPU_ECX] = (uint32_t)regs->rcx;
    gpr[CPU_EDX] = (uint32_t)regs->rdx;
    gpr[CPU_EBX] = (uint32_t)regs->rbx;
    gpr[CPU_ESP] = (uint32_t)regs->rsp;
    gpr[CPU_EBP] = (uint32_t)regs->rbp;
    gpr[CPU_ESI] = (uint32_t)regs->rsi;
    gpr[CPU_EDI] = (uint32_t)regs->rdi;
}

static int fetch_regs(struct kvm_cpu *kvm)
{
    if (!kvm->regs_valid && ioctl(kvm->vcpu_fd, KVM_GET_REGS, &kvm->regs) < 0)
        return -errno;
    kvm->regs_valid = true;
    return 0;
}

static uint32_t kvm_gpr(struct cpu *cpu, unsigned which)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    uint32_t gpr[CPU_GPRS];

    if (fetch_regs(kvm) < 0)
        return 0;
    gprs_from_kvm(gpr, &kvm->regs);
    return gpr[which];
}

static int kvm_get_state(struct cpu *cpu, struct cpu_state *state)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    struct kvm_sregs sregs;
    struct kvm_debugregs debug = {0};
    int error = fetch_regs(kvm);

    if (error < 0)
        return error;
    if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
        return -errno;
    memset(state, 0, sizeof(*state));
    gprs_from_kvm(state->gpr, &kvm->regs);
    state->eip = (uint32_t)kvm->regs.rip;
    state->eflags = (uint32_t)kvm->regs.rflags;
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        state->segment[i] = segment_from_kvm(sregs_segment(&sregs, i));
    state->ldtr = segment_from_kvm(&sregs.ldt);
    state->tr = segment_from_kvm(&sregs.tr);
    state->gdtr = (struct cpu_table){(uint32_t)sregs.gdt.base, sregs.gdt.limit};
    state->idtr = (struct cpu_table){(uint32_t)sregs.idt.base, sregs.idt.limit};
    state->cr0 = (uint32_t)sregs.cr0;
    state->cr2 = (uint32_t)sregs.cr2;
    state->cr3 = (uint32_t)sregs.cr3;
    state->cr4 = (uint32_t)sregs.cr4;
    if (ioctl(kvm->vcpu_fd, KVM_GET_DEBUGREGS, &debug) == 0) {
        for (unsigned i = 0; i < 4; i++)
            state->dr[i] = (uint32_t)debug.db[i];
        state->dr[6] = (uint32_t)debug.dr6;
        state->dr[7] = (uint32_t)debug.dr7;
    }
    return 0;
}

static int kvm_set_state(struct cpu *cpu, const struct cpu_state *state)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    struct kvm_sregs sregs;
    struct kvm_debugregs debug = {0};
    struct kvm_regs regs = {
        .rax = state->gpr[CPU_EAX],
        .rcx = state->gpr[CPU_ECX],
        .rdx = state->gpr[CPU_EDX],
        .rbx = state->gpr[CPU_EBX],
        .rsp = state->gpr[CPU_ESP],
        .rbp = state->gpr[CPU_EBP],
        .rsi = state->gpr[CPU_ESI],
        .rdi = state->gpr[CPU_EDI],
        .rip = state->eip,
        .rflags = state->eflags,
    };

    /* Begin with what is there: the APIC base and the bitmap stay unchanged. */
    if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
        return -errno;
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        *sregs_segment(&sregs, i) = segment_to_kvm(&state->segment[i]);
    sregs.ldt = segment_to_kvm(&state->ldtr);
    sregs.tr = segment_to_kvm(&state->tr);
    sregs.gdt.base = state->gdtr.base;
    sregs.gdt.limit = state->gdtr.limit;
    sregs.idt.base = state->idtr.base;
    sregs.idt.limit = state->idtr.limit;
    sregs.cr0 = state->cr0;
    sregs.cr2 = state->cr2;
    sregs.cr3 = state->cr3;
    sregs.cr4 = state->cr4;
    sregs.efer = 0;
    memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
    for (unsigned i = 0; i < 4; i++)
        debug.db[i] = state->dr[i];
    debug.dr6 = state->dr[6];
    debug.dr7 = state->dr[7];

    kvm->ready = false; /* the flags of the last exit speak of other registers */
    kvm->regs_valid = false;
    if (ioctl(kvm->vcpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_REGS, &regs) < 0)
        return -errno;
    if (ioctl(kvm->vcpu_fd, KVM_SET_DEBUGREGS, &debug) < 0 && errno != ENOTTY)
        return -errno;
    return 0;
}

/* ---- interrupts ---- */

static bool kvm_can_interrupt(struct cpu *cpu)
{
    const struct kvm_cpu *kvm = kvm_of(cpu);

    /* Where the flags are stale, a window asked for opens at once and refreshes them. */
    return kvm->ready && kvm->run->ready_for_interrupt_injection && kvm->run->if_flag;
}

static bool kvm_interrupts_enabled(struct cpu *cpu)
{
    return kvm_of(cpu)->run->if_flag;
}

static int kvm_interrupt(struct cpu *cpu, uint8_t vector)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    struct kvm_interrupt interrupt = {.irq = vector};

    kvm->ready = false;
    return ioctl(kvm->vcpu_fd, KVM_INTERRUPT, &interrupt) < 0 ? -errno : 0;
}

static void kvm_want_window(struct cpu *cpu, bool wanted)
{
    kvm_of(cpu)->run->request_interrupt_window = wanted;
}

/* ---- getting out of KVM_RUN ---- */

/* A signal that comes before KVM_RUN is entered must still stop it: hence immediate_exit. */
static void on_kick(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (info->si_code == SI_TIMER) {
        struct kvm_cpu *kvm = info->si_value.sival_ptr;
        __atomic_store_n(&kvm->run->immediate_exit, 1, __ATOMIC_RELAXED);
    }
}

static void kvm_kick(struct cpu *cpu)
{
    struct kvm_cpu *kvm = kvm_of(cpu);

    __atomic_store_n(&kvm->run->immediate_exit, 1, __ATOMIC_RELAXED);
    pthread_kill(kvm->thread, KICK_SIGNAL);
}

static void arm_timer(struct kvm_cpu *kvm, uint64_t deadline)
{
    struct itimerspec when = {0};

    if (deadline == kvm->armed)
        return;
    kvm->armed = deadline;
    if (deadline != CLOCK_NEVER) {
        uint64_t at = kvm->epoch + deadline;
        when.it_value.tv_sec = (time_t)(at / NS_PER_SECOND);
        when.it_value.tv_nsec = (long)(at % NS_PER_SECOND);
    }
    timer_settime(kvm->timer, TIMER_ABSTIME, &when, NULL);
}

/* ---- snapshots ---- */

/* The model-specific registers that a 32-bit guest can use. */
static const uint32_t saved_msrs[] = {
    0x10,                /* IA32_TIME_STAMP_COUNTER */
    0x174, 0x175, 0x176, /* IA32_SYSENTER_CS, ESP, EIP */
    0x277,               /* IA32_PAT */
};

#define SAVED_MSRS (sizeof(saved_msrs) / sizeof(saved_msrs[0]))

/* XSAVE's image, which begins with that of FXSAVE in its 64-bit form: Intel SDM vol. 1, table 10-2
 * and section 13.4. (KVM_GET_FPU leaves MXCSR out.) */
struct xsave_image {
    uint16_t control, status;
    uint8_t valid, reserved;
    uint16_t opcode;
    uint64_t code, data;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[8][16], xmm[16][16], unused[96];
    uint64_t present; /* bit 0: x87's part is not as at reset, bit 1: SSE's */
    uint8_t rest[4096 - 520];
};

static int kvm_get_fpu(struct cpu *cpu, struct cpu_fpu *to)
{
    struct xsave_image image;

    if (ioctl(kvm_of(cpu)->vcpu_fd, KVM_GET_XSAVE, &image) < 0)
        return -errno;
    *to = (struct cpu_fpu){
        .control = image.control,
        .status = image.status,
        .valid = image.valid,
        .opcode = image.opcode,
        .code_offset = (uint32_t)image.code,
        .data_offset = (uint32_t)image.data,
        .code_selector = (uint16_t)(image.code >> 32),
        .data_selector = (uint16_t)(image.data >> 32),
        .mxcsr = image.mxcsr,
    };
    for (unsigned i = 0; i < 8; i++) {
        memcpy(to->st[i], image.st[i], sizeof(to->st[i]));
        memcpy(to->xmm[i], image.xmm[i], sizeof(to->xmm[i]));
    }
    return 0;
}

static int kvm_set_fpu(struct cpu *cpu, const struct cpu_fpu *from)
{
    struct xsave_image image;
    int fd = kvm_of(cpu)->vcpu_fd;

    if (ioctl(fd, KVM_GET_XSAVE, &image) < 0)
        return -errno;
    image.control = from->control;
    image.status = from->status;
    image.valid = from->valid;
    image.opcode = from->opcode;
    image.code = (uint64_t)from->code_selector << 32 | from->code_offset;
    image.data = (uint64_t)from->data_selector << 32 | from->data_offset;
    image.mxcsr = from->mxcsr;
    image.present |= 3;
    for (unsigned i = 0; i < 8; i++) {
        memcpy(image.st[i], from->st[i], sizeof(from->st[i]));
        memcpy(image.xmm[i], from->xmm[i], sizeof(from->xmm[i]));
    }
    return ioctl(fd, KVM_SET_XSAVE, &image) < 0 ? -errno : 0;
}

/* struct kvm_msrs and kvm_xsave end in arrays without a length: these have one. */
struct msrs {
    uint32_t nmsrs, pad;
    struct kvm_msr_entry entries[SAVED_MSRS];
};

struct saved {
    uint64_t now;
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_debugregs debug;
    struct kvm_vcpu_events events;
    struct kvm_xcrs xcrs;
    uint32_t xsave[1024];
    struct msrs msrs;
};

/* A KVM_RUN that executes nothing (api.rst, "immediate_exit"): it finishes an instruction that made
 * an access, and says anew whether an interrupt can be injected. */
static void settle(struct kvm_cpu *kvm)
{
    __atomic_store_n(&kvm->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    ioctl(kvm->vcpu_fd, KVM_RUN, 0);
    __atomic_store_n(&kvm->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    kvm->regs_valid = false;
    kvm->ready = true;
}

static int kvm_save(struct cpu *cpu, void *to)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    struct saved *saved = to;
    int count;

    memset(saved, 0, sizeof(*saved));
    settle(kvm);
    saved->now = kvm_now(cpu);
    saved->msrs.nmsrs = SAVED_MSRS;
    for (size_t i = 0; i < SAVED_MSRS; i++)
        saved->msrs.entries[i].index = saved_msrs[i];
    if (ioctl(kvm->vcpu_fd, KVM_GET_REGS, &saved->regs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &saved->sregs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_GET_DEBUGREGS, &saved->debug) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_GET_VCPU_EVENTS, &saved->events) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_GET_XCRS, &saved->xcrs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_GET_XSAVE, &saved->xsave) < 0)
        return -errno;
    count = ioctl(kvm->vcpu_fd, KVM_GET_MSRS, &saved->msrs);
    if (count < 0)
        return -errno;
    saved->msrs.nmsrs = (uint32_t)count; /* up to one that this processor lacks */
    return 0;
}

static bool host_is_intel(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx;
}

/* KVM checks what it is given, but believes the count of registers that lie there, and any time is
 * one. */
static bool is_valid(const struct saved *saved)
{
    if (saved->now > CLOCK_MAX || saved->msrs.nmsrs > SAVED_MSRS)
        return false;
    for (size_t i = 0; i < saved->msrs.nmsrs; i++) {
        if (saved->msrs.entries[i].index != saved_msrs[i])
            return false;
    }
    return true;
}

static int kvm_restore(struct cpu *cpu, const void *from)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    struct saved saved;

    memcpy(&saved, from, sizeof(saved));
    if (!is_valid(&saved))
        return -EINVAL;
    settle(kvm); /* what goes must not wait for an answer */
    /* VMX wants TR busy. SVM doesn't ask, and KVM makes up the bit when it is read; but where SVM
     * is QEMU's, a TSS that was loaded as busy ends QEMU with the first change of privilege. */
    if (!host_is_intel())
        saved.sregs.tr.type &= 0xd;
    if (ioctl(kvm->vcpu_fd, KVM_SET_SREGS, &saved.sregs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_REGS, &saved.regs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_DEBUGREGS, &saved.debug) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_XCRS, &saved.xcrs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_XSAVE, &saved.xsave) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_MSRS, &saved.msrs) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_VCPU_EVENTS, &saved.events) < 0)
        return -errno;
    settle(kvm); /* a machine that was halted asks before it runs */
    kvm->epoch = clock_host_ns() - saved.now;
    arm_timer(kvm, CLOCK_NEVER); /* the deadline it was set to is of another time */
    return 0;
}

/* ---- memory ---- */

/* Tells KVM of a slot; of one that is `gone` that there is none. */
static int set_slot(struct kvm_cpu *kvm, uint32_t slot, bool gone)
{
    const struct memory_piece *piece = &kvm->slots[slot];
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .guest_phys_addr = piece->address,
        .memory_size = gone ? 0 : piece->length,
        .userspace_addr = (uintptr_t)kvm->memory->base + piece->at,
    };

    if (piece->kind == MEMORY_ROM)
        region.flags = KVM_MEM_READONLY; /* writes exit as accesses to devices do */
    else if (kvm->is_logging)
        region.flags = KVM_MEM_LOG_DIRTY_PAGES;
    return ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

static bool add_slot(struct kvm_cpu *kvm, const struct memory_piece *piece)
{
    if (kvm->slot_count == kvm->slot_room) {
        uint32_t room = 2 * kvm->slot_room + 4;
        void *grown = realloc(kvm->slots, room * sizeof(kvm->slots[0]));
        if (!grown)
            return false;
        kvm->slots = grown;
        kvm->slot_room = room;
    }
    kvm->slots[kvm->slot_count++] = *piece;
    return true;
}

static int collect_slot(struct kvm_cpu *kvm, uint32_t slot)
{
    const struct memory_piece *piece = &kvm->slots[slot];
    size_t words = (piece->length / MEMORY_PAGE + 63) / 64;
    struct kvm_dirty_log log = {.slot = slot};
    int error = 0;

    if (piece->kind == MEMORY_ROM)
        return 0;
    log.dirty_bitmap = calloc(words, sizeof(uint64_t));
    if (!log.dirty_bitmap)
        return -ENOMEM;
    if (ioctl(kvm->vm_fd, KVM_GET_DIRTY_LOG, &log) < 0)
        error = -errno;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = ((uint64_t *)log.dirty_bitmap)[i];
        for (; word; word &= word - 1)
            memory_mark(kvm->memory,
                        piece->at + (i * 64 + (unsigned)__builtin_ctzll(word)) * MEMORY_PAGE);
    }
    free(log.dirty_bitmap);
    return error;
}

static int collect_all(struct kvm_cpu *kvm)
{
    int error = 0;

    for (uint32_t i = 0; error == 0 && i < kvm->slot_count; i++)
        error = collect_slot(kvm, i);
    return error;
}

/* Gives KVM memory as its map is now. While A20 is closed, each odd MiB is the even one before it
 * once more. */
static int map_memory(struct kvm_cpu *kvm)
{
    struct memory_piece piece;
    int error = kvm->is_logging ? collect_all(kvm) : 0;

    for (uint32_t i = 0; error == 0 && i < kvm->slot_count; i++)
        error = set_slot(kvm, i, true);
    if (error < 0)
        return error;
    kvm->slot_count = 0;
    kvm->map_version = kvm->memory->map->version;
    for (uint64_t at = 0; memory_map_piece(kvm->memory, at, &piece); at += piece.length) {
        if (piece.kind == MEMORY_HOLE)
            continue;
        if (!add_slot(kvm, &piece))
            return -ENOMEM;
        error = set_slot(kvm, kvm->slot_count - 1, false);
        if (error < 0) {
            kvm->slot_count--; /* there is none */
            return error;
        }
    }
    return 0;
}

/* The first call begins the log: before it every page may have been written. */
static int kvm_collect_writes(struct cpu *cpu)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    int error = 0;

    if (kvm->is_logging)
        return collect_all(kvm);
    kvm->is_logging = true;
    for (uint32_t i = 0; error == 0 && i < kvm->slot_count; i++) {
        if (kvm->slots[i].kind != MEMORY_ROM)
            error = set_slot(kvm, i, false);
    }
    kvm->is_logging = error == 0;
    return error;
}

/* ---- running ---- */

/*
 * Where the next instruction lies outside RAM, KVM has nothing to fetch and reports an emulation
 * failure, with #UD already queued. That is what hardware does: an open bus reads FF FF, which is
 * no instruction. So the guest gets its exception.
 */
static bool fetched_outside_ram(struct kvm_cpu *kvm)
{
    struct kvm_translation translation;
    struct kvm_sregs sregs;

    kvm->regs_valid = false;
    if (fetch_regs(kvm) < 0 || ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
        return false;
    translation.linear_address = (uint32_t)(sregs.cs.base + kvm->regs.rip);
    return ioctl(kvm->vcpu_fd, KVM_TRANSLATE, &translation) == 0 && translation.valid &&
           !memory_at(kvm->memory, translation.physical_address, 1);
}

static enum cpu_stop fail(struct kvm_cpu *kvm, const char *what, unsigned long long detail)
{
    snprintf(kvm->cpu.exit.failure, sizeof(kvm->cpu.exit.failure), "%s (%#llx)", what, detail);
    return CPU_STOP_FAILED;
}

static enum cpu_stop internal_error(struct kvm_cpu *kvm)
{
    unsigned suberror = kvm->run->internal.suberror;

    switch (suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
        return fail(kvm, "KVM could not emulate an instruction", suberror);
    case KVM_INTERNAL_ERROR_SIMUL_EX:
        return fail(kvm, "KVM met an exception while it handled another", suberror);
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
        return fail(kvm, "KVM could not deliver an event", suberror);
    default:
        return fail(kvm, "KVM reported an internal error", suberror);
    }
}

static enum cpu_stop kvm_run_guest(struct cpu *cpu, uint64_t deadline)
{
    struct kvm_cpu *kvm = kvm_of(cpu);
    struct kvm_run *run = kvm->run;
    struct cpu_exit *out = &cpu->exit;

    if (kvm->map_version != kvm->memory->map->version) {
        int error = map_memory(kvm);
        if (error < 0)
            return fail(kvm, "KVM refused a change of the memory map", (unsigned)-error);
    }
    arm_timer(kvm, deadline);
again:
    kvm->regs_valid = false;
    if (ioctl(kvm->vcpu_fd, KVM_RUN, 0) < 0) {
        if (errno != EINTR && errno != EAGAIN)
            return fail(kvm, strerror(errno), (unsigned long long)errno);
        /* Cleared before the machine looks at its inbox: a later kick sets it again. */
        __atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        kvm->armed = 0;
        kvm->ready = true;
        return CPU_STOP_KICKED;
    }
    kvm->ready = true;

    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        out->port.port = run->io.port;
        out->port.width = run->io.size;
        out->port.is_write = run->io.direction == KVM_EXIT_IO_OUT;
        out->port.count = run->io.count;
        out->port.data = (uint8_t *)run + run->io.data_offset;
        return CPU_STOP_PORT;
    case KVM_EXIT_MMIO:
        out->mmio.address = run->mmio.phys_addr;
        out->mmio.width = (uint8_t)run->mmio.len;
        out->mmio.is_write = run->mmio.is_write;
        out->mmio.data = run->mmio.data;
        return CPU_STOP_MMIO;
    case KVM_EXIT_HLT:
        arm_timer(kvm, CLOCK_NEVER); /* the machine sleeps by its own means */
        return CPU_STOP_HALTED;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        return CPU_STOP_WINDOW;
    case KVM_EXIT_SHUTDOWN:
        return CPU_STOP_SHUTDOWN;
    case KVM_EXIT_DEBUG:
        return CPU_STOP_DEBUG;
    case KVM_EXIT_INTR:
        goto again;
    case KVM_EXIT_INTERNAL_ERROR:
        if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && fetched_outside_ram(kvm))
            goto again;
        return internal_error(kvm);
    case KVM_EXIT_FAIL_ENTRY:
        return fail(kvm, "the processor refused the guest's state",
                    run->fail_entry.hardware_entry_failure_reason);
    default:
        return fail(kvm, "KVM stopped for a reason unknown here", run->exit_reason);
    }
}

/* ---- making and unmaking ---- */

static void kvm_destroy(struct cpu *cpu)
{
    struct kvm_cpu *kvm = kvm_of(cpu);

    if (kvm->has_timer)
        timer_delete(kvm->timer);
    if (kvm->run)
        munmap(kvm->run, kvm->run_size);
    if (kvm->vcpu_fd >= 0)
        close(kvm->vcpu_fd);
    if (kvm->vm_fd >= 0)
        close(kvm->vm_fd);
    if (kvm->kvm_fd >= 0)
        close(kvm->kvm_fd);
    free(kvm->slots);
    free(kvm);
}

const struct cpu_ops cpu_kvm_ops = {
    .name = "kvm",
    .run = kvm_run_guest,
    .now = kvm_now,
    .take_back = kvm_take_back,
    .can_interrupt = kvm_can_interrupt,
    .interrupts_enabled = kvm_interrupts_enabled,
    .interrupt = kvm_interrupt,
    .want_window = kvm_want_window,
    .gpr = kvm_gpr,
    .get_state = kvm_get_state,
    .set_state = kvm_set_state,
    .get_fpu = kvm_get_fpu,
    .set_fpu = kvm_set_fpu,
    .saved_size = sizeof(struct saved),
    .save = kvm_save,
    .restore = kvm_restore,
    .collect_writes = kvm_collect_writes,
    .kick = kvm_kick,
    .destroy = kvm_destroy,
};

/* Without a table, CPUID gives nothing and the guest sees neither FPU nor SSE. */
static int set_cpuid(struct kvm_cpu *kvm)
{
    size_t size = sizeof(struct kvm_cpuid2) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2);
    struct kvm_cpuid2 *cpuid = calloc(1, size);
    int error = 0;

    if (!cpuid)
        return -ENOMEM;
    cpuid->nent = CPUID_ENTRIES;
    if (ioctl(kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ||
        ioctl(kvm->vcpu_fd, KVM_SET_CPUID2, cpuid) < 0)
        error = -errno;
    free(cpuid);
    return error;
}

static int make_timer(struct kvm_cpu *kvm)
{
    struct sigaction action = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};
    sigset_t kick;

    sigemptyset(&action.sa_mask);
    sigaction(KICK_SIGNAL, &action, NULL);
    sigemptyset(&kick);
    sigaddset(&kick, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
    event.sigev_value.sival_ptr = kvm;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &kvm->timer) < 0)
        return -errno;
    kvm->has_timer = true;
    kvm->armed = CLOCK_NEVER;
    return 0;
}

static void explain_open(int error, char *why, size_t why_size)
{
    switch (error) {
    case ENOENT:
        snprintf(why, why_size,
                 "there is no /dev/kvm: no virtualization in this machine or "
                 "virtual machine, or the kvm module is not loaded");
        break;
    case EACCES:
    case EPERM:
        snprintf(why, why_size,
                 "no permission for /dev/kvm: join its group (sudo usermod -aG kvm "
                 "$USER) and log in again");
        break;
    case ENODEV:
    case ENXIO:
        snprintf(why, why_size,
                 "/dev/kvm is there, but the kernel's kvm module is not loaded (sudo "
                 "modprobe kvm_intel or kvm_amd)");
        break;
    default:
        snprintf(why, why_size, "can't open /dev/kvm: %s", strerror(error));
    }
}

struct cpu *cpu_kvm_create(const struct memory *memory, char *why, size_t why_size)
{
    struct kvm_cpu *kvm = calloc(1, sizeof(*kvm));
    uint64_t identity_map = IDENTITY_MAP_ADDRESS;
    const char *step;
    int size;

    if (!kvm) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    kvm->cpu.ops = &cpu_kvm_ops;
    kvm->memory = memory;
    kvm->vm_fd = kvm->vcpu_fd = -1;
    kvm->thread = pthread_self();
    kvm->epoch = clock_host_ns();

    kvm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm->kvm_fd < 0) {
        explain_open(errno, why, why_size);
        goto failed;
    }
    if (ioctl(kvm->kvm_fd, KVM_GET_API_VERSION, 0) < 0) {
        snprintf(why, why_size, "/dev/kvm is there but does not answer as KVM: %s",
                 strerror(errno));
        goto failed;
    }
    if (ioctl(kvm->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION ||
        ioctl(kvm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT) <= 0) {
        snprintf(why, why_size, "this kernel's KVM is too old: Linux 4.12 or later is needed");
        goto failed;
    }
    step = "KVM_CREATE_VM";
    kvm->vm_fd = ioctl(kvm->kvm_fd, KVM_CREATE_VM, 0);
    if (kvm->vm_fd < 0)
        goto failed_step;
    step = "KVM_SET_TSS_ADDR";
    if (ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0 ||
        ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0)
        goto failed_step;
    step = "KVM_SET_USER_MEMORY_REGION";
    if (map_memory(kvm) < 0)
        goto failed_step;
    step = "KVM_CREATE_VCPU";
    kvm->vcpu_fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, 0);
    if (kvm->vcpu_fd < 0)
        goto failed_step;
    step = "mapping kvm_run";
    size = ioctl(kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < 0)
        goto failed_step;
    kvm->run_size = (size_t)size;
    kvm->run = mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, kvm->vcpu_fd, 0);
    if (kvm->run == MAP_FAILED) {
        kvm->run = NULL;
        goto failed_step;
    }
    step = "KVM_SET_CPUID2";
    if (set_cpuid(kvm) < 0)
        goto failed_step;
    step = "timer_create";
    if (make_timer(kvm) < 0)
        goto failed_step;
    return &kvm->cpu;

failed_step:
    snprintf(why, why_size, "/dev/kvm opens, but %s failed: %s", step, strerror(errno));
failed:
    kvm_destroy(&kvm->cpu);
    return NULL;
}

#endif
