# Included by the Makefile. A target is one tests/fuzz/fuzz_*.c with the parts that are named for it below. These may stand in for an object of the product by
# defining all that it exports (a clock, the network): the linker takes from the archives only what is missing.
SECONDS = 10
FUZZ_DIR = $(B)/fuzz
FUZZ_CHECKS = -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_FLAGS = -g -O1 -fno-omit-frame-pointer $(FUZZ_CHECKS)
FUZZ = $(patsubst tests/fuzz/%.c,$(FUZZ_DIR)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_ARCHIVES = $(patsubst %,$(FUZZ_DIR)/lib%.a,helper backend common)
fuzz_objects = $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(call sources,$(1)))

$(FUZZ_DIR)/obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(ALL_CPPFLAGS) $(WARNINGS) $(WERROR) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(FUZZ_DIR)/obj/backend/store_sqlite.o: $(B)/gen/schema.h

$(FUZZ_DIR)/libcommon.a: $(call fuzz_objects,common)
$(FUZZ_DIR)/libhelper.a: $(call fuzz_objects,helper)
$(FUZZ_DIR)/libbackend.a: $(call fuzz_objects,backend)
$(FUZZ_DIR)/libmodule.a: $(call fuzz_objects,pam_module)
$(FUZZ_DIR)/libphone.a: $(call fuzz_objects,phone/terminal)
$(FUZZ_DIR)/libapprovectl.a: $(call fuzz_objects,approvectl)
$(FUZZ_ARCHIVES) $(patsubst %,$(FUZZ_DIR)/lib%.a,module phone approvectl):
	rm -f $@ && ar rcs $@ $^

$(FUZZ): $(FUZZ_DIR)/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o $(FUZZ_ARCHIVES)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(FUZZ_LIBS) $(LIBS)
fuzz_parts = $(patsubst %,$(FUZZ_DIR)/obj/tests/fuzz/%.o,$(1))
$(FUZZ_DIR)/fuzz_api: $(call fuzz_parts,expand quiet api_world api_words)
$(FUZZ_DIR)/fuzz_decision: $(call fuzz_parts,expand)
$(FUZZ_DIR)/fuzz_phone: $(call fuzz_parts,expand) $(FUZZ_DIR)/libphone.a
$(FUZZ_DIR)/fuzz_stack: $(FUZZ_DIR)/libapprovectl.a
$(FUZZ_DIR)/fuzz_helper: $(call fuzz_parts,expand quiet helper_loop helper_net helper_backend helper_bound)

# The module with libpam in one program, so that all that both call can be made to fail.
FUZZ_WRAPPED = malloc calloc realloc strdup __asprintf_chk __vasprintf_chk __syslog_chk socket connect getsockopt getpeername send recvmsg poll open read \
    fcntl lstat stat ioctl tcgetpgrp clock_gettime sigpending
$(FUZZ_DIR)/fuzz_module: $(call fuzz_parts,module_world) $(FUZZ_DIR)/libmodule.a
$(FUZZ_DIR)/fuzz_module: FUZZ_LIBS = $(patsubst %,-Wl$(comma)--wrap=%,$(FUZZ_WRAPPED)) -l:libpam.a
comma := ,

.PHONY: fuzz-targets fuzz fuzz-coverage
fuzz-targets: $(FUZZ)

fuzz: ## feed junk to the parsers, each for SECONDS=10
	@B=$(B) FUZZ_SECONDS=$(SECONDS) tests/fuzz/test_fuzz.sh

fuzz-coverage: ## which lines the fuzz targets reach, after SECONDS=10 each
	@$(MAKE) --no-print-directory -s FUZZ_DIR=$(B)/coverage FUZZ_CHECKS='-fprofile-instr-generate -fcoverage-mapping' fuzz-targets
	@B=$(B) FUZZ_DIR=$(B)/coverage FUZZ_SECONDS=$(SECONDS) tests/fuzz/coverage

-include $(shell find $(FUZZ_DIR)/obj -name '*.d' 2>/dev/null)
