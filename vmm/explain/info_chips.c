/*
 * Chips in words, each from its plain struct `s`. Bits have the names of their data sheets.
 */
#include "info.h"

#include "base/disk.h"

#include <string.h>
#include <time.h>

const char *info_irq_name(unsigned irq)
{
    static const char *const names[I8259_INPUTS] = {
        [0] = "timer", [1] = "keyboard", [2] = "cascade", [4] = "COM1",    [5] = "disk 0",
        [8] = "clock", [9] = "disk 1",   [10] = "disk 2", [11] = "disk 3", [12] = "mouse",
    };

    return irq < I8259_INPUTS && names[irq] ? names[irq] : "";
}

/* A list of words: "requested, masked", or `otherwise` if it stays empty. */
struct list {
    FILE *to;
    unsigned count;
};

static void add(struct list *list, bool holds, const char *word)
{
    if (holds)
        fprintf(list->to, "%s%s", list->count++ ? ", " : "", word);
}

static void end_list(const struct list *list, const char *otherwise)
{
    fprintf(list->to, "%s\n", list->count ? "" : otherwise);
}

/* The words of the bits that are set, from bit 0 up. */
static void add_bits(struct list *list, unsigned value, const char *const words[8])
{
    for (unsigned bit = 0; bit < 8; bit++)
        add(list, words[bit] && (value >> bit & 1), words[bit]);
}

/* "3.2 ms": a time that is not too far away. */
static void print_time(FILE *to, uint64_t ns)
{
    if (ns < 1000000)
        fprintf(to, "%.1f us", (double)ns / 1e3);
    else if (ns < NS_PER_SECOND)
        fprintf(to, "%.1f ms", (double)ns / 1e6);
    else
        fprintf(to, "%.3f s", (double)ns / 1e9);
}

/* ---- 8259 ---- */

void info_print_irq(const struct info *info, unsigned irq)
{
    const struct i8259_pair *pair = &info->machine->pic;
    const struct i8259 *chip = irq < 8 ? &pair->master : &pair->slave;
    unsigned input = irq & 7;
    struct list list = {info->to, 0};

    fprintf(info->to, "IRQ %-2u %-8s vector 0x%02x: ", irq, info_irq_name(irq),
            (chip->icw2 & 0xf8u) + input);
    add(&list, i8259_irr(chip) >> input & 1, "requested");
    add(&list, chip->isr >> input & 1, "in service");
    add(&list, true, chip->imr >> input & 1 ? "masked" : "open");
    add(&list, irq >= 8 && (pair->master.imr >> I8259_CASCADE & 1), "its controller masked");
    add(&list, chip->lines >> input & 1, "line high");
    add(&list, chip->elcr >> input & 1, "level triggered");
    fputc('\n', info->to);
}

static void print_controller(const struct info *info, const struct i8259 *chip, const char *name)
{
    struct list list = {info->to, 0};
    char awaited[40];

    fprintf(info->to, "%s: ", name);
    snprintf(awaited, sizeof(awaited), "not initialised, waits for ICW%u", chip->awaited_icw);
    add(&list, chip->awaited_icw, awaited);
    add(&list, !(chip->icw4 & 1), "8080 mode");
    add(&list, chip->icw4 & 2, "automatic EOI");
    add(&list, chip->icw4 & 0x10, "special fully nested");
    add(&list, chip->special_mask, "special mask mode");
    add(&list, chip->lowest != 7, "priorities rotated");
    add(&list, chip->read_isr, "reads give ISR");
    add(&list, chip->poll, "the next read is a poll");
    end_list(&list, "initialised");
}

void info_pic(const struct info *info)
{
    const struct i8259_pair *pair = &info->machine->pic;

    for (unsigned irq = 0; irq < I8259_INPUTS; irq++) {
        const struct i8259 *chip = irq < 8 ? &pair->master : &pair->slave;
        unsigned active = (i8259_irr(chip) | chip->isr | (uint8_t)~chip->imr) >> (irq & 7) & 1;
        if (irq != I8259_CASCADE && (*info_irq_name(irq) || active))
            info_print_irq(info, irq);
    }
    print_controller(info, &pair->master, "master");
    print_controller(info, &pair->slave, "slave");
    fprintf(info->to, "the CPU is %s\n",
            i8259_has_request(pair) ? "asked for an interrupt" : "asked for nothing");
}

