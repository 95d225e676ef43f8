/*
 * The description is made of the table of registers, in its order: gdb numbers them so. It names no
 * architecture: so one session can debug 16-bit and 32-bit code (`set architecture i8086`), with
 * the same layout of registers.
 */
#include "description.h"

#include "inspect/registers.h"

#include <stdio.h>
#include <string.h>

/* gdb's own features (GDB manual, section G.5.6); x87's registers belong to the core. */
static const char *const features[REGISTER_SETS] = {
    [REGISTERS_CORE] = "org.gnu.gdb.i386.core",
    [REGISTERS_X87] = NULL,
    [REGISTERS_SSE] = "org.gnu.gdb.i386.sse",
    [REGISTERS_SYSTEM] = "org.vmm.i386.system",
};

static const char flags_type[] = "<flags id=\"i386_eflags\" size=\"4\">"
                                 "<field name=\"CF\" start=\"0\" end=\"0\"/>"
                                 "<field name=\"\" start=\"1\" end=\"1\"/>"
                                 "<field name=\"PF\" start=\"2\" end=\"2\"/>"
                                 "<field name=\"AF\" start=\"4\" end=\"4\"/>"
                                 "<field name=\"ZF\" start=\"6\" end=\"6\"/>"
                                 "<field name=\"SF\" start=\"7\" end=\"7\"/>"
                                 "<field name=\"TF\" start=\"8\" end=\"8\"/>"
                                 "<field name=\"IF\" start=\"9\" end=\"9\"/>"
                                 "<field name=\"DF\" start=\"10\" end=\"10\"/>"
                                 "<field name=\"OF\" start=\"11\" end=\"11\"/>"
                                 "<field name=\"NT\" start=\"14\" end=\"14\"/>"
                                 "<field name=\"RF\" start=\"16\" end=\"16\"/>"
                                 "<field name=\"VM\" start=\"17\" end=\"17\"/>"
                                 "<field name=\"AC\" start=\"18\" end=\"18\"/>"
                                 "<field name=\"ID\" start=\"21\" end=\"21\"/></flags>\n";

static const char vector_type[] = "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                                  "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                                  "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
                                  "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
                                  "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
                                  "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
                                  "<union id=\"vec128\">"
                                  "<field name=\"v4_float\" type=\"v4f\"/>"
                                  "<field name=\"v2_double\" type=\"v2d\"/>"
                                  "<field name=\"v16_int8\" type=\"v16i8\"/>"
                                  "<field name=\"v8_int16\" type=\"v8i16\"/>"
                                  "<field name=\"v4_int32\" type=\"v4i32\"/>"
                                  "<field name=\"v2_int64\" type=\"v2i64\"/>"
                                  "<field name=\"uint128\" type=\"uint128\"/></union>\n";

static const char *type_of(const struct register_row *row)
{
    if (strcmp(row->name, "eip") == 0)
        return "code_ptr";
    if (strcmp(row->name, "esp") == 0 || strcmp(row->name, "ebp") == 0)
        return "data_ptr";
    if (strcmp(row->name, "eflags") == 0)
        return "i386_eflags";
    return row->bits == 80 ? "i387_ext" : row->bits == 128 ? "vec128" : "int32";
}

static void print_register(FILE *to, const struct register_row *row)
{
    fprintf(to, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", row->name, row->bits, type_of(row));
    if (row->set == REGISTERS_X87 && row->bits == 32)
        fprintf(to, " group=\"float\"");
    else if (row->set == REGISTERS_SYSTEM)
        fprintf(to, " group=\"system\"");
    fprintf(to, "/>\n");
}

static void print_registers(FILE *to)
{
    const char *open = NULL;

    fprintf(to, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                "<target version=\"1.0\">\n");
    for (unsigned i = 0; i < register_count; i++) {
        const char *feature = features[register_rows[i].set];
        if (feature && feature != open) {
            fprintf(to, "%s<feature name=\"%s\">\n", open ? "</feature>\n" : "", feature);
            if (register_rows[i].set == REGISTERS_CORE)
                fputs(flags_type, to);
            else if (register_rows[i].set == REGISTERS_SSE)
                fputs(vector_type, to);
            open = feature;
        }
        print_register(to, &register_rows[i]);
    }
    fprintf(to, "</feature>\n</target>\n");
}

/* Linear addresses may lead to memory anywhere, so all of them may be tried. */
static void print_memory(FILE *to)
{
    fprintf(to, "<?xml version=\"1.0\"?>\n"
                "<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
                "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n"
                "<memory-map><memory type=\"ram\" start=\"0x0\" length=\"0x100000000\"/>"
                "</memory-map>\n");
}

char *gdb_object(const char *name, const char *annex)
{
    bool is_target = strcmp(name, "features") == 0 && strcmp(annex, "target.xml") == 0;
    bool is_memory = strcmp(name, "memory-map") == 0 && !*annex;
    char *text = NULL;
    size_t size;
    FILE *to = is_target || is_memory ? open_memstream(&text, &size) : NULL;

    if (!to)
        return NULL;
    if (is_target)
        print_registers(to);
    else
        print_memory(to);
    return fclose(to) == 0 ? text : NULL;
}
