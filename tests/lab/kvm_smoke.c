/*
 * Proves that /dev/kvm runs guest code on a CPU: a 32-bit protected-mode guest takes an `int`,
 * comes back by `iret`, writes the result to a port and halts. Exactly this fails on hosts whose
 * KVM only emulates instructions. Prints "kvm works" and exits with 0, or says what went wrong.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { GDT = 0x1000, IDT = 0x2000, CODE = 0x3000, HANDLER = 0x3100, STACK_TOP = 0x8000 };
enum { RAM_SIZE = 0x10000, VECTOR = 0x30, CODE_SELECTOR = 0x08, DATA_SELECTOR = 0x10 };
enum { RESULT_PORT = 0x42, RESULT = 1 + 2 + 16 };

static const uint8_t code[] = {
    0xb8, 1,           0,  0, 0, /* mov eax, 1 */
    0xcd, VECTOR,                /* int 0x30 */
    0x83, 0xc0,        16,       /* add eax, 16 */
    0xe6, RESULT_PORT,           /* out 0x42, al */
    0xf4,                        /* hlt */
};
static const uint8_t handler[] = {
    0x83, 0xc0, 2, /* add eax, 2 */
    0xcf,          /* iret */
};
static const uint64_t gdt[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff}; /* flat, accessed */
static const uint64_t gate = ((uint64_t)0x8e00 << 32) | (CODE_SELECTOR << 16) | HANDLER;

static void need(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
    return (struct kvm_segment){.limit = 0xffffffff,
                                .selector = selector,
                                .type = type,
                                .present = 1,
                                .db = 1,
                                .s = 1,
                                .g = 1};
}

static void set_registers(int vcpu)
{
    struct kvm_regs regs = {.rip = CODE, .rsp = STACK_TOP, .rflags = 2};
    struct kvm_sregs sregs;

    need(ioctl(vcpu, KVM_GET_SREGS, &sregs) == 0, "KVM_GET_SREGS");
    sregs.cr0 |= 1; /* protected mode */
    sregs.cs = flat(CODE_SELECTOR, 0xb);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(DATA_SELECTOR, 0x3);
    sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = sizeof(gdt) - 1};
    sregs.idt = (struct kvm_dtable){.base = IDT, .limit = (VECTOR + 1) * 8 - 1};
    need(ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
    need(ioctl(vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR), vm, vcpu, run_size, result = -1;
    uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};
    struct kvm_run *run;

    need(kvm >= 0, "/dev/kvm");
    need(ram != MAP_FAILED, "mmap");
    memcpy(ram + GDT, gdt, sizeof(gdt));
    memcpy(ram + IDT + VECTOR * 8, &gate, sizeof(gate));
    memcpy(ram + CODE, code, sizeof(code));
    memcpy(ram + HANDLER, handler, sizeof(handler));

    need((vm = ioctl(kvm, KVM_CREATE_VM, 0)) >= 0, "KVM_CREATE_VM");
    region.userspace_addr = (uintptr_t)ram;
    need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
    need((vcpu = ioctl(vm, KVM_CREATE_VCPU, 0)) >= 0, "KVM_CREATE_VCPU");
    need((run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)) > 0, "KVM_GET_VCPU_MMAP_SIZE");
    run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    need(run != MAP_FAILED, "mmap of the vCPU");
    set_registers(vcpu);

    do {
        need(ioctl(vcpu, KVM_RUN, 0) == 0, "KVM_RUN");
        if (run->exit_reason == KVM_EXIT_IO && run->io.port == RESULT_PORT)
            result = *((uint8_t *)run + run->io.data_offset);
    } while (run->exit_reason == KVM_EXIT_IO);

    if (run->exit_reason != KVM_EXIT_HLT || result != RESULT) {
        fprintf(stderr, "kvm fails: exit reason %u, result %d\n", run->exit_reason, result);
        return 1;
    }
    puts("kvm works");
    return 0;
}
