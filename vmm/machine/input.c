/*
 * Input for the devices: from the machine's owner, or from the log of a recorded run.
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
    machine->silence.inputs++;
    switch (kind) {
    case INPUT_SERIAL:
        ns16550_receive(&machine->com1, (uint8_t)event.code);
        break;
    case INPUT_KEY:
        i8042_key(&machine->keyboard, event.code, event.down);
        break;
    case INPUT_CLOSED:
        silence_begin(machine);
        break;
    case INPUT_QUIT:
        end_with_quit(machine);
        break;
    case INPUT_RESET:
        break;
    }
}

/* The oldest event for a device: of the script, then of what has come. */
static bool take(struct machine *machine, enum inbox_ring ring, struct inbox_event *event)
{
    struct input_script *script = &machine->script[ring];

    if (script->count > 0) {
        *event = *script->events++;
        script->count--;
        return true;
    }
    return machine->config.take && machine->config.take(machine->config.inbox, ring, event);
}

/* Moves input to the devices, as far as they have room. */
static void take_input(struct machine *machine)
{
    struct inbox_event event;

    machine->input_ready = false;
    while (ns16550_can_receive(&machine->com1) && take(machine, INBOX_SERIAL, &event))
        input_give(machine, INPUT_SERIAL, event);
    while (i8042_can_type(&machine->keyboard) && take(machine, INBOX_KEYBOARD, &event))
        input_give(machine, INPUT_KEY, event);
}

/* The input of a recorded run that came at this point of it. The same run never gets past it. */
static void replay_input(struct machine *machine)
{
    uint64_t now = clock_now(&machine->clock);
    char place[MACHINE_PLACE + 64];

    for (; machine->replay != machine->config.replay_end; machine->replay++) {
        const struct machine_input *input = machine->replay;
        if (input->time < now) {
            machine_end(machine, END_DIVERGED, STATUS_CPU_FAILED,
                        "the run differs from the recorded one: input is due at %.9f s after %llu "
                        "device accesses; the guest has made %llu, and is %s",
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

void input_look(struct machine *machine)
{
    /* A guest that has opened IRQ1 wants keys, even if it never looked at the controller. */
    if (!machine->keyboard.s.listening &&
        machine->interrupts->is_enabled(machine->interrupt_chip, IRQ_KEYBOARD))
        i8042_listen(&machine->keyboard);
    if (machine->config.replay)
        replay_input(machine);
    else if (machine->input_ready)
        take_input(machine);
}
