# Fumikura: one Makefile, no recursion. `make demo` and `make check` need nothing but git and make.
#
#   make demo      installs what is missing, builds, shows the whole way of a message
#   make check     installs what is missing, builds, runs every test; last line "N passed, N failed"
#   make all       builds build/fumikura (and fumikura-milter beside it)
#                                                   make serve    runs a server in ./vault
#   make bench     figures beside peers, as ratios  make asan     the tests under ASan and UBSan
#   make soak      the three that take hours: soak-search, soak-mbox, soak-retention
#   make soak-retention  a million random steps of retention beside its model (SOAK_STEPS=, MODEL_SEED=)
#   make soak-mbox an mbox of 10 GB with broken From_ lines (MBOX_MIB=10240): time and memory
#   make soak-search  5,000 random questions to 20,000 messages against a plain scan of them (ORACLE_QUERIES=, ORACLE_SEED=)
#   make fuzz      every parser, FUZZ_SECONDS=60 each, ONLY=pattern; CC=clang: by libFuzzer
#   make lint      clang-tidy, mandoc, house rules  make format   clang-format
#   make install   PREFIX=/usr/local DESTDIR=       make clean
#
# Two builds of the program: build/ is what is installed; build/test/ has fault points and a clock
# that tests set (-DFK_TESTING); build/asan/ is that under the sanitizers.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD := build
VERSION := 0.1.0

LIBS := libzstd libssl libcrypto gmime-3.0 libmicrohttpd icu-uc icu-i18n jansson libxml-2.0 libgsf-1 libseccomp libconfuse libcurl libarchive libargon2
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
LDLIBS := $(PKG_LIBS) -llmdb -lxapian -lytnef -lstdc++ -lpthread -lm

WARN := -Wall -Wextra -Wformat=2 -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough -Wshadow \
        -Wundef -Wwrite-strings -Werror
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-clash-protection -fstack-protector-strong \
          -fcf-protection=full -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks \
          -fno-strict-overflow -fno-strict-aliasing -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,ibt,-z,shstk
CPPFLAGS := -I. -D_GNU_SOURCE -DFK_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
CFLAGS := -std=c11 -O2 -g $(WARN) -Wstrict-prototypes -Wmissing-prototypes -include base/banned.h $(HARDEN)
CXXFLAGS := -std=c++17 -O2 -g $(WARN) $(HARDEN)
# What is installed is optimised as a whole, which saves indexing a tenth of its CPU, and at -O3 another
# twenty-fifth. Not the test builds: each of their programs would be linked so.
ifneq (,$(findstring Free Software Foundation,$(shell $(CC) --version 2>/dev/null)))
WHOLE := -flto=auto -O3
AR := gcc-ar
endif
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# Instrumented code makes gcc see faults that the source does not have: warnings are judged elsewhere.
ASAN_FLAGS := -std=c11 -O1 -g $(filter-out -Werror,$(WARN)) -Wno-conversion -Wno-format-truncation -Wstrict-prototypes -Wmissing-prototypes -include base/banned.h \
              -fno-strict-aliasing -fPIE $(SAN)

ROOMS := base archiver/vault archiver/intake archiver/auth archiver/milter search retention tape-export \
         indexer $(addprefix indexer/,text record transaction store reading)
