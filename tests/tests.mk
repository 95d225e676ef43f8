# Tests: unit tests under sanitizers, the software CPU against the host's processor, then everything
# that runs guests. Included by the Makefile.

UNIT      := $(patsubst tests/%.c,$(OUT)/tests/%,$(wildcard tests/unit/test_*.c tests/cpu/test_*.c))
SILICON   := $(BUILD)/tests/cpu/test_silicon
RANDOM    := $(BUILD)/random/privileged.bin
CONFORM   := $(patsubst tests/conformance/%.asm,$(BUILD)/conformance/%.bin,$(wildcard tests/conformance/*.asm))

# The VMM on a processor that isn't x86: there the tests themselves are one.
OTHER     := $(if $(filter x86_64,$(shell uname -m)),aarch64-linux-gnu)

.PHONY: test unit unit-build
test: $(VMM) $(OS1K_DISK) $(GUEST_FILES) $(CONFORM) $(RANDOM) $(SILICON) $(COMPARED) need-test need-lab need-bench need-report need-browser  ## run all tests
	@$(MAKE) --no-print-directory SAN=1 unit-build $(BUILD)/san/vmm
	@$(MAKE) --no-print-directory TSAN=1 $(BUILD)/tsan/vmm
	$(if $(OTHER),@$(MAKE) --no-print-directory CROSS=$(OTHER) $(BUILD)/$(OTHER)/vmm)
	@tests/run $(VMM) </dev/null

unit: $(SILICON) $(GUEST_FILES) need-test  ## run the unit tests alone, under sanitizers
	@$(MAKE) --no-print-directory SAN=1 unit-build
	@tests/run unit </dev/null

unit-build: $(UNIT)

$(UNIT): $(OUT)/tests/%: $(OUT)/obj/tests/%.o $(filter-out $(OUT)/obj/vmm/cli/main.o,$(VMM_OBJECTS)) | need-test
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS) $(VMM_LIBS)

$(OUT)/tests/cpu/test_decode: LDLIBS := -lZydis
$(OUT)/obj/tests/%.o: | need-test

lab: $(CONFORM) $(RANDOM)

$(BUILD)/conformance/%.bin: tests/conformance/%.asm $(wildcard tests/conformance/*.inc) | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Iguests/ -Itests/conformance/ -f bin -o $@ $<

$(BUILD)/random/%.bin: tests/random/%.asm $(wildcard tests/conformance/*.inc) | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Iguests/ -Itests/conformance/ -f bin -o $@ $<

# ---- fuzzing, by hand: make fuzz FUZZ_SECONDS=600 ----

FUZZERS      := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS := 60
NEED_FUZZ    := clang:clang $(wildcard /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a):libclang-rt-14-dev

.PHONY: fuzz
fuzz: $(FUZZERS)  ## fuzz the loaders, the software CPU, the disk, snapshots, scenarios and traces, FUZZ_SECONDS=60 each
	@for fuzzer in $(FUZZERS); do \
	    name=$${fuzzer##*/fuzz_}; mkdir -p $(BUILD)/fuzz/corpus/$$name tests/fuzz/corpus/$$name; \
	    echo "  FUZZ    $$name, $(FUZZ_SECONDS) s"; \
	    $$fuzzer -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

$(BUILD)/fuzz/%: tests/fuzz/%.c $(filter-out vmm/cli/%.c,$(VMM_SOURCES)) $(BUILD)/obj/vmm/base/blobs.o
	@.ci/need "fuzzing" $(NEED_FUZZ)
	@mkdir -p $(@D)
	@echo "  CLANG   $@"
	$(Q)clang -std=c11 -D_GNU_SOURCE -O1 -g -pthread -Ivmm -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all -o $@ $^ -lm