void info_irq(const struct info *info)
{
    const struct i8259_pair *pair = &info->machine->pic;
    unsigned told = 0;

    for (unsigned irq = 0; irq < I8259_INPUTS; irq++) {
        if (!pair->raised[irq] && !pair->acknowledged[irq])
            continue;
        told++;
        fprintf(info->to, "IRQ %-2u %-8s raised %llu, taken %llu\n", irq, info_irq_name(irq),
                (unsigned long long)pair->raised[irq], (unsigned long long)pair->acknowledged[irq]);
    }
    if (!told)
        fprintf(info->to, "no interrupt was raised\n");
}

/* ---- 8254 ---- */

void info_pit(const struct info *info)
{
    static const char *const modes[] = {"interrupt on terminal count",
                                        "hardware one-shot",
                                        "rate generator",
                                        "square wave",
                                        "software strobe",
                                        "hardware strobe"};
    static const char *const uses[I8254_COUNTERS] = {"IRQ 0", "memory refresh", "speaker"};
    const struct i8254 *pit = &info->machine->pit;
    FILE *to = info->to;

    for (unsigned i = 0; i < I8254_COUNTERS; i++) {
        const struct i8254_counter *c = &pit->s.counter[i];
        unsigned mode = i8254_mode(pit, i), reload = c->cr ? c->cr : 0x10000;
        if (c->control & 1) /* BCD */
            reload = c->cr ? (c->cr >> 12) * 1000u + (c->cr >> 8 & 15) * 100u +
                                 (c->cr >> 4 & 15) * 10u + (c->cr & 15)
                           : 10000;
        fprintf(to, "channel %u (%s): mode %u %s", i, uses[i], mode, modes[mode]);
        if (!c->has_count)
            fprintf(to, ", no count was written");
        else
            fprintf(to, ", reload %u%s (%.3f %s)", reload, c->control & 1 ? " BCD" : "",
                    mode == 2 || mode == 3 ? (double)I8254_HZ / reload
                                           : reload * 1e3 / (double)I8254_HZ,
                    mode == 2 || mode == 3 ? "Hz" : "ms");
        if (c->second_is_due)
            fprintf(to, ", the count's second byte is due");
        if (!c->gate)
            fprintf(to, ", gate low");
        fprintf(to, ", OUT %s", i8254_out(pit, i) ? "high" : "low");
        if (i == 0 && pit->timer.deadline != CLOCK_NEVER) {
            uint64_t now = clock_now(pit->clock);
            fprintf(to, ", next edge in ");
            print_time(to, pit->timer.deadline > now ? pit->timer.deadline - now : 0);
        }
        fputc('\n', to);
    }
}

/* ---- 8042 ---- */

void info_keyboard(const struct info *info)
{
    static const char *const leds[8] = {"scroll lock", "num lock", "caps lock"};
    const struct i8042_state *s = &info->machine->keyboard.s;
    FILE *to = info->to;
    struct list list = {to, 0};

    if (s->obf)
        fprintf(to, "port 0x60: 0x%02x from the %s, not read yet\n", s->dbb,
                s->aux ? "second port" : "keyboard or controller");
    else
        fprintf(to, "port 0x60: empty (the last byte was 0x%02x)\n", s->dbb);
    fprintf(to, "controller: keyboard %s, IRQ 1 %s, %s, A20 %s",
            s->ram[0] & 0x10 ? "disabled" : "enabled", s->ram[0] & 1 ? "on" : "off",
            s->ram[0] & 0x40 ? "translates to set 1" : "no translation", s->a20 ? "on" : "off");
    if (s->command)
        fprintf(to, ", command 0x%02x waits for its byte", s->command);
    fprintf(to, "\nkeyboard: %s, scan code set %u, %u codes in its buffer",
            s->scanning ? "scanning" : "not scanning", s->set, s->buffered);
    if (s->keyboard_command)
        fprintf(to, ", command 0x%02x waits for its byte", s->keyboard_command);
    fprintf(to, "\nLEDs: ");
    add_bits(&list, s->leds, leds);
    end_list(&list, "off");
    fprintf(to, "the guest %s\n", s->listening ? "listens" : "has not looked at it yet: keys wait");
}

/* ---- 16550 ---- */

