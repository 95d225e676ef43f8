/*
 * The least a port exit can cost: KVM_RUN in a loop that looks at nothing but the port number. Runs
 * a flat 16-bit image until it writes to port 0x500 and prints ns an exit; what vmm is measured by.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY 0x100000

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    int image = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    int kvm = open("/dev/kvm", O_RDWR);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    uint8_t *memory =
        mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY,
                                                 .userspace_addr = (uintptr_t)memory};
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rflags = 2};
    unsigned long exits = 0;

    if (memory == MAP_FAILED || image < 0 || read(image, memory, MEMORY) <= 0 || vm < 0) {
        perror("kvm_floor: IMAGE and a working /dev/kvm are needed");
        return 1;
    }
    ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL);
    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
                               PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (vcpu < 0 || run == MAP_FAILED) {
        perror("kvm_floor: KVM_CREATE_VCPU");
        return 1;
    }
    /* The same processor as vmm's: what KVM saves and restores around a guest depends on it. */
    static struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[128];
    } cpuid = {.head.nent = 128};
    ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
    ioctl(vcpu, KVM_SET_CPUID2, &cpuid);
    ioctl(vcpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    ioctl(vcpu, KVM_SET_SREGS, &sregs);
    ioctl(vcpu, KVM_SET_REGS, &regs);

    double start = now_ns();
    do {
        exits++;
        if (ioctl(vcpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_IO) {
            fprintf(stderr, "kvm_floor: stopped by exit reason %u\n", run->exit_reason);
            return 1;
        }
    } while (run->io.port != 0x500);
    printf("%.1f\n", (now_ns() - start) / (double)exits);
    return 0;
}
