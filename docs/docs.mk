# The recordings, the pictures made of them, and the talk. Included by the Makefile.

CASTS    := demo os1k
PICTURES := $(CASTS:%=docs/pictures/%.svg)
CAST2SVG := $(OUT)/cast2svg

.PHONY: recordings pictures
recordings: $(VMM) $(OS1K_DISK) $(GUEST_FILES)  ## record the demonstrations again, and make their pictures
	@.ci/need "recording" tmux:tmux
	@for cast in $(CASTS); do docs/recordings/$$cast.sh $(VMM) docs/recordings/$$cast.cast || exit 1; done
	@$(MAKE) --no-print-directory pictures

pictures: $(PICTURES)  ## make the moving pictures of the recordings

$(PICTURES): docs/pictures/%.svg: docs/recordings/%.cast $(CAST2SVG)
	@echo "  SVG     $@"
	$(Q)$(CAST2SVG) $< >$@

$(CAST2SVG): $(addprefix $(OUT)/obj/,docs/recordings/cast2svg.o vmm/screen/vt.o vmm/screen/grid.o vmm/console/sink.o)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

test: $(CAST2SVG)
