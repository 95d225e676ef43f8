/*
 * A kernel for gdb to be tried on: functions, a loop, a variable that is written, an interrupt, a
 * wait in HLT, a spin. `mode`, which gdb sets, says how it goes on. Built by tests/gdb.sh.
 */
#define PORT_EXIT     0xf4
#define PORT_PIC_MASK 0x21

volatile int total, mode, ticks, spins;
int table[4] = {3, 1, 4, 1};

static void out(unsigned short port, unsigned char value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

int add(int a, int b)
{
    int sum = a + b;
    return sum;
}

void work(void)
{
    for (int i = 0; i < 4; i++) {
        int next = add(total, table[i]);
        total = next;
    }
}

void spin(void)
{
    while (mode == 1)
        spins++;
}

void sleep(void)
{
    out(PORT_PIC_MASK, 0xfe); /* the timer's interrupt alone */
    __asm__ volatile("sti");
    while (mode == 2)
        __asm__ volatile("hlt");
}

/* The stack of a frame that is spoilt, some way before anybody notices. */
volatile unsigned *victim;
volatile unsigned innocent;

void spoil(void)
{
    *victim = 0xdeadbeef;
}

void busy(void)
{
    for (int i = 0; i < 50000; i++)
        innocent += (unsigned)i;
}

__attribute__((noinline)) void crash(void)
{
    victim = (unsigned *)__builtin_frame_address(0) + 1; /* its return address */
    spoil();
    busy();
}

void start(void)
{
    work();
    spin();
    sleep();
    if (mode == 3)
        crash();
    out(PORT_EXIT, (unsigned char)total); /* 3 + 1 + 4 + 1 = 9: status 19 */
    for (;;)
        __asm__ volatile("hlt");
}
