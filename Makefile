# The only entry point. `make help` lists the targets; V=1 shows the commands; SAN=1 builds the VMM
# with the address and undefined-behaviour sanitizers, beside the plain one, TSAN=1 with the thread
# sanitizer, COV=1 with counters of executed lines; CC=clang works too, and so does CROSS=aarch64-linux-gnu: a static VMM for another
# processor, in build/aarch64-linux-gnu.

BUILD := build
OUT   := $(BUILD)$(if $(CROSS),/$(CROSS))$(if $(SAN),/san)$(if $(TSAN),/tsan)$(if $(COV),/cov)
VMM   := $(OUT)/vmm
OS1K  := $(BUILD)/os1k.elf
OS1K_DISK := $(BUILD)/os1k.disk
LAB   := tests/lab/lab
Q     := $(if $(V),,@)
comma := ,

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

CC       := $(if $(CROSS),$(CROSS)-)gcc
CFLAGS   := -std=c11 -D_GNU_SOURCE -O2 -g -pthread -MMD -MP -Ivmm \
            -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  := -pthread $(if $(CROSS),-static)
$(if $(COV),$(eval CFLAGS += --coverage -fprofile-update=atomic)$(eval LDFLAGS += --coverage))
$(if $(TSAN),$(eval SAN := y)$(eval SANFLAGS := -fsanitize=thread))
$(if $(SAN),$(eval CFLAGS += $(SANFLAGS))$(eval LDFLAGS += $(SANFLAGS)))

# ---- what the targets need of the system: command or file, and its Debian package ----

NEED_BUILD := gcc:gcc /usr/include/stdio.h:libc6-dev nasm:nasm ld.lld:lld
NEED_LIBRARIES := /usr/include/Zydis/Zydis.h:libzydis-dev /usr/include/png.h:libpng-dev
cross_cpu  = $(firstword $(subst -, ,$(1)))
need_cross = $(if $(1),$(1)-gcc:gcc-$(1) qemu-$(cross_cpu):qemu-user \
             /usr/$(1)/include/stdio.h:libc6-dev-$(cross_cpu:aarch64=arm64)-cross)
NEED_LAB   := gcc:gcc /usr/include/stdio.h:libc6-dev qemu-system-x86_64:qemu-system-x86 xz:xz-utils
NEED_TEST  := /usr/include/cmocka.h:libcmocka-dev /usr/include/png.h:libpng-dev /usr/include/Zydis/Zydis.h:libzydis-dev \
              qemu-system-i386:qemu-system-x86 tmux:tmux pgrep:procps jq:jq socat:socat gdb:gdb \
              /usr/lib/grub/i386-pc:grub-pc-bin grub-mkrescue:grub-common xorriso:xorriso mformat:mtools \
              /usr/share/seabios/bios.bin:seabios cpio:cpio
NEED_BENCH := python3:python3 qemu-system-i386:qemu-system-x86
NEED_BOCHS := bochs:bochs /usr/share/bochs/BIOS-bochs-latest:bochsbios \
              /usr/share/bochs/VGABIOS-lgpl-latest:vgabios \
              /usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so:bochs-term
NEED_REPORT := python3:python3 gnuplot:gnuplot-nox

NEED_BROWSER := chromium:chromium

NEED_INTEL := gcc:gcc /usr/include/stdio.h:libc6-dev xz:xz-utils nasm:nasm cpio:cpio $(NEED_BOCHS)

.PHONY: need-build need-lab need-lab-intel need-test need-bench need-report need-browser need-all
need-build:
	@.ci/need "building" $(NEED_BUILD) $(if $(CROSS),$(call need_cross,$(CROSS)),--optional $(NEED_LIBRARIES))
need-lab:
	@.ci/need "the KVM lab" $(NEED_LAB)
need-lab-intel:
	@.ci/need "the lab on Intel" $(NEED_INTEL)
need-test:
	@.ci/need "testing" $(NEED_TEST)
need-bench:
	@.ci/need "measuring" $(NEED_BENCH) --optional $(NEED_BOCHS)
need-report:
	@.ci/need "the report" $(NEED_REPORT)
need-browser:
	@.ci/need "testing the report" $(NEED_BROWSER)

# All that `make test` will need is asked for at once, before anything else.
need-all:
	@.ci/need "make test" $(NEED_BUILD) $(call need_cross,$(OTHER)) $(NEED_LAB) $(NEED_TEST) $(NEED_BENCH) \
	    $(NEED_REPORT) $(NEED_BROWSER) $(NEED_TALK) --optional $(NEED_LIBRARIES) $(NEED_BOCHS)
