#include "helper/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_text.h"
#include "common/jws.h"
#include "common/oauth.h"
#include "common/random.h"

#define FORM_MAX 16384 /* the server takes no more */

struct call {
    struct transfer *transfer;
    call_done *done;
    void *arg;
    char url[256]; /* for the log */
};

struct form {
    char text[FORM_MAX];
    size_t len;
    bool failed;
};

static void form_byte(struct form *form, char byte)
{
    if (form->len + 1 >= sizeof form->text)
        form->failed = true;
    else
        form->text[form->len++] = byte;
}

static void form_encode(struct form *form, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";

    for (const char *p = value; *p != 0; p++) {
        unsigned char byte = (unsigned char)*p;

        if (strchr(plain, *p) != NULL) {
            form_byte(form, *p);
            continue;
        }
        form_byte(form, '%');
        form_byte(form, hex[byte >> 4]);
        form_byte(form, hex[byte & 15]);
    }
}

static void form_add(struct form *form, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (form->len > 0)
        form_byte(form, '&');
    form_encode(form, name);
    form_byte(form, '=');
    form_encode(form, value);
}

static char *make_assertion(const struct host *host)
{
    char *id = random_token(16), *assertion = NULL;
    int64_t now = clock_wall();
    json_t *claims =
        id == NULL ? NULL
                   : json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", host->id, "sub", host->id,
                               "aud", host->issuer, "jti", id, "iat", (json_int_t)now, "exp",
                               (json_int_t)(now + CALL_ASSERTION_LIFE));

    if (claims != NULL)
        assertion = jws_sign(host->key, "JWT", false, claims);
    json_decref(claims);
    free(id);
    return assertion;
}

char *call_form(const struct host *host, const struct call_parameter *parameters)
{
    struct form *form = calloc(1, sizeof *form);
    char *assertion = make_assertion(host), *text = NULL;

    if (form == NULL || assertion == NULL)
        goto out;
    for (; parameters->name != NULL; parameters++)
        form_add(form, parameters->name, parameters->value);
    form_add(form, "client_assertion_type", OAUTH_ASSERTION_TYPE);
    form_add(form, "client_assertion", assertion);
    if (!form->failed)
        text = strdup(form->text);
out:
    if (form != NULL)
        secret_wipe(form, sizeof *form);
    free(form);
    secret_free(assertion);
    return text;
}

bool call_is_busy(const struct call_answer *answer)
{
    return answer->status == CALL_TOO_MANY;
}

bool call_is_lost(const struct call_answer *answer)
{
    return !call_is_busy(answer) &&
           (answer->status == 0 || answer->status >= 500 || answer->body == NULL);
}

/* The error that the answer names and its own words on it, or what is wrong with its text. */
static void describe(const struct https_answer *answer, const struct call_answer *result, char *out,
                     size_t size)
{
    const char *words = json_text_string(result->body, "error_description", 256);

    out[0] = 0;
    if (result->body != NULL && words != NULL)
        snprintf(out, size, "%s (%.100s)", result->error, words);
    else if (result->body != NULL)
        snprintf(out, size, "%s", result->error);
    else if (answer->status == 200 && https_answer_is_json(answer))
        snprintf(out, size, "no JSON object, a member twice, or nested too deep");
}

static void on_answer(void *arg, const struct https_answer *answer)
{
    struct call *call = arg;
    struct call_answer result = {
        .status = answer->status, .error = "", .retry_after = answer->retry_after};
    const char *error = NULL;
    char what[176];

    if (answer->status != 0 && https_answer_is_json(answer))
        result.body = json_text_object(answer->body, answer->len, HTTPS_ANSWER_MAX);
    error = json_text_string(result.body, "error", 64);
    if (error != NULL)
        result.error = error;
    describe(answer, &result, what, sizeof what);
    https_answer_fault(call->url, answer, what, result.fault, sizeof result.fault);
    call->done(call->arg, &result);
    json_decref(result.body);
    free(call);
}

struct call *call_start(struct transfers *transfers, const struct host *host, const char *url,
                        const struct call_parameter *parameters, long timeout_ms, call_done *done,
                        void *arg)
{
    struct call *call = calloc(1, sizeof *call);
    char *form = call_form(host, parameters);

    if (call != NULL && form != NULL) {
        call->done = done;
        call->arg = arg;
        snprintf(call->url, sizeof call->url, "%s", url);
        call->transfer =
            transfer_start(transfers, url, host->server_key, form, timeout_ms, on_answer, call);
    }
    secret_free(form);
    if (call != NULL && call->transfer == NULL) {
        free(call);
        call = NULL;
    }
    return call;
}

void call_cancel(struct call *call)
{
    transfer_cancel(call->transfer);
    free(call);
}
