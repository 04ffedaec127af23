# pam_approve. `make help` lists what can be made.
VERSION = 0.1.0
PREFIX ?= /usr
DESTDIR ?=
SYSCONFDIR ?= /etc
PAMDIR ?= $(PREFIX)/lib/$(shell $(CC) -print-multiarch 2>/dev/null)/security
B ?= build

CC ?= gcc
PKGS = libcurl jansson openssl
WARNINGS = -std=c11 -Wall -Wextra -Wconversion -Wshadow
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIC
CFLAGS ?= -O2 -g
ifeq ($(CI),true)
WERROR = -Werror
endif
ifeq ($(SANITIZE),1)
B := build/sanitize
HARDENING = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -fPIC
SANITIZE_LINK = -fsanitize=address,undefined
STOCK_MODULE = $(B)/stock/pam_approve.so
endif
ALL_CPPFLAGS = -I. -I$(B)/gen -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' $(CPPFLAGS)
ALL_CFLAGS = $(WARNINGS) $(WERROR) $(HARDENING) $(CFLAGS) $(shell pkg-config --cflags $(PKGS))
LINK = $(CC) $(CFLAGS) $(SANITIZE_LINK) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -linih -levent_openssl -levent -lsqlite3 -lqrencode -lseccomp -lpthread