void info_serial(const struct info *info)
{
    static const char *const enables[8] = {"received data", "transmitter empty", "line status",
                                           "modem status"};
    static const char *const outputs[8] = {"DTR", "RTS", "OUT1", "OUT2 (lets interrupts through)",
                                           "loopback"};
    static const char parities[] = "OEMS"; /* odd, even, mark, space */
    const struct ns16550 *uart = &info->machine->com1;
    const struct ns16550_state *s = &uart->s;
    FILE *to = info->to;
    struct list list = {to, 0};

    fprintf(to, "line: %u baud, %u%c%s%s\n", 115200 / (s->divisor ? s->divisor : 0x10000u),
            5 + (s->lcr & 3), s->lcr & 8 ? parities[s->lcr >> 4 & 3] : 'N', s->lcr & 4 ? "2" : "1",
            s->lcr & 0x80 ? ", DLAB set: ports 0 and 1 are the divisor" : "");
    fprintf(to, "receiver: %u bytes wait, FIFOs %s%s\n", s->count, s->fcr & 1 ? "on" : "off",
            s->lsr & 2 ? ", a byte was lost (overrun)" : "");
    fprintf(to, "interrupts enabled: ");
    add_bits(&list, s->ier, enables);
    end_list(&list, "none");
    list.count = 0;
    fprintf(to, "outputs: ");
    add_bits(&list, s->mcr, outputs);
    end_list(&list, "none");
    fprintf(to, "its interrupt line is %s; the guest %s\n", uart->irq.level ? "high" : "low",
            s->listening ? "listens" : "has not looked for input yet: typing waits");
}

/* ---- MC146818 ---- */

void info_rtc(const struct info *info)
{
    static const char *const sources[8] = {[4] = "update ended", [5] = "alarm", [6] = "periodic"};
    const struct mc146818 *rtc = &info->machine->rtc;
    const struct mc146818_state *s = &rtc->s;
    uint64_t now = clock_now(rtc->clock);
    time_t seconds = (time_t)(s->base + (int64_t)((now - s->base_ns) / NS_PER_SECOND));
    unsigned rate = s->cmos[0x0a] & 15, b = s->cmos[0x0b];
    struct list list = {info->to, 0};
    char text[40] = "no time";
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
    fprintf(info->to, "time: %s, %s, %s hours%s\n", text, b & 4 ? "binary" : "BCD",
            b & 2 ? "24" : "12", s->stopped ? ", stopped while it is set" : "");
    if (rate)
        fprintf(info->to, "periodic rate: %u Hz\n",
                rate < 3 ? 256u >> (rate - 1) : 32768u >> (rate - 1));
    else
        fprintf(info->to, "periodic rate: none\n");
    fprintf(info->to, "interrupts enabled: ");
    add_bits(&list, b, sources);
    end_list(&list, "none");
    list.count = 0;
    fprintf(info->to, "flags in register C: ");
    add_bits(&list, s->cmos[0x0c], sources);
    end_list(&list, "none");
}

/* ---- virtio ---- */

static void print_queue(const struct info *info, const struct virtio_mmio *mmio)
{
    const struct virtio_mmio_state *s = &mmio->s;
    uint64_t now = clock_now(mmio->clock);

    fprintf(info->to, "  queue: %u descriptors, %u requests begun, %u shown as done", s->queue_num,
            s->next_available, s->next_used);
    if (s->busy) {
        fprintf(info->to, ", one is shown in ");
        print_time(info->to, s->done_at > now ? s->done_at - now : 0);
    }
    fprintf(info->to, "\n  interrupt: %s\n",
            s->interrupt_status ? "asked for, not acknowledged" : "none");
}

void info_disk(const struct info *info)
{
    static const char *const statuses[8] = {"acknowledged",    "driver found", "driver ready",
                                            "features agreed", NULL,           NULL,
                                            "needs a reset",   "given up"};

    for (unsigned i = 0; i < MACHINE_DISKS; i++) {
        const struct virtio_blk *blk = &info->machine->disks[i];
        const struct disk *disk = blk->disk;
        struct list list = {info->to, 0};
        if (!disk) {
            fprintf(info->to, "slot %u: empty\n", i);
            continue;
        }
        fprintf(info->to, "slot %u: %.*s, %llu sectors%s, registers of version %d at 0x%08x\n", i,
                DISK_NAME_SIZE, disk->name, (unsigned long long)disk->sectors,
                disk->read_only ? ", read-only" : "", blk->mmio.modern ? 2 : 1, blk->mmio.base);
        fprintf(info->to, "  driver: ");
        add_bits(&list, blk->mmio.s.status, statuses);
        end_list(&list, "none yet");
        print_queue(info, &blk->mmio);
    }
}
