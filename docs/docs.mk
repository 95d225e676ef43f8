# The page of deaths, the recordings, the pictures made of them, and the talk. Included by the Makefile.

CASTS    := demo os1k
CAST2SVG := $(OUT)/cast2svg

.PHONY: when-it-dies
when-it-dies: $(VMM) $(DEATH_FILES)  ## write what is said of the kernels in docs/when-it-dies.md again
	@docs/when-it-dies.sh $(VMM)

.PHONY: recordings pictures
recordings: $(VMM) $(OS1K_DISK) $(GUEST_FILES)  ## record the demonstrations again, and make their pictures
	@.ci/need "recording" tmux:tmux
	@for cast in $(CASTS); do docs/recordings/$$cast.sh $(VMM) docs/recordings/$$cast.cast || exit 1; done
	@$(MAKE) --no-print-directory pictures

# Not by their files' times: they are in the repository, and tests compare them with what is made here.
pictures: $(CAST2SVG)  ## make the moving pictures of the recordings
	@for cast in $(CASTS); do \
	    echo "  SVG     docs/pictures/$$cast.svg"; \
	    $(CAST2SVG) docs/recordings/$$cast.cast >docs/pictures/$$cast.svg || exit 1; \
	done

$(CAST2SVG): $(addprefix $(OUT)/obj/,docs/recordings/cast2svg.o vmm/front/screen/vt.o vmm/front/screen/grid.o vmm/console/sink.o)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

test: $(CAST2SVG)

# ---- the talk: build/talk/talk.ko.html, talk.en.html, and PDF ----

TALK      := $(BUILD)/talk
DECKS     := $(TALK)/talk.ko.html $(TALK)/talk.en.html
FONTS     := docs/talk/fonts.conf
NEED_TALK := pandoc:pandoc chromium:chromium fc-match:fontconfig \
             /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc:fonts-noto-cjk \
             /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf:fonts-dejavu-core

.PHONY: talk need-talk
talk: $(DECKS) $(DECKS:html=pdf)  ## make the slides, in Korean and English
	@echo "  $^"

need-talk:
	@.ci/need "the talk" $(NEED_TALK)

# What slides show of the recordings, at which second, and of the program itself.
$(TALK)/demo-still.svg: AT := 13
$(TALK)/os1k-still.svg: AT := 27
$(TALK)/%-still.svg: docs/recordings/%.cast $(CAST2SVG)
	@mkdir -p $(@D)
	$(Q)$(CAST2SVG) --at $(AT) $< >$@

$(TALK)/divide.txt: $(VMM) $(BUILD)/guests/divide.bin
	@mkdir -p $(@D)
	$(Q)$(VMM) run --cpu soft --mode pm32 $(BUILD)/guests/divide.bin 2>&1 </dev/null | sed -n '1,2p;/^  eip/p' >$@

$(TALK)/sweep.txt: $(VMM) $(BUILD)/guests/race_counter.elf tests/scenarios/races/counter.t
	@mkdir -p $(@D)
	$(Q)$(VMM) sweep --irq 0 tests/scenarios/races/counter.t >$@ 2>&1; [ $$? = 1 ]

# The option has another name since pandoc 2.19.
EMBED = $(if $(findstring embed-resources,$(shell pandoc --help)),--embed-resources,--self-contained)
SHOWN := $(CASTS:%=$(TALK)/%-still.svg) $(TALK)/divide.txt $(TALK)/sweep.txt
$(DECKS): $(TALK)/talk.%.html: docs/talk/slides.md docs/talk/deck.lua docs/talk/deck.html docs/talk/deck.css \
        docs/talk/deck.js $(SHOWN) $(wildcard docs/pictures/* docs/performance.md docs/performance/*) | need-talk
	@echo "  PANDOC  $@"
	$(Q)pandoc --from markdown --to html5 --section-divs $(EMBED) --fail-if-warnings --no-highlight \
	    --metadata language=$* --lua-filter docs/talk/deck.lua --template docs/talk/deck.html \
	    --resource-path docs/talk:docs:$(TALK) -o $@ docs/talk/slides.md

$(TALK)/%.pdf: $(TALK)/%.html $(FONTS) | need-talk
	@echo "  PDF     $@"
	$(Q)FONTCONFIG_FILE=$(abspath $(FONTS)) chromium --headless --no-sandbox --no-pdf-header-footer --virtual-time-budget=5000 \
	    --print-to-pdf=$@ file://$(abspath $<) >$@.log 2>&1 || { cat $@.log; exit 1; }

test: $(DECKS)