sources = $(filter-out %/main.c,$(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(B)/obj/%.o,$(call sources,$(1)))
PROGRAMS = $(B)/approve-helper $(B)/approve-server $(B)/approve-phone $(B)/approvectl
MODULE = $(B)/pam_approve.so
ARCHIVES = $(B)/libphone.a $(B)/libbackend.a $(B)/libhelper.a $(B)/libapprovectl.a $(B)/libcommon.a
CATALOGUES = $(patsubst po/%.po,$(B)/locale/%/LC_MESSAGES/pam_approve.mo,$(wildcard po/*.po))
MAN = $(patsubst docs/man/%.scd,$(B)/man/%,$(wildcard docs/man/*.scd))
UNIT = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
MODULE_TESTS = $(patsubst tests/module/%.c,$(B)/tests/module/%,$(wildcard tests/module/test_*.c))
MODULE_TEST_PARTS = $(patsubst %.c,$(B)/obj/%.o,$(filter-out tests/module/test_%,$(wildcard tests/module/*.c)))

.PHONY: all po help deps demo check check-newer-openssh test lint bench install uninstall clean distclean format man
.DELETE_ON_ERROR:

all: $(MODULE) $(STOCK_MODULE) $(PROGRAMS) $(MAN) $(CATALOGUES) ## build everything

help: ## this list
	@echo 'pam_approve $(VERSION): approve Linux logins from a phone'; echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile tests/fuzz/fuzz.mk | column -t -s'|'
	@echo; echo 'Variables: DESTDIR, PREFIX=$(PREFIX), SYSCONFDIR=$(SYSCONFDIR), PAMDIR, CFLAGS, SANITIZE=1, TESTS="names"'

# --- programs ---------------------------------------------------------------------------------------------------------
$(B)/approve-helper: $(B)/obj/helper/main.o $(B)/libhelper.a $(B)/libcommon.a
$(B)/approve-server: $(B)/obj/backend/main.o $(B)/libbackend.a $(B)/libcommon.a
$(B)/approve-phone: $(B)/obj/phone/terminal/main.o $(B)/libphone.a $(B)/libcommon.a
$(B)/approvectl: $(B)/obj/approvectl/main.o $(B)/libapprovectl.a $(B)/libhelper.a $(B)/libcommon.a
$(PROGRAMS):
	$(LINK) -o $@ $^ $(LIBS) $(EXTRA_LIBS)
$(B)/approvectl: EXTRA_LIBS = -lpam

$(B)/libcommon.a: $(call objects,common)
$(B)/libhelper.a: $(call objects,helper)
$(B)/libbackend.a: $(call objects,backend)
$(B)/libphone.a: $(call objects,phone/terminal)
$(B)/libapprovectl.a: $(call objects,approvectl)
$(ARCHIVES):
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^

# The module: libpam and libc, nothing else; it exports pam_sm_* only.
MODULE_COMMON = $(patsubst %,$(B)/obj/common/%.o,frame sanitize clock)
$(MODULE): $(call objects,pam_module) $(MODULE_COMMON) pam_module/pam_approve.map
	$(CC) $(CFLAGS) $(SANITIZE_LINK) -shared -Wl,-z,relro,-z,now,-z,defs,-z,nodelete -Wl,--as-needed \
	    -Wl,--version-script=pam_module/pam_approve.map $(LDFLAGS) -o $@ $(filter %.o,$^) -lpam
# A program that was built without AddressSanitizer can't load a module that was built with it: sshd and sudo get this one.
$(B)/stock/pam_approve.so: FORCE
	@$(MAKE) --no-print-directory -s SANITIZE= B=$(@D) $@
FORCE:

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/backend/store_sqlite.o: $(B)/gen/schema.h
$(B)/gen/schema.h: backend/schema.sql
	@mkdir -p $(@D)
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@

man: $(MAN)
# Lines such as `%commands PROGRAM` in a page are filled in from that program's own tables (docs/man/fill).
$(B)/man/%: docs/man/%.scd docs/man/fill $(PROGRAMS)
	@mkdir -p $(@D)
	LC_ALL=C docs/man/fill $(B) < $< | scdoc > $@

# --- languages --------------------------------------------------------------------------------------------------------
$(B)/locale/%/LC_MESSAGES/pam_approve.mo: po/%.po
	@mkdir -p $(@D)
	msgfmt --check --output-file=$@ $<

# The texts as they stand in the sources: the template of every catalogue.
TEXTS = $(sort $(foreach folder,common helper backend approvectl phone/terminal,$(wildcard $(folder)/*.c $(folder)/*.h $(folder)/*.def)))
$(B)/pam_approve.pot: $(TEXTS)
	@mkdir -p $(@D)
	xgettext --language=C --from-code=UTF-8 --keyword=_ --keyword=N_ --flag=_:1:pass-c-format --flag=N_:1:pass-c-format \
	    --sort-by-file --no-location --no-wrap --package-name=pam_approve --package-version='$(VERSION)' --output=$@ $(TEXTS)
	sed -i '/^"POT-Creation-Date/d' $@ # or each run would change every catalogue

po: $(B)/pam_approve.pot ## bring po/*.po up to date with the sources, for translators
	for po in po/*.po; do msgmerge --quiet --no-fuzzy-matching --no-wrap --no-location --backup=none --update $$po $<; done

# --- tests ------------------------------------------------------------------------------------------------------------
$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(LINK) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group -lcmocka $(LIBS) -lpam
$(B)/tests/bench/load $(B)/tests/bench/phone: $(B)/obj/tests/bench/load_line.o $(B)/obj/tests/bench/load_world.o
$(B)/tests/bench/%: $(B)/obj/tests/bench/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS) -lpam
$(B)/tests/module/%: $(B)/obj/tests/module/%.o $(MODULE_TEST_PARTS) $(B)/libcommon.a $(MODULE)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(filter %.o %.a,$^) -lcmocka -lpam $(LIBS)
.SECONDARY:

deps: ## install the Debian packages that building needs (check, demo and bench install theirs)
	@tests/install-packages build

test: all $(UNIT) $(MODULE_TESTS) ## build and run the tests (packages must be there, tests/install-packages): TESTS="name …" picks some
	@B=$(B) SANITIZE=$(SANITIZE) tests/run $(TESTS)

check: ## install what is needed, build, lint, run every test
	@tests/install-packages
	@$(MAKE) --no-print-directory -s CI=true all
	@$(MAKE) --no-print-directory -s CI=true test

check-newer-openssh: ## sign in with the OpenSSH of Debian testing (downloads it)
	@tests/install-packages
	@$(MAKE) --no-print-directory -s all
	@B=$(B) tests/login/newer_openssh.py

demo: ## sign in with ssh, approved by a phone, in a sandbox
	@tests/install-packages demo
	@$(MAKE) --no-print-directory -s all
	@tests/demo

bench: ## measure, beside other software in the same run (docs/benchmarks.md)
	@tests/install-packages
	@tests/install-packages bench
	@$(MAKE) --no-print-directory -s all $(patsubst %,$(B)/tests/bench/%,load phone pam_time push_tool)
	@B=$(B) tests/bench/run

lint: ## clang-format, clang-tidy, cppcheck, shellcheck, no long lines
	@tests/lint

include tests/fuzz/fuzz.mk

format: ## reformat the C sources
	clang-format -i $$(git ls-files '*.c' '*.h')

# --- install ----------------------------------------------------------------------------------------------------------
install: all ## install below DESTDIR, PREFIX
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' SYSCONFDIR='$(SYSCONFDIR)' PAMDIR='$(PAMDIR)' B='$(B)' conf/install

uninstall: ## remove what install put there (configuration and state stay)
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' SYSCONFDIR='$(SYSCONFDIR)' PAMDIR='$(PAMDIR)' B='$(B)' conf/install --remove

clean: ## remove what was built
	rm -rf $(B)/obj $(B)/gen $(B)/tests $(B)/man $(B)/locale $(B)/pam_approve.pot $(ARCHIVES) $(PROGRAMS) $(MODULE)

distclean: ## remove the caches too
	rm -rf build
	tests/desktop/root --remove

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
