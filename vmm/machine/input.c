/*
 * Input on its way into the machine: from whoever types to the devices, or from the log of a run
 * that is repeated.
 */
#include "internal.h"

#include <stdio.h>

/* How many accesses to devices the CPU has made. */
static uint64_t accesses(const struct machine *machine)
{
    return machine->counts.exits[CPU_STOP_PORT] + machine->counts.exits[CPU_STOP_MMIO];
}

void input_give(struct machine *machine, enum machine_input_kind kind, struct inbox_event event)
{
    if (machine->config.record) {
        struct machine_input input = {.time = clock_now(&machine->clock),
                                      .accesses = accesses(machine),
                                      .kind = kind,
                                      .event = event};
        machine->config.record(machine->config.log, &input);
    }
    if (machine->observer && (kind == INPUT_SERIAL || kind == INPUT_KEY))
        machine->observer->input(machine->observer, kind == INPUT_KEY, event.code, event.down);
    switch (kind) {
    case INPUT_SERIAL:
        ns16550_receive(&machine->com1, (uint8_t)event.code);
        break;
    case INPUT_KEY:
        i8042_key(&machine->keyboard, event.code, event.down);
        break;
    case INPUT_QUIT:
        machine_end(machine, END_QUIT, STATUS_QUIT, "%s", "");
        break;
    case INPUT_RESET:
        break;
    }
}

void input_take(struct machine *machine)
{
    struct inbox *inbox = machine->config.inbox;
    struct inbox_event event;

    machine->input_ready = false;
    while (ns16550_can_receive(&machine->com1) && inbox_take(inbox, INBOX_SERIAL, &event))
        input_give(machine, INPUT_SERIAL, event);
    while (i8042_can_type(&machine->keyboard) && inbox_take(inbox, INBOX_KEYBOARD, &event))
        input_give(machine, INPUT_KEY, event);
}

void input_replay(struct machine *machine)
{
    uint64_t now = clock_now(&machine->clock);
    char place[64];

    for (; machine->replay != machine->config.replay_end; machine->replay++) {
        const struct machine_input *input = machine->replay;
        if (input->time < now) {
            machine_end(machine, END_DIVERGED, STATUS_CPU_FAILED,
                        "the recorded input does not fit: one is due at %.9f s after %llu "
                        "accesses, and the guest has made %llu, and is %s",
                        (double)input->time / 1e9, (unsigned long long)input->accesses,
                        (unsigned long long)accesses(machine),
                        machine_where(machine, place, sizeof(place)));
            return;
        }
        if (input->time > now || input->accesses > accesses(machine))
            return;
        input_give(machine, input->kind, input->event);
    }
}