# main alone stays outside the library, so that unit programs can link the commands too.
MAIN_C := cli/fumikura.c
# What has libmilter in it is in a program of its own alone (docs/decisions/0011).
MILTER_C := archiver/milter/milter_main.c archiver/milter/session.c
MILTER_LIBS := $(shell pkg-config --libs milter libseccomp 2>/dev/null)
ROOM_C := $(filter-out $(MILTER_C),$(wildcard $(addsuffix /*.c,$(ROOMS)))) $(filter-out $(MAIN_C),$(wildcard cli/*.c))
ROOM_CC := $(wildcard indexer/store/*.cc)
# Files that a page or a text is made of are linked in as they are (the page goes onto every tape,
# the example becomes the configuration that `init` writes).
EMBED := $(wildcard search/web/* tape-export/text/*) docs/format-vault.md fumikura.conf.example
UNIT_C := $(filter-out tests/unit/support/%,$(wildcard tests/unit/*/test_*.c))
SUPPORT_C := $(wildcard tests/unit/support/*.c)
TOOL_C := $(wildcard tests/tools/*.c)
FUZZ_C := $(wildcard tests/fuzz/*.c)
FUZZ_SUPPORT_C := tests/fuzz/support/fuzz.c tests/fuzz/support/document.c tests/fuzz/support/patch.c
FUZZ_EMBED := $(wildcard tests/fuzz/stamp/*)
# A fuzz program's main is ours or, of clang, libFuzzer's.
FUZZ_MAIN_C := tests/fuzz/support/driver.c tests/fuzz/support/mutate.c
CLANG := $(findstring clang,$(CC))
FUZZ := $(BUILD)/fuzz$(if $(CLANG),-clang)

define objects # $(1) directory of a build, $(2) sources
$(patsubst %.cc,$(1)/%.o,$(patsubst %.c,$(1)/%.o,$(2)))
endef
EMBED_O = $(patsubst %,$(1)/embed/%.o,$(EMBED))
room_objects = $(call objects,$(1),$(ROOM_C) $(ROOM_CC)) $(call EMBED_O,$(1))

# Programs of their own, for libraries that the house keeps apart (docs/decisions/0010).
AUTHCHECK_C := $(wildcard archiver/authcheck/*.c)
AUTHCHECK_LIBS := -lopendkim -lspf2 -lopendmarc -lpsl -lunbound -lseccomp -lcrypto -lpthread

PROGRAM := $(BUILD)/fumikura
MILTER := $(BUILD)/fumikura-milter
TEST_PROGRAM := $(BUILD)/test/fumikura $(BUILD)/test/fumikura-milter
ASAN_PROGRAM := $(BUILD)/asan/fumikura $(BUILD)/asan/fumikura-milter
# Other libraries that the house keeps apart (docs/decisions/0010).
APART := fumikura-authcheck
apart_programs = $(addprefix $(1)/,$(APART))
unit_programs = $(patsubst tests/unit/%.c,$(1)/unit/%,$(UNIT_C))
tool_programs = $(patsubst tests/tools/%.c,$(1)/tools/%,$(TOOL_C))
fuzz_programs = $(patsubst tests/fuzz/%.c,$(1)/fuzz/%,$(FUZZ_C))

.PHONY: all demo serve check check-quick asan bench soak soak-retention soak-mbox soak-search fuzz lint format install clean deps deps-check \
        deps-bench check-layers check-headers check-hardening test-build asan-build \
        run-demo run-serve run-check run-check-quick run-asan run-bench run-fuzz run-lint
.DEFAULT_GOAL := all

# What must work on a bare machine installs first and then starts make anew, so that pkg-config's
# answers, which are read at the top, are there.
ANEW = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
demo check asan fuzz:
	@sh tests/deps.sh build check
	@$(ANEW) run-$@
serve check-quick:
	@sh tests/deps.sh build $(if $(filter check-quick,$@),check)
	@$(ANEW) run-$@
bench:
	@sh tests/deps.sh build check bench
	@$(ANEW) run-bench
lint:
	@sh tests/deps.sh build lint
	@$(ANEW) run-lint

all: $(PROGRAM) $(MILTER) $(call apart_programs,$(BUILD))
ifeq ($(PKG_LIBS),)
$(PROGRAM): missing-libraries
missing-libraries:
	@echo "libraries are missing: 'make deps' installs them, and 'pkg-config --print-errors --exists $(LIBS)' names them" >&2
	@false
endif

run-demo: $(PROGRAM) $(MILTER) $(call tool_programs,$(BUILD))
	@bash tests/demo.sh $(PROGRAM)
run-serve: $(PROGRAM) $(MILTER)
	@test -e vault/fumikura.conf || $(PROGRAM) init vault
	@exec $(PROGRAM) -C vault serve
run-check: $(PROGRAM) $(MILTER) test-build check-layers check-headers check-hardening
	@bash tests/run.sh $(BUILD)/test
# Unit tests and quick cases only; for the minute between two edits.
run-check-quick: test-build check-layers
	@bash tests/run.sh $(BUILD)/test quick
run-asan: asan-build
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
	  LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp bash tests/run.sh $(BUILD)/asan
# What breaks a parser is left in the directory that is named. Another seed each time; it is printed.
FUZZ_SECONDS ?= 60
run-fuzz: $(call fuzz_programs,$(FUZZ))
	@FUZZ_SECONDS=$(FUZZ_SECONDS) bash tests/fuzz/run.sh $(FUZZ)
run-bench: $(PROGRAM) $(MILTER) $(call tool_programs,$(BUILD))
	@bash tests/bench/run.sh $(PROGRAM)
# Another seed each time; it is printed. What fails leaves its vault in $TEST_DIR.
SOAK_STEPS ?= 1000000
soak: soak-search soak-mbox soak-retention
soak-retention: $(BUILD)/test/unit/retention/test_model
	@export TEST_DIR=$$(mktemp -d /var/tmp/fumikura-soak.XXXXXX); echo "TEST_DIR=$$TEST_DIR"; \
	  MODEL_STEPS=$(SOAK_STEPS) MODEL_SEED=$${MODEL_SEED:-$$(date +%s)} $< && rmdir "$$TEST_DIR"
soak-mbox: $(PROGRAM)
	@bash tests/soak-mbox.sh $<
soak-search: $(PROGRAM) $(BUILD)/tools/texts
	@bash tests/soak-search.sh $<
run-lint: export CPPFLAGS := $(CPPFLAGS)
run-lint:
	@sh tests/lint.sh

test-build: $(TEST_PROGRAM) $(call apart_programs,$(BUILD)/test) $(call unit_programs,$(BUILD)/test) \
            $(call tool_programs,$(BUILD)/test) $(call fuzz_programs,$(BUILD)/test)
asan-build: $(ASAN_PROGRAM) $(call apart_programs,$(BUILD)/asan) $(call unit_programs,$(BUILD)/asan) \
            $(call tool_programs,$(BUILD)/asan) $(call fuzz_programs,$(BUILD)/asan)

# One directory's rules; `embed` objects hold data only, so the linker is told that they may be marked
# for CET as the rest is (-z ibt,shstk).
define build_rules # $(1) directory, $(2) C flags, $(3) C++ flags, $(4) link flags, $(5) sources of a fuzz program's main,
                   # $(6) or a flag for it
$(1)/%.o: %.c
	@mkdir -p $$(@D)
	@echo "  CC  $$@"
	@$$(CC) $$(CPPFLAGS) $(2) -MMD -MP -c -o $$@ $$<
$(1)/%.o: %.cc
	@mkdir -p $$(@D)
	@echo "  CXX $$@"
	@$$(CXX) $$(CPPFLAGS) $(3) -MMD -MP -c -o $$@ $$<
$(1)/embed/%.o: %
	@mkdir -p $$(@D)
	@$$(LD) -r -b binary -z noexecstack -o $$@ $$<
$(1)/libhouse.a: $$(call room_objects,$(1))
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
$(1)/fumikura: $$(call objects,$(1),$$(MAIN_C)) $(1)/libhouse.a
	@echo "  LD  $$@"
	@$$(CC) $(4) -o $$@ $$^ $$(LDLIBS)
# The archive gives it what it uses, so it has none of the other libraries.
$(1)/fumikura-milter: $$(call objects,$(1),$$(MILTER_C)) $(1)/libhouse.a
	@echo "  LD  $$@"
	@$$(CC) $(4) -Wl,--as-needed -o $$@ $$^ $$(MILTER_LIBS) -lpthread
$(1)/fumikura-authcheck: $$(call objects,$(1),$$(AUTHCHECK_C)) $(1)/libhouse.a
	@echo "  LD  $$@"
	@$$(CC) $(4) -o $$@ $$^ $$(AUTHCHECK_LIBS)
# An archive too, so that a unit program has of it what it uses, and may stand in for parts of the house.
$(1)/libsupport.a: $$(call objects,$(1),$$(SUPPORT_C))
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
$(1)/unit/%: $(1)/tests/unit/%.o $(1)/libsupport.a $(1)/libhouse.a
	@mkdir -p $$(@D)
	@echo "  LD  $$@"
	@$$(CC) $(4) -o $$@ $$^ $$(LDLIBS) -lcmocka
$(1)/libfuzz.a: $$(call objects,$(1),$$(FUZZ_SUPPORT_C) $(5)) $$(patsubst %,$(1)/embed/%.o,$$(FUZZ_EMBED))
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
$(1)/fuzz/%: $(1)/tests/fuzz/%.o $(1)/libfuzz.a $(1)/libhouse.a
	@mkdir -p $$(@D)
	@echo "  LD  $$@"
	@$$(CC) $(4) $(6) -o $$@ $$^ $$(LDLIBS)
$(1)/tools/%: $(1)/tests/tools/%.o $(1)/libhouse.a
	@mkdir -p $$(@D)
	@echo "  LD  $$@"
	@$$(CC) $(4) -o $$@ $$^ $$(LDLIBS)
endef
$(eval $(call build_rules,$(BUILD),$(CFLAGS) $(WHOLE),$(CXXFLAGS) $(WHOLE),-O2 $(WHOLE) $(HARDEN) $(HARDEN_LD)))
$(eval $(call build_rules,$(BUILD)/test,$(CFLAGS) -DFK_TESTING,$(CXXFLAGS) -DFK_TESTING,$(HARDEN) $(HARDEN_LD),$(FUZZ_MAIN_C)))
ASAN_CXXFLAGS := -std=c++17 -O1 -g $(filter-out -Werror,$(WARN)) -Wno-conversion $(SAN) -fPIE
$(eval $(call build_rules,$(BUILD)/asan,$(ASAN_FLAGS) -DFK_TESTING,$(ASAN_CXXFLAGS) -DFK_TESTING,$(SAN) -pie,$(FUZZ_MAIN_C)))
# The same, and it tells which way each input went. Of clang: NULL + 0 is no fault
# (C2y), and vptr wants its C++ linker.
TRACE := $(if $(CLANG),-fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow -fno-sanitize=vptr,-fsanitize-coverage=trace-pc)
$(eval $(call build_rules,$(FUZZ),$(ASAN_FLAGS) $(TRACE) -DFK_TESTING,$(ASAN_CXXFLAGS) $(TRACE) -DFK_TESTING,$(SAN) -pie,$(if $(CLANG),,$(FUZZ_MAIN_C)),$(if $(CLANG),-fsanitize=fuzzer)))
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

check-layers:
	@sh tests/check-layers.sh
check-headers:
	@CC="$(CC)" CXX="$(CXX)" FLAGS="$(PKG_CFLAGS)" sh tests/check-headers.sh
check-hardening: $(PROGRAM) $(MILTER) $(call apart_programs,$(BUILD))
	@for p in $^; do sh tests/check-hardening.sh $$p || exit 1; done

format:
	@git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i

deps:
	@sh tests/deps.sh build
deps-check:
	@sh tests/deps.sh build check
deps-bench:
	@sh tests/deps.sh build check bench

install: $(PROGRAM) $(MILTER) $(call apart_programs,$(BUILD))
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/fumikura $(DESTDIR)$(PREFIX)/share/man/man1 \
	  $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/doc/fumikura
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/fumikura
	install -m 755 $(MILTER) $(DESTDIR)$(PREFIX)/libexec/fumikura/fumikura-milter
	install -m 755 $(call apart_programs,$(BUILD)) $(DESTDIR)$(PREFIX)/libexec/fumikura/
	install -m 755 archiver/gateway/fumikura-gateway $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 docs/man/fumikura.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 docs/man/fumikura-query.7 $(DESTDIR)$(PREFIX)/share/man/man7/
	install -m 644 docs/man/fumikura-gateway.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 644 README.md LICENSE fumikura.conf.example docs/*.md docs/openapi.json $(DESTDIR)$(PREFIX)/share/doc/fumikura/
	cp -R docs/decisions docs/systemd $(DESTDIR)$(PREFIX)/share/doc/fumikura/

clean:
	rm -rf $(BUILD)
