#include "phone/terminal/handset.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/login.h"
#include "common/random.h"
#include "phone/terminal/screen.h"

#define STATE_MAX 8192
#define KEY_FILE "key.pem"
#define STATE_FILE "phone.json"
#define LINK_FILE "link.sha256" /* of the link that the key was made for, until it is enrolled */

/* The members of phone.json that are plain text: one table for reading and writing. */
static const struct {
    const char *name;
    size_t offset, size;
    bool may_be_empty;
} texts[] = {
    {"server", offsetof(struct handset, server), sizeof(((struct handset *)0)->server), false},
    {"server_name", offsetof(struct handset, server_name),
     sizeof(((struct handset *)0)->server_name), true},
    {"pin", offsetof(struct handset, pin), sizeof(((struct handset *)0)->pin), true},
    {"user", offsetof(struct handset, user), sizeof(((struct handset *)0)->user), false},
    {"device", offsetof(struct handset, device), sizeof(((struct handset *)0)->device), false},
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static char *join_path(const char *dir, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

char *handset_dir(const char *option, char *why, size_t why_size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *dir = NULL;
    if (option && *option) {
        dir = strdup(option);
    } else if (config && *config == '/') { /* a relative one is to be ignored */
        dir = join_path(config, "approve-phone");
    } else if (home && *home == '/') {
        dir = join_path(home, ".config/approve-phone");
    } else {
        snprintf(why, why_size, _("HOME is not set: say with --state DIR where to keep the key."));
        return NULL;
    }
    if (!dir)
        snprintf(why, why_size, _("Out of memory."));
    return dir;
}

bool handset_has(const char *dir, const char *name)
{
    struct stat status;
    char *path = join_path(dir, name);
    bool exists = path && (lstat(path, &status) == 0 || errno != ENOENT);
    free(path);
    return exists;
}

bool handset_exists(const char *dir)
{
    return handset_has(dir, STATE_FILE);
}

int handset_read(const struct handset *handset, const char *name, size_t most, char **text,
                 size_t *len, char *why, size_t why_size)
{
    char *path = join_path(handset->dir, name);
    int result = -1;

    snprintf(why, why_size, _("Out of memory."));
    if (path)
        result = file_read(path, FILE_SECRET_OF_CALLER, most, text, len, why, why_size);
    free(path);
    return result;
}

static int load_state(struct handset *handset, const char *path, char *why, size_t why_size)
{
    int result = -1;
    char *text = NULL;
    size_t len = 0;
    json_t *state = NULL;
    const char *secret = NULL;

    if (file_read(path, FILE_SECRET_OF_CALLER, STATE_MAX, &text, &len, why, why_size) < 0)
        return -1;
    snprintf(why, why_size, _("%s is damaged. Delete it and enrol again with a new link."), path);
    state = json_text_object(text, len, STATE_MAX);
    if (!state)
        goto out;
    for (size_t i = 0; i < TEXTS; i++) {
        const char *value = json_text_string(state, texts[i].name, texts[i].size - 1);
        if (!value || (!*value && !texts[i].may_be_empty))
            goto out;
        memcpy((char *)handset + texts[i].offset, value, strlen(value) + 1);
    }
    secret = json_text_string(state, "secret", 128);
    if (!secret || !(handset->secret = strdup(secret)))
        goto out;
    result = 0;
out:
    json_decref(state);
    secret_free(text);
    return result;
}

static int load_key(struct handset *handset, const char *path, char *why, size_t why_size)
{
    char *pem = NULL;
    size_t len = 0;
    if (file_read(path, FILE_SECRET_OF_CALLER, STATE_MAX, &pem, &len, why, why_size) < 0)
        return -1;
    handset->key = jwk_from_pem(pem);
    secret_free(pem);
    if (handset->key)
        return 0;
    snprintf(why, why_size, _("%s holds no P-256 key. Delete the directory and enrol again."),
             path);
    return -1;
}

int handset_load(struct handset *handset, char *dir, char *why, size_t why_size)
{
    int result = -1;
    char *state = join_path(dir, STATE_FILE), *key = join_path(dir, KEY_FILE);

    memset(handset, 0, sizeof(*handset));
    handset->dir = dir;
    if (!state || !key) {
        snprintf(why, why_size, _("Out of memory."));
    } else if (!handset_exists(dir)) {
        snprintf(why, why_size,
                 _("No enrolment in %s. Ask for a link, then run: approve-phone enroll"), dir);
    } else if (load_state(handset, state, why, why_size) == 0) {
        result = load_key(handset, key, why, why_size);
    }
    free(state);
    free(key);
    return result;
}

/* mkdir -p, private. Returns 0, or -1 with errno. */
static int make_directory(const char *dir)
{
    int result = -1;
    char *path = strdup(dir);
    if (!path)
        return -1;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            goto out;
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        goto out;
    result = 0;
out:
    free(path);
    return result;
}

static int write_private(const char *dir, const char *name, const char *text, char *why,
                         size_t why_size)
{
    int result = -1;
    char *path = join_path(dir, name);
    if (path && text)
        result = file_write(path, text, strlen(text), 0600, geteuid(), getegid());
    if (result < 0)
        snprintf(why, why_size, _("%s/%s could not be written: %s."), dir, name, strerror(errno));
    free(path);
    return result;
}

int handset_write(const struct handset *handset, const char *name, const char *text, char *why,
                  size_t why_size)
{
    return write_private(handset->dir, name, text, why, why_size);
}

/* Makes the directory, too. */
static int save_key(const struct handset *handset, char *why, size_t why_size)
{
    char *pem = NULL;
    int result = -1;
    if (make_directory(handset->dir) < 0) {
        snprintf(why, why_size, _("%s could not be made: %s. Say another with --state DIR."),
                 handset->dir, strerror(errno));
        return -1;
    }
    pem = jwk_to_pem(handset->key);
    result = write_private(handset->dir, KEY_FILE, pem, why, why_size);
    secret_free(pem);
    return result;
}

int handset_key_for_link(struct handset *handset, const char *link, bool *kept, char *why,
                         size_t why_size)
{
    char hash[BASE64URL_SHA256 + 1], *text = NULL, *path = join_path(handset->dir, KEY_FILE);
    size_t len;
    int result = -1;

    *kept = false;
    snprintf(why, why_size, _("No key could be made."));
    if (!path || login_hash(link, strlen(link), hash) < 0)
        goto out;
    if (handset_read(handset, LINK_FILE, sizeof(hash), &text, &len, why, why_size) == 0 &&
        !strcmp(text, hash) && load_key(handset, path, why, why_size) == 0) {
        *kept = true;
        result = 0;
        goto out;
    }
    snprintf(why, why_size, _("No key could be made."));
    handset->key = jwk_new_p256();
    if (handset->key && save_key(handset, why, why_size) == 0)
        result = handset_write(handset, LINK_FILE, hash, why, why_size);
out:
    secret_free(text);
    free(path);
    return result;
}

static void delete_file(const char *dir, const char *name)
{
    char *path = join_path(dir, name);
    if (path)
        unlink(path);
    free(path);
}

int handset_save(const struct handset *handset, char *why, size_t why_size)
{
    int result = -1;
    char *text = NULL;
    json_t *state = json_pack("{s:i,s:s}", "v", 1, "secret", handset->secret);

    snprintf(why, why_size, _("Out of memory."));
    if (!state)
        return -1;
    for (size_t i = 0; i < TEXTS; i++) {
        const char *value = (const char *)handset + texts[i].offset;
        if (json_object_set_new(state, texts[i].name, json_string(value)) < 0)
            goto out;
    }
    text = json_text_dump(state);
    if (!text)
        goto out;
    result = write_private(handset->dir, STATE_FILE, text, why, why_size);
    if (result == 0)
        delete_file(handset->dir, LINK_FILE);
out:
    json_decref(state);
    secret_free(text);
    return result;
}

void handset_delete(const char *dir)
{
    static const char *const names[] = {STATE_FILE, KEY_FILE, LINK_FILE, HANDSET_HOSTS};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        delete_file(dir, names[i]);
    rmdir(dir);
}

int handset_open(const struct command_call *call, struct handset *handset)
{
    char why[768];
    char *dir = handset_dir(command_value(call, "--state"), why, sizeof(why));

    memset(handset, 0, sizeof(*handset));
    if (!dir || handset_load(handset, dir, why, sizeof(why)) < 0) {
        handset_free(handset);
        return screen_error(EXIT_FAILED, why);
    }
    return EXIT_OK;
}

void handset_free(struct handset *handset)
{
    if (handset->multi)
        curl_multi_cleanup(handset->multi);
    jwk_free(handset->key);
    secret_free(handset->secret);
    free(handset->dir);
    secret_wipe(handset, sizeof(*handset));
}
