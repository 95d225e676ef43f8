# Tests: unit tests under sanitizers, then everything that runs guests. Included by the Makefile.

UNIT := $(patsubst tests/unit/%.c,$(OUT)/tests/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: test unit unit-build
test: $(VMM) $(OS1K) $(GUEST_FILES) need-test need-lab  ## run all tests
	@$(MAKE) --no-print-directory SAN=1 unit-build
	@tests/run $(VMM) </dev/null

unit: need-test  ## run the unit tests alone, under sanitizers
	@$(MAKE) --no-print-directory SAN=1 unit-build
	@tests/run unit </dev/null

unit-build: $(UNIT)

$(UNIT): $(OUT)/tests/unit/%: $(OUT)/obj/tests/unit/%.o $(filter-out $(OUT)/obj/vmm/main.o,$(VMM_OBJECTS))
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka -lm

$(OUT)/obj/tests/%.o: CFLAGS += -Ivmm
$(OUT)/obj/tests/%.o: | need-test

.PHONY: bench
BENCH := $(BUILD)/bench
bench: $(VMM) $(OS1K) need-test need-lab $(BENCH)/kvm_floor $(BENCH)/latency $(BENCH)/port_storm.bin  ## measure the KVM engine, in the lab where need be
	@if $(VMM) probe -q kvm; then bench/kvm.sh; else $(LAB) --timeout 600 -- bench/kvm.sh; fi </dev/null

$(BENCH)/%: bench/%.c | need-build
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $<

$(BENCH)/%.bin: bench/%.asm | need-build
	@mkdir -p $(@D)
	$(Q)nasm -Wall -Werror -f bin -o $@ $<
