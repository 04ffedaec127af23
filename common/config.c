#include "common/config.h"

#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_value.h"
#include "common/i18n.h"
#include "common/nearest.h"
#include "common/random.h"
#include "common/sanitize.h"

enum { FILE_MAX = 64 * 1024, SECTIONS_MAX = 256, ALLOWED_MAX = 400 };

struct value {
    const struct config_option *option;
    size_t section;
    char *text;
    long number;
    struct value *next;
};

struct config {
    const struct config_option *options;
    char *sections[SECTIONS_MAX + 1]; /* as in the file; NULL at the end */
    size_t count;
    struct value *values;
};

/* The state of reading one text. libinih splits lines; what a line may be is decided here. */
struct reading {
    struct config *config;
    const char *name, *at;
    int line;
    bool expects_value; /* the line has a key that libinih must hand over */
    bool failed;
    char *why;
    size_t why_size;
};

/* "FILE:LINE: …", once: the first fault is the one that is told. */
static void __attribute__((format(printf, 2, 3)))
refuse(struct reading *reading, const char *format, ...)
{
    char text[ALLOWED_MAX + 512];
    va_list args;

    if (reading->failed)
        return;
    reading->failed = true;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(reading->why, reading->why_size, "%s:%d: %s", reading->name, reading->line, text);
}

/* Adds ", word" to a list in a buffer, and offers it as what was meant. */
static void list_allowed(char list[ALLOWED_MAX], const char *word, struct nearest *nearest)
{
    size_t used = strlen(list);

    nearest_offer(nearest, word);
    snprintf(list + used, ALLOWED_MAX - used, "%s%s", used ? ", " : "", word);
}

static void refuse_section(struct reading *reading, const char *section)
{
    const struct config_option *options = reading->config->options;
    char allowed[ALLOWED_MAX] = "", hint[128] = "";
    struct nearest nearest;

    nearest_start(&nearest, section);
    for (size_t i = 0; options[i].section; i++)
        if (config_section_is_first(options, i))
            list_allowed(allowed, options[i].section, &nearest);
    if (nearest.best)
        snprintf(hint, sizeof(hint), _(" (did you mean [%s]?)"), nearest.best);
    refuse(reading, _("unknown section [%.80s]%s; allowed: %s"), section, hint, allowed);
}

static void refuse_key(struct reading *reading, const char *section, const char *key)
{
    const struct config_option *options = reading->config->options;
    char allowed[ALLOWED_MAX] = "", hint[128] = "";
    struct nearest nearest;

    nearest_start(&nearest, key);
    for (size_t i = 0; options[i].section; i++)
        if (config_section_fits(options[i].section, section))
            list_allowed(allowed, options[i].key, &nearest);
    if (nearest.best)
        snprintf(hint, sizeof(hint), _(" (did you mean %s?)"), nearest.best);
    refuse(reading, _("unknown key %.80s in [%s]%s; allowed: %s"), key, section, hint, allowed);
}

static const struct config_option *find_option(const struct config *config, const char *section,
                                               const char *key)
{
    for (const struct config_option *option = config->options; option->section; option++)
        if (strcmp(option->key, key) == 0 && config_section_fits(option->section, section))
            return option;
    return NULL;
}

static const struct value *find_value(const struct config *config, const char *section,
                                      const char *key)
{
    for (const struct value *value = config->values; value; value = value->next)
        if (strcmp(value->option->key, key) == 0 &&
            strcmp(config->sections[value->section], section) == 0)
            return value;
    return NULL;
}

/* A line "[name]". */
static void read_section(struct reading *reading, const char *line)
{
    struct config *config = reading->config;
    size_t len = strlen(line);
    char *name;

    if (line[len - 1] != ']') {
        refuse(reading, _("a section's line ends in ]; a comment needs a line of its own"));
        return;
    }
    name = strndup(line + 1, len - 2);
    if (!name || config->count == SECTIONS_MAX) {
        refuse(reading, _("too many sections; allowed: %d"), SECTIONS_MAX);
        free(name);
        return;
    }
    if (config_has_section(config, name))
        refuse(reading, _("section [%s] stands twice; allowed: once"), name);
    config->sections[config->count++] = name;
    for (size_t i = 0; config->options[i].section; i++)
        if (config_section_fits(config->options[i].section, name))
            return;
    refuse_section(reading, name);
}

/* A line "key = value", as far as libinih would misread it in silence. */
static void check_assignment(struct reading *reading, const char *line)
{
    size_t key = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const char *equals = line + key + strspn(line + key, " \t");
    const char *value;

    if (key == 0 || *equals != '=') {
        refuse(reading, _("not understood; allowed: [section], key = value, # comment"));
        return;
    }
    value = equals + 1 + strspn(equals + 1, " \t");
    for (const char *at = value; *at; at++)
        if ((*at == '#' || *at == ';') && (at == value || at[-1] == ' ' || at[-1] == '\t'))
            refuse(reading, _("a comment needs a line of its own"));
    if (*value == '"' || *value == '\'')
        refuse(reading, _("a value has no quotation marks"));
    if (reading->config->count == 0)
        refuse(reading, _("a key before the first [section]"));
    reading->expects_value = true;
}

static bool is_printable(char *line)
{
    for (char *tab = line; (tab = strchr(tab, '\t')); tab++)
        *tab = ' ';
    return sanitize_is_clean(line);
}

