# Measuring: `make bench` compares engines, `make report` writes what came out. Included by the Makefile.
# BENCH=quick: a first look in less than a minute, which stays in build/.

MEASURED := $(BUILD)/bench
PYTHON   := PYTHONPATH=bench PYTHONPYCACHEPREFIX=$(BUILD)/pycache python3

# ---- the comparison ----

COMPARED := $(VMM) $(MEASURED)/guests/guest.img $(MEASURED)/guests/native.elf $(MEASURED)/kvm_floor \
            $(MEASURED)/port_storm.bin
ifeq ($(BENCH),quick)
MEASURE  := --mode quick -o $(MEASURED)/quick.json
RESULTS  := $(MEASURED)/quick.json
REPORT   := --markdown $(MEASURED)/quick.md --plots $(MEASURED)/quick --page $(MEASURED)/quick.html
else
RESULTS   = $(shell ls -tr bench/results/*.json)
REPORT   := --markdown docs/performance.md --plots docs/performance --page $(BUILD)/report.html
endif

.PHONY: bench report
bench: $(COMPARED) need-bench need-lab  ## compare KVM, emulators and the bare processor (BENCH=quick: a first look)
	@$(PYTHON) -m compare measure $(MEASURE)

report: need-report $(filter bench,$(MAKECMDGOALS))  ## write the report of the last bench: docs/performance.md and build/report.html
	@$(PYTHON) -m compare report $(REPORT) $(RESULTS)

# The results that the guest checks itself by.
$(MEASURED)/guests/results.inc: bench/compare/workloads.py | need-bench
	@mkdir -p $(@D)
	$(Q)$(PYTHON) -m compare results >$@

$(MEASURED)/guests/%.elf: bench/guests/%.asm bench/guests/parts.inc $(MEASURED)/guests/results.inc linker/guest.ld | need-build
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Ibench/guests/ -I$(@D)/ -f elf32 -o $(@:.elf=.o) $<
	$(Q)ld.lld -m elf_i386 -T linker/guest.ld -o $@ $(@:.elf=.o)

# A BIOS's way to the same file.
$(MEASURED)/guests/guest.img: bench/guests/disk.asm $(MEASURED)/guests/guest.elf
	$(Q)nasm -Wall -Werror -DPAYLOAD='"$(MEASURED)/guests/guest.elf"' -f bin -o $@ $<

# ---- each engine alone ----

.PHONY: bench-kvm bench-soft bench-many bench-reverse bench-boot
bench-kvm: $(VMM) $(OS1K_DISK) need-bench need-lab $(MEASURED)/kvm_floor $(MEASURED)/latency $(MEASURED)/port_storm.bin  ## measure start-up, exits and idling on KVM, in the lab where need be
	@if $(VMM) probe -q kvm; then bench/kvm.sh; else $(LAB) --timeout 600 -- bench/kvm.sh; fi </dev/null

bench-soft: $(VMM) $(OS1K_DISK) need-bench $(MEASURED)/latency $(MEASURED)/restore $(MEASURED)/dirty.bin  ## measure start-up, idling and snapshots on the software CPU
	@bench/soft.sh

bench-many: $(VMM) $(OS1K) need-bench $(MEASURED)/latency $(MEASURED)/guests/guest.elf  ## measure many guests next to as many processes of QEMU
	@bench/many.sh

bench-boot: $(VMM) need-bench $(MEASURED)/latency  ## measure boot sectors next to QEMU with SeaBIOS
	@bench/boot.sh

bench-reverse: $(VMM) need-bench $(MEASURED)/reverse.bin  ## measure going back in time, watchpoints and steps, by gdb's protocol
	@python3 bench/reverse.py $(VMM) $(MEASURED)/reverse.bin

$(MEASURED)/restore: bench/restore.c $(filter-out $(OUT)/obj/vmm/cli/main.o,$(VMM_OBJECTS)) | need-build
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(VMM_LIBS)

$(MEASURED)/%: bench/%.c | need-build
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $<

$(MEASURED)/%.bin: bench/%.asm | need-build
	@mkdir -p $(@D)
	$(Q)nasm -Wall -Werror -f bin -o $@ $<
