/*
 * The names of the reasons for which a CPU stops.
 */
#include "cpu.h"

static const char *const stop_names[CPU_STOPS] = {
    [CPU_STOP_PORT] = "port",     [CPU_STOP_MMIO] = "mmio",         [CPU_STOP_HALTED] = "halted",
    [CPU_STOP_WINDOW] = "window", [CPU_STOP_SHUTDOWN] = "shutdown", [CPU_STOP_DEBUG] = "debug",
    [CPU_STOP_KICKED] = "kicked", [CPU_STOP_FAILED] = "failed",     [CPU_STOP_ASTRAY] = "astray",
    [CPU_STOP_WATCH] = "watch",
};

const char *cpu_stop_name(enum cpu_stop stop)
{
    return stop_names[stop];
}
