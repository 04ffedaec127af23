#include "backend/http_parse.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS 15 /* of a Content-Length */
#define CHUNK_DIGITS 8   /* of a chunk's size */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int http_hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!is_digit(*text) && !is_letter(*text) && !strchr("!#$%&'*+-.^_`|~", *text))
            return false;
    return true;
}

int http_head_end(const char *bytes, size_t len, size_t *scanned)
{
    for (; *scanned < len; ++*scanned) {
        size_t i = *scanned;
        if (i >= HTTP_HEAD_MAX)
            return -431;
        if (bytes[i] == '\0' || (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')))
            return -400;
        if (i > 0 && bytes[i - 1] == '\r' && bytes[i] != '\n')
            return -400;
        if (bytes[i] == '\n' && i >= 3 && memcmp(bytes + i - 3, "\r\n\r\n", 4) == 0)
            return (int)(i + 1);
    }
    return 0;
}

/* Cuts the line at *at off, and moves *at behind it. The head ends with an empty line, so there
 * always is one. */
static char *cut_line(char **at)
{
    char *line = *at, *end = strstr(line, "\r\n");
    *end = '\0';
    *at = end + 2;
    return line;
}

/* METHOD SP PATH SP HTTP/1.1, one space each; the path in origin form. */
static int parse_request_line(char *line, struct http_head *head)
{
    char *path = strchr(line, ' ');
    char *version = path ? strchr(path + 1, ' ') : NULL;
    if (!version)
        return 400;
    *path++ = '\0';
    *version++ = '\0';
    head->method = line;
    head->path = path;
    if (!is_token(line) || *path != '/')
        return 400;
    for (const char *c = path; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"#<>\\^`{|}", *c))
            return 400;
    path[strcspn(path, "?")] = '\0';
    if (strncmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]) || version[8])
        return 400;
    if (version[5] != '1')
        return 505;
    head->keep_alive = version[7] != '0';
    return 0;
}

static int parse_field(char *line, struct http_head *head)
{
    char *value = strchr(line, ':');
    if (!value)
        return 400; /* folded lines too: they have no name */
    *value++ = '\0';
    if (!is_token(line))
        return 400;
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len && strchr(" \t", value[len - 1]))
        value[--len] = '\0';
    for (const char *c = value; *c; c++)
        if ((*c > 0 && *c < ' ' && *c != '\t') || *c == 0x7f)
            return 400;
    if (head->count == HTTP_FIELDS_MAX)
        return 431;
    head->fields[head->count].name = (uint16_t)(line - head->text);
    head->fields[head->count].value = (uint16_t)(value - head->text);
    head->count++;
    return 0;
}

static size_t count_field(const struct http_head *head, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < head->count; i++)
        found += strcasecmp(head->text + head->fields[i].name, name) == 0;
    return found;
}

const char *http_head_field(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++)
        if (strcasecmp(head->text + head->fields[i].name, name) == 0)
            return head->text + head->fields[i].value;
    return NULL;
}

static bool is_host(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!is_digit(*text) && !is_letter(*text) && !strchr("-._:[]", *text))
            return false;
    return true;
}

static int parse_length(const char *text, uint64_t *length)
{
    size_t len = strlen(text);
    if (len == 0 || len > LENGTH_DIGITS || strspn(text, "0123456789") != len)
        return -1;
    for (*length = 0; *text; text++)
        *length = *length * 10 + (uint64_t)(*text - '0');
    return 0;
}

/* What says where a request ends, and what may stand only once. */
static int check_fields(struct http_head *head)
{
    static const char *const once[] = {"Host",         "Content-Length", "Transfer-Encoding",
                                       "Content-Type", "Expect",         NULL};
    for (size_t i = 0; once[i]; i++)
        if (count_field(head, once[i]) > 1)
            return 400;
    const char *host = http_head_field(head, "Host");
    const char *length = http_head_field(head, "Content-Length");
    const char *coding = http_head_field(head, "Transfer-Encoding");
    const char *expect = http_head_field(head, "Expect");
    if (!host || !is_host(host) || (length && coding))
        return 400;
    if (coding && (!head->keep_alive || strcasecmp(coding, "chunked") != 0))
        return 400; /* HTTP/1.0 knows none */
    if (length && parse_length(length, &head->length) < 0)
        return 400;
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return 417;
    head->chunked = coding != NULL;
    head->wait_for_continue = expect != NULL;
    return 0;
}

/* `Connection` is a list; only `close` in it matters here. */
static bool asks_to_close(const struct http_head *head)
{
    for (size_t i = 0; i < head->count; i++)
        if (strcasecmp(head->text + head->fields[i].name, "Connection") == 0 &&
            strcasestr(head->text + head->fields[i].value, "close"))
            return true;
    return false;
}

int http_head_parse(char *text, size_t len, struct http_head *head)
{
    char *at = text;
    memset(head, 0, sizeof *head);
    head->text = text;
    int status = parse_request_line(cut_line(&at), head);
    while (status == 0 && at < text + len - 2)
        status = parse_field(cut_line(&at), head);
    if (status == 0)
        status = check_fields(head);
    if (status == 0 && asks_to_close(head))
        head->keep_alive = false;
    return status;
}

/* --- chunked bodies ------------------------------------------------------------------------- */

enum { SIZE, SIZE_END, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF, ENDED };

/* One byte that is not content. */
static int take_byte(struct http_chunks *chunks, char c)
{
    int digit;
    switch (chunks->state) {
    case SIZE:
        digit = http_hex_digit(c);
        if (c == '\r' && chunks->digits > 0)
            chunks->state = SIZE_END;
        else if (digit < 0 || ++chunks->digits > CHUNK_DIGITS)
            return -1;
        else
            chunks->left = chunks->left * 16 + (uint64_t)digit;
        return 0;
    case SIZE_END:
        chunks->state = chunks->left ? DATA : LAST_CR;
        return c == '\n' ? 0 : -1;
    case DATA_CR:
        chunks->state = DATA_LF;
        return c == '\r' ? 0 : -1;
    case DATA_LF:
        chunks->state = SIZE;
        chunks->digits = 0;
        return c == '\n' ? 0 : -1;
    case LAST_CR:
        chunks->state = LAST_LF;
        return c == '\r' ? 0 : -1;
    case LAST_LF:
        chunks->state = ENDED;
        return c == '\n' ? 1 : -1;
    default:
        return -1;
    }
}

int http_chunks_take(struct http_chunks *chunks, char *bytes, size_t len, size_t *used,
                     size_t *content)
{
    int result = 0;
    *used = *content = 0;
    while (*used < len && result == 0) {
        if (chunks->state != DATA) {
            result = take_byte(chunks, bytes[(*used)++]);
            continue;
        }
        size_t part = len - *used < chunks->left ? len - *used : (size_t)chunks->left;
        memmove(bytes + *content, bytes + *used, part);
        *used += part;
        *content += part;
        chunks->left -= part;
        if (chunks->left == 0)
            chunks->state = DATA_CR;
    }
    return result;
}