ifneq ($(filter test,$(MAKECMDGOALS)),)
need-build need-lab need-test need-bench need-report need-browser need-talk: need-all
endif

# ---- the VMM ----

CORE_ROOMS  := base cpu cpu/soft cpu/soft/state cpu/soft/code cpu/soft/interp dev load machine
VMM_ROOMS   := $(CORE_ROOMS) os engine watch watch/trace inspect console explain gdb host front front/screen \
               scenario cli
VMM_SOURCES := $(wildcard $(VMM_ROOMS:%=vmm/%/*.c))
VMM_OBJECTS := $(VMM_SOURCES:%.c=$(OUT)/obj/%.o) $(OUT)/obj/vmm/base/blobs.o
BOOT        := pm32 probe bios font

# Instructions in reports need Zydis; cross builds show bytes. Evaluated when it is used, since need-build
# may have installed it meanwhile.
ZYDIS    = $(if $(CROSS),,$(wildcard /usr/include/Zydis/Zydis.h))
# Likewise pictures of screens, and libpng.
LIBPNG   = $(if $(CROSS),,$(wildcard /usr/include/png.h))
VMM_LIBS = $(if $(ZYDIS),-lZydis) $(if $(LIBPNG),-lpng) -lm
$(OUT)/obj/vmm/explain/disassemble.o: CFLAGS += $(if $(ZYDIS),-DHAVE_ZYDIS)
$(OUT)/obj/vmm/os/picture_file.o: CFLAGS += $(if $(LIBPNG),-DHAVE_LIBPNG)

# Each handler begins amid a cache line, wherever the linker puts it: on AMD's processors loops took up to
# 1.35 of the time where its jump to the next was in the line that it began in.
MIDLINE := -falign-functions=64 -fpatchable-function-entry=32,32
$(OUT)/obj/vmm/cpu/soft/interp/%.o: CFLAGS += $(if $(CROSS),,$(if $(filter x86_64,$(shell uname -m)),$(MIDLINE)))

all: $(VMM) $(OUT)/libvmm.a $(OS1K_DISK) guests-build  ## build everything

$(VMM): $(VMM_OBJECTS) | $(OUT)/vmm.gdb
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(VMM_LIBS)

# What gdb is told to read, next to the program.
$(OUT)/vmm.gdb: vmm/gdb/vmm.gdb
	@mkdir -p $(@D)
	$(Q)cp $< $@

# The core, without an operating system: vmm/machine/libvmm.h.
$(OUT)/libvmm.a: $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard $(CORE_ROOMS:%=vmm/%/*.c))) $(OUT)/obj/vmm/base/blobs.o
	@echo "  AR      $@"
	$(Q)rm -f $@
	$(Q)$(CROSS:%=%-)ar rcs $@ $^

$(OUT)/obj/%.o: %.c | need-build
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

$(OUT)/obj/vmm/base/blobs.o: vmm/base/blobs.S $(BOOT:%=$(BUILD)/boot/%.bin) | need-build
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) -Wa,-I$(BUILD)/boot -c -o $@ $<

$(BUILD)/boot/%.bin: boot/%.asm $(wildcard boot/*/*.inc) | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Iboot/ -f bin -o $@ $<

# ---- the guests ----

# Flat 16-bit (boot sectors at their end), flat 32-bit, and ELF32 (one of them Multiboot).
GUESTS16   := minimal hello counter hctest multiplication string_io ports timer16 keyboard16 \
              exit_status halt_forever flood boot_hello boot_load boot_pmode snake plasma
GUESTS32   := pmode_simple pmode_test timer32 rtc nested keyboard serial vga divide wild_jump triple
RACES      := race_counter race_lock race_wakeup
GUESTS_ELF := paging ring3 multiboot disk ata floppy timer_keys keyboard_off $(RACES) $(RACES:%=%_fixed)
GUEST_FILES := $(GUESTS16:%=$(BUILD)/guests/%.bin) $(GUESTS32:%=$(BUILD)/guests/%.bin) \
               $(GUESTS_ELF:%=$(BUILD)/guests/%.elf)

.PHONY: guests-build
guests-build: $(GUEST_FILES)

# All of them include some; nasm 2.16 -MD lists none.
GUEST_INCLUDES := $(wildcard guests/*.inc)

$(BUILD)/guests/%.bin: guests/%.asm $(GUEST_INCLUDES) | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Iguests/ -f bin -o $@ $<

define assemble_elf
	@mkdir -p $(@D)
	@echo "  NASM    $<$(if $(1), $(1))"
	$(Q)nasm -Wall -Werror $(1) -Iguests/ -f elf32 -g -F dwarf -o $(@:.elf=.o) $<
	$(Q)ld.lld -m elf_i386 -T linker/guest.ld -o $@ $(@:.elf=.o)
endef

$(BUILD)/guests/%.elf: guests/%.asm $(GUEST_INCLUDES) linker/guest.ld | need-build
	$(call assemble_elf)

# The same guest without its race.
$(BUILD)/guests/%_fixed.elf: guests/%.asm $(GUEST_INCLUDES) linker/guest.ld | need-build
	$(call assemble_elf,-DFIXED)

# ---- 1K OS ----

OS1K_SOURCES := $(shell find os1k -type f) linker/kernel.ld linker/user.ld

.PHONY: os1k
os1k: $(OS1K_DISK)  ## build 1K OS

$(OS1K): $(OS1K_SOURCES) | need-build
	@echo "  OS1K    $@"
	$(Q)V=$(V) os1k/build.sh </dev/null
	@touch $@

$(OS1K_DISK): $(OS1K)
	@echo "  TAR     $@"
	$(Q)os1k/mkdisk.sh $@

# ---- running ----

.PHONY: run demo guests lab lab-intel
# The guest's disk: its contents are kept, and tar can read them.
DISK  := $(BUILD)/disk.tar
run: $(VMM) $(OS1K_DISK)  ## boot 1K OS and type at it
	@if [ ! -e $(DISK) ]; then cp $(OS1K_DISK) $(DISK); \
	    echo "$(DISK) is its disk from now on; remove it to begin with a new one"; \
	elif [ $(OS1K_DISK) -nt $(DISK) ]; then \
	    echo "$(DISK) is older than what was built; remove it to have the new programs"; fi
	@$(VMM) run --disk $(DISK) $(OS1K) || { status=$$?; [ $$status = 130 ] || exit $$status; }  # quitting is no error

# `make debug K=FILE O='OPTION...'`: any kernel, with options of `vmm run`. Of 1K OS, its first Rust function.
.PHONY: debug
K := $(OS1K)
debug: $(VMM) $(OUT)/vmm.gdb $(if $(filter $(OS1K),$(K)),$(OS1K_DISK))  ## debug 1K OS, or K=kernel.elf, in gdb: docs/debugging.md
	@.ci/need "debugging" gdb:gdb
	@vmm/gdb/debug.sh $(VMM) $(K) $(if $(filter $(OS1K),$(K)),kernel_main --disk $(OS1K_DISK)$(comma)ro,-) $(O)

DEMO := multiplication counter hello hctest
demo: $(VMM) $(OS1K_DISK) $(DEMO:%=$(BUILD)/guests/%.bin)  ## run four assembly guests and 1K OS side by side
	@$(VMM) run --guests guests/demo.list || { status=$$?; [ $$status = 130 ] || exit $$status; }

guests: $(VMM) $(GUEST_FILES)  ## run every assembly guest and show its result
	@tests/guests.sh $(VMM) </dev/null

lab: all need-lab  ## run the guests and 1K OS on real KVM, inside an emulated machine
	@tests/run -v lab $(VMM) </dev/null

# The processor that Bochs emulates; `bochs --help cpu` names them. Those with VMX that were tried are in tests/lab/README.md.
MODEL := corei7_haswell_4770
lab-intel: all need-lab-intel  ## the same on Intel's VMX, emulated by Bochs; MODEL=NAME is the processor
	@MODEL=$(MODEL) tests/run -v lab-intel $(VMM) </dev/null

# ---- measuring, and tests ----

include bench/bench.mk
include tests/tests.mk

# ---- the documents ----

include docs/docs.mk

# ---- the rest ----

.PHONY: all clean distclean help format
clean:  ## remove what was built, keep what was downloaded
	$(Q)rm -rf $(BUILD)/vmm $(BUILD)/vmm.gdb $(BUILD)/debug $(BUILD)/obj $(BUILD)/san $(BUILD)/tsan $(BUILD)/cov $(BUILD)/coverage $(BUILD)/boot $(BUILD)/guests $(BUILD)/os1k \
	    $(BUILD)/*-linux-* $(OS1K) $(OS1K_DISK) $(BUILD)/tests $(BUILD)/bench $(BUILD)/conformance $(BUILD)/random $(BUILD)/fuzz \
	    $(BUILD)/talk $(BUILD)/cast2svg

distclean:  ## remove everything that is not in the repository
	$(Q)rm -rf $(BUILD)

format:  ## put the C sources into the project's style
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

help:  ## this list
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

-include $(shell find $(BUILD) -name '*.d' -not -path '$(BUILD)/rust/*' -not -path '$(BUILD)/lab/*' 2>/dev/null)
