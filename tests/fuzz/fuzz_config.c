/* Configuration files. Whoever writes them is root, but a damaged one must not pass for a good one.
 */
#include "common/config.h"
#include "common/sanitize.h"
#include "tests/fuzz/fuzz.h"

static const struct config_option options[] = {
    {"host", "name", CONFIG_TEXT, 1, 12, NULL, NULL, CONFIG_NEITHER, "Name.", NULL},
    {"host", "url", CONFIG_TEXT, 0, 300, NULL, "", CONFIG_NEITHER, "URL.", NULL},
    {"backend", "timeout", CONFIG_INTEGER, -5, 30, NULL, "5", CONFIG_LOWER, "Seconds.", NULL},
    {"service *", "ask", CONFIG_BOOLEAN, 0, 0, NULL, "yes", CONFIG_HIGHER, "Ask.", NULL},
    {"service *", "number", CONFIG_CHOICE, 0, 0, "off choose enter", "enter", CONFIG_HIGHER, "How.",
     NULL},
    {"service *", "except", CONFIG_LIST, 0, 4096, NULL, "", CONFIG_LOWER, "Who not.", NULL},
    {0},
};

static bool check_word(void *arg, const char *word)
{
    (void)arg;
    MUST(*word && !strpbrk(word, " ,\t"));
    return true;
}

static void check_values(const struct config *config, const char *section)
{
    int number = config_choice(config, section, "number");
    const char *except = config_text(config, section, "except");

    MUST(config_has_section(config, section));
    MUST(number >= 0 && number <= 2);
    (void)config_boolean(config, section, "ask");
    MUST(strlen(except) <= 4096 && sanitize_is_clean(except));
    config_each(except, check_word, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), why[1024] = "";
    struct config *config = config_parse("f", text, options, why, sizeof(why));
    const char *section;

    if (config) {
        long timeout = config_integer(config, "backend", "timeout");
        MUST(timeout >= -5 && timeout <= 30);
        if (config_is_set(config, "host", "name"))
            MUST(strlen(config_text(config, "host", "name")) <= 12);
        for (size_t i = 0; (section = config_section(config, i)); i++)
            if (strncmp(section, "service ", 8) == 0)
                check_values(config, section);
    } else {
        MUST(strncmp(why, "f:", 2) == 0);
    }
    config_free(config);
    free(text);
    return 0;
}
