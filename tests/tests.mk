# Tests: unit tests under sanitizers, the software CPU against the host's processor, then everything
# that runs guests. Included by the Makefile.

UNIT      := $(patsubst tests/%.c,$(OUT)/tests/%,$(wildcard tests/unit/test_*.c tests/cpu/test_*.c))
SILICON   := $(BUILD)/tests/cpu/test_silicon
RANDOM    := $(BUILD)/random/privileged.bin
DEATHS    := $(basename $(notdir $(wildcard tests/deaths/*.asm)))
DEATHS_FLAT := $(basename $(notdir $(shell grep -l '^; image: *flat' tests/deaths/*.asm)))
DEATH_FILES := $(DEATHS_FLAT:%=$(BUILD)/deaths/%.bin) \
               $(patsubst %,$(BUILD)/deaths/%.elf,$(filter-out $(DEATHS_FLAT),$(DEATHS)))
BIOS_TESTS := $(patsubst tests/bios/%.asm,$(BUILD)/bios/%.img,$(wildcard tests/bios/*.asm))
PICTURES  := $(patsubst tests/pictures/%.asm,$(BUILD)/pictures/%.img,$(wildcard tests/pictures/*.asm))
CONFORM   := $(patsubst tests/conformance/%.asm,$(BUILD)/conformance/%.bin,$(wildcard tests/conformance/*.asm))

# The VMM on a processor that isn't x86: there the tests themselves are one.
OTHER     := $(if $(filter x86_64,$(shell uname -m)),aarch64-linux-gnu)

# Every edit: `make check`, a minute. Before a submission: `make test`, all there is.
.PHONY: check test unit unit-build deaths
deaths: $(VMM) $(DEATH_FILES)  ## run each small kernel that dies of a mistake, and see what is said
	@tests/deaths.sh $(VMM) </dev/null

check: $(VMM) $(OUT)/libvmm.a $(OS1K_DISK) $(GUEST_FILES) $(DEATH_FILES) $(BIOS_TESTS) $(PICTURES) $(CONFORM) need-test  ## run what tests an edit in a minute: unit tests, guests and 1K OS on the software CPU, scenarios
	@$(MAKE) --no-print-directory SAN=1 unit-build $(BUILD)/san/vmm
	@tests/run check $(VMM) </dev/null

test: $(VMM) $(OUT)/libvmm.a $(OS1K_DISK) $(GUEST_FILES) $(DEATH_FILES) $(BIOS_TESTS) $(PICTURES) $(CONFORM) $(RANDOM) $(SILICON) $(COMPARED) need-test need-lab need-bench need-report need-browser  ## run all tests
	@$(MAKE) --no-print-directory SAN=1 unit-build $(BUILD)/san/vmm
	@$(MAKE) --no-print-directory TSAN=1 $(BUILD)/tsan/vmm
	$(if $(OTHER),@$(MAKE) --no-print-directory CROSS=$(OTHER) $(BUILD)/$(OTHER)/vmm)
	@tests/run test $(VMM) </dev/null

unit: $(SILICON) $(GUEST_FILES) need-test  ## run the unit tests alone, under sanitizers
	@$(MAKE) --no-print-directory SAN=1 unit-build
	@tests/run unit </dev/null

# Counted by the unit tests and those that run guests on the software CPU, and by a few of these on KVM.
# The counts of the last time are removed first.
NEED_COVERAGE := gcovr:gcovr gcov:gcc
.PHONY: coverage
coverage: $(OS1K_DISK) $(GUEST_FILES) $(DEATH_FILES) $(BIOS_TESTS) $(PICTURES) $(CONFORM) need-test need-lab  ## count the lines of each room of vmm/ that tests execute
	@.ci/need "coverage" $(NEED_COVERAGE)
	@$(MAKE) --no-print-directory COV=1 unit-build $(BUILD)/cov/vmm
	@find $(BUILD)/cov -name '*.gcda' -delete
	@status=0; for tier in coverage $(if $(OTHER),coverage-kvm); do \
	    tests/run $$tier tests/unsandboxed </dev/null || status=1; \
	done; tests/coverage && exit $$status

unit-build: $(UNIT)

# Those of cmocka can run one test alone.
$(patsubst %,$(OUT)/%,$(basename $(wildcard tests/unit/test_*.c)) tests/cpu/test_soft): $(OUT)/obj/tests/unit/only.o
$(UNIT): $(OUT)/tests/%: $(OUT)/obj/tests/%.o $(filter-out $(OUT)/obj/vmm/cli/main.o,$(VMM_OBJECTS)) | need-test
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS) $(VMM_LIBS)

$(OUT)/tests/cpu/test_decode: LDLIBS := -lZydis

# Calls that fail when the test says so.
FAILING := malloc calloc realloc strdup realpath open_memstream fdopen eventfd epoll_create1 socket socketpair \
           signalfd fork pthread_create
$(OUT)/tests/unit/test_host_failures: LDLIBS := $(FAILING:%=-Wl,--wrap=%)
$(OUT)/obj/tests/%.o: | need-test

lab lab-intel: $(CONFORM) $(RANDOM) $(DEATH_FILES) $(BIOS_TESTS) $(PICTURES)

# Guests that die of one mistake each. (-w: of a macro of nasm 2.16 itself, alignb)
$(BUILD)/deaths/%.elf: tests/deaths/%.asm tests/deaths/kit.inc linker/guest.ld | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -w-unknown-warning -Itests/deaths/ -f elf32 -g -F dwarf -o $(@:.elf=.o) $<
	$(Q)ld.lld -m elf_i386 -T linker/guest.ld -o $@ $(@:.elf=.o)

$(BUILD)/deaths/%.bin: tests/deaths/%.asm tests/deaths/kit.inc | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -w-unknown-warning -Itests/deaths/ -f bin -o $@ $<

# Boot sectors that call services of the BIOS.
$(BUILD)/bios/%.img: tests/bios/%.asm tests/bios/kit.inc | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -w-unknown-warning -Itests/bios/ -f bin -o $@ $<

# A guest that draws.
$(BUILD)/pictures/%.img: tests/pictures/%.asm | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -f bin -o $@ $<

$(BUILD)/conformance/%.bin: tests/conformance/%.asm $(wildcard tests/conformance/*.inc) | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Iguests/ -Itests/conformance/ -f bin -o $@ $<

$(BUILD)/random/%.bin: tests/random/%.asm $(wildcard tests/conformance/*.inc) | need-build
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)nasm -Wall -Werror -Iguests/ -Itests/conformance/ -f bin -o $@ $<

# ---- fuzzing: each corpus in `make test`; make fuzz FUZZ_SECONDS=600 by hand, or every night ----

FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS      := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_REPLAYS := $(FUZZ_SOURCES:%.c=$(OUT)/%)
FUZZ_SECONDS := 60
FUZZ_FLAGS   := -std=c11 -D_GNU_SOURCE -O1 -g -pthread -MMD -MP -Ivmm -fno-sanitize-recover=all
NEED_FUZZ    := clang:clang $(wildcard /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a):libclang-rt-14-dev

unit-build: $(FUZZ_REPLAYS)

$(FUZZ_REPLAYS): $(OUT)/tests/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(OUT)/obj/tests/fuzz/replay.o $(filter-out $(OUT)/obj/vmm/cli/main.o,$(VMM_OBJECTS))
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(VMM_LIBS)

.PHONY: fuzz
fuzz: $(FUZZERS)  ## fuzz whatever takes bytes from outside, FUZZ_SECONDS=60 each
	@failed=; for fuzzer in $(FUZZERS); do \
	    name=$${fuzzer##*/fuzz_}; mkdir -p $(BUILD)/fuzz/corpus/$$name; \
	    echo "  FUZZ    $$name, $(FUZZ_SECONDS) s"; \
	    $$fuzzer -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=$(BUILD)/fuzz/$$name- $(BUILD)/fuzz/corpus/$$name tests/fuzz/corpus/$$name || \
	        failed="$$failed $$name"; \
	done; [ -z "$$failed" ] || { echo "failed, with their inputs in $(BUILD)/fuzz:$$failed"; exit 1; }

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out vmm/cli/%.c,$(VMM_SOURCES))) $(BUILD)/obj/vmm/base/blobs.o
	@echo "  LD      $@"
	$(Q)clang -pthread -fsanitize=fuzzer,address,undefined -o $@ $^ -lm

.SECONDARY: $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/obj/%.o)
$(BUILD)/fuzz/obj/%.o: %.c
	@.ci/need "fuzzing" $(NEED_FUZZ)
	@mkdir -p $(@D)
	@echo "  CLANG   $<"
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