/* Checks a line without its end. White space behind it is cut. */
static void read_line(struct reading *reading, char *line)
{
    size_t len = strlen(line);

    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
        line[--len] = '\0';
    if (!is_printable(line))
        refuse(reading, _("control characters, unseen ones, or broken UTF-8"));
    else if (line[0] == ' ') /* libinih would add it to the value before */
        refuse(reading, _("a line must not start with white space"));
    else if (line[0] == '[')
        read_section(reading, line);
    else if (line[0] != '\0' && line[0] != '#' && line[0] != ';')
        check_assignment(reading, line);
}

/* libinih's reader: one checked line into buf, or NULL at the end and after a fault. */
static char *next_line(char *buf, int size, void *arg)
{
    struct reading *reading = arg;
    size_t len = strcspn(reading->at, "\n");

    if (reading->expects_value)
        refuse(reading, _("not understood; allowed: [section], key = value, # comment"));
    if (reading->failed || *reading->at == '\0')
        return NULL;
    reading->line++;
    if (size < 1 || len >= (size_t)size) {
        refuse(reading, _("the line is too long; allowed: %d bytes"), size - 1);
        return NULL;
    }
    memcpy(buf, reading->at, len);
    buf[len] = '\0';
    reading->at += len + (reading->at[len] == '\n');
    read_line(reading, buf);
    return reading->failed ? NULL : buf;
}

/* libinih's handler. Its copy of the section is cut at 49 bytes: ours counts. */
static int take_value(void *arg, const char *cut, const char *key, const char *text)
{
    struct reading *reading = arg;
    struct config *config = reading->config;
    const char *section = config->count ? config->sections[config->count - 1] : "";
    const struct config_option *option = find_option(config, section, key);
    char why[ALLOWED_MAX + 256];
    struct value *value;

    (void)cut;
    if (reading->failed || !reading->expects_value)
        return 0;
    reading->expects_value = false;
    if (!option) {
        refuse_key(reading, section, key);
        return 0;
    }
    if (find_value(config, section, key)) {
        refuse(reading, _("%s stands twice in [%s]; allowed: once"), key, section);
        return 0;
    }
    value = calloc(1, sizeof(*value));
    if (!value || !(value->text = strdup(text))) {
        refuse(reading, _("no memory"));
        free(value);
        return 0;
    }
    value->option = option;
    value->section = config->count - 1;
    value->next = config->values;
    config->values = value;
    if (config_value(option, text, &value->number, why, sizeof(why)) < 0)
        refuse(reading, "%s", why);
    return !reading->failed;
}

struct config *config_parse(const char *name, const char *text, const struct config_option *options,
                            char *why, size_t why_size)
{
    struct config *config = calloc(1, sizeof(*config));
    struct reading reading = {
        .config = config, .name = name, .at = text, .why = why, .why_size = why_size};

    if (!config || strlen(text) > FILE_MAX) {
        snprintf(why, why_size, _("%s: more than %d bytes"), name, FILE_MAX);
        config_free(config);
        return NULL;
    }
    config->options = options;
    ini_use_stack = false; /* libinih's own line has 200 bytes */
    ini_initial_alloc = ini_max_line = CONFIG_LINE_MAX;
    int fault = ini_parse_stream(next_line, &reading, take_value, &reading);
    if (fault != 0 || *reading.at != '\0')
        refuse(&reading, _("not understood; allowed: [section], key = value, # comment"));
    if (reading.failed) {
        config_free(config);
        return NULL;
    }
    return config;
}

struct config *config_read(const char *path, enum file_trust trust,
                           const struct config_option *options, char *why, size_t why_size)
{
    struct config *config = NULL;
    char *text;
    size_t len;

    if (file_read(path, trust, FILE_MAX, &text, &len, why, why_size) < 0)
        return NULL;
    if (strlen(text) != len)
        snprintf(why, why_size, _("%s: has a NUL byte"), path);
    else
        config = config_parse(path, text, options, why, why_size);
    secret_free(text);
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (struct value *value = config->values, *next; value; value = next) {
        next = value->next;
        secret_free(value->text);
        free(value);
    }
    for (size_t i = 0; i < config->count; i++)
        free(config->sections[i]);
    free(config);
}

/* The option and its number, of the file or the table's default. Aborts on what the table has not.
 */
static const char *look_up(const struct config *config, const char *section, const char *key,
                           long *number)
{
    const struct config_option *option = find_option(config, section, key);
    const struct value *value = find_value(config, section, key);
    char why[512];

    if (!option)
        abort();
    if (value) {
        *number = value->number;
        return value->text;
    }
    if (option->fallback && config_value(option, option->fallback, number, why, sizeof(why)) < 0)
        abort();
    return option->fallback;
}

const char *config_text(const struct config *config, const char *section, const char *key)
{
    long number;

    return look_up(config, section, key, &number);
}

long config_integer(const struct config *config, const char *section, const char *key)
{
    long number;

    if (!look_up(config, section, key, &number))
        abort();
    return number;
}

bool config_boolean(const struct config *config, const char *section, const char *key)
{
    return config_integer(config, section, key) != 0;
}

int config_choice(const struct config *config, const char *section, const char *key)
{
    return (int)config_integer(config, section, key);
}

bool config_is_set(const struct config *config, const char *section, const char *key)
{
    if (!find_option(config, section, key))
        abort();
    return find_value(config, section, key) != NULL;
}

bool config_has_section(const struct config *config, const char *section)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->sections[i], section) == 0)
            return true;
    return false;
}

const char *config_section(const struct config *config, size_t index)
{
    return index < config->count ? config->sections[index] : NULL;
}
