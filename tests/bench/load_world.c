#include "tests/bench/load_world.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/jws.h"
#include "common/login.h"
#include "common/random.h"

#define LIFE 600
#define ASSERTION_TYPE "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"

static struct jwk *read_key(const json_t *of)
{
    const char *pem = json_string_value(json_object_get(of, "key"));
    struct jwk *key = pem ? jwk_from_pem(pem) : NULL;
    if (!key)
        errx(1, "a key can't be read");
    return key;
}

void load_world_read(struct load_world *world, const char *path)
{
    json_error_t error;
    json_t *hosts, *phones;
    if (!(world->json = json_load_file(path, 0, &error)) ||
        json_unpack_ex(world->json, &error, 0, "{ss, si, so, so}", "issuer", &world->issuer, "port",
                       &world->port, "hosts", &hosts, "phones", &phones) < 0)
        errx(1, "%s: %s", path, error.text);
    world->host_count = json_array_size(hosts);
    world->phone_count = json_array_size(phones);
    world->hosts = calloc(world->host_count + 1, sizeof *world->hosts);
    world->phones = calloc(world->phone_count + 1, sizeof *world->phones);
    if (!world->hosts || !world->phones || !world->phone_count)
        errx(1, "%s: phones are missing", path);
    for (size_t i = 0; i < world->host_count; i++) {
        const json_t *host = json_array_get(hosts, i);
        world->hosts[i].id = json_string_value(json_object_get(host, "id"));
        world->hosts[i].key = read_key(host);
    }
    for (size_t i = 0; i < world->phone_count; i++) {
        const json_t *phone = json_array_get(phones, i);
        world->phones[i].user = json_string_value(json_object_get(phone, "user"));
        world->phones[i].key = read_key(phone);
    }
}

void load_world_free(struct load_world *world)
{
    for (size_t i = 0; i < world->host_count; i++)
        jwk_free(world->hosts[i].key);
    for (size_t i = 0; i < world->phone_count; i++)
        jwk_free(world->phones[i].key);
    free(world->hosts);
    free(world->phones);
    json_decref(world->json);
}

static char *fresh_token(void)
{
    char *token = random_token(16);
    if (!token)
        errx(1, "no random values");
    return token;
}

/* Takes the payload. */
static char *sign(const struct jwk *key, const char *typ, json_t *payload)
{
    char *text = payload ? jws_sign(key, typ, false, payload) : NULL;
    if (!text)
        errx(1, "no signature");
    json_decref(payload);
    return text;
}

static char *assertion(const struct load_world *world, const struct load_host *host)
{
    char *jti = fresh_token();
    json_int_t now = (json_int_t)clock_wall();
    char *text = sign(host->key, "JWT",
                      json_pack("{ss, ss, ss, ss, sI, sI}", "iss", host->id, "sub", host->id, "aud",
                                world->issuer, "jti", jti, "iat", now, "exp", now + 60));
    free(jti);
    return text;
}

char *load_details(const struct load_world *world, const struct load_host *host, const char *user,
                   const char *rhost, char request[23])
{
    struct login login = {.mode = NUMBER_ENTER, .issued = clock_wall()};
    char *id = fresh_token(), *text;
    login.expires = login.issued + LIFE;
    snprintf(login.request, sizeof login.request, "%s", id);
    snprintf(login.issuer, sizeof login.issuer, "%s", world->issuer);
    snprintf(login.host, sizeof login.host, "%s", host->id);
    snprintf(login.host_name, sizeof login.host_name, "%s.example.org", host->id);
    snprintf(login.service, sizeof login.service, "sshd");
    snprintf(login.user, sizeof login.user, "%s", user);
    snprintf(login.rhost, sizeof login.rhost, "%s", rhost);
    snprintf(login.tty, sizeof login.tty, "ssh");
    memcpy(request, login.request, sizeof login.request);
    text = login_to_text(&login);
    if (!text)
        errx(1, "no details");
    free(id);
    return text;
}

/* Takes the form, and adds who calls. */
static char *sign_form(const struct load_world *world, const struct load_host *host, char *form)
{
    char *signed_text = assertion(world, host), *body;
    if (asprintf(&body, "%s&client_assertion_type=%s&client_assertion=%s", form, ASSERTION_TYPE,
                 signed_text) < 0)
        err(1, NULL);
    free(signed_text);
    free(form);
    return body;
}

char *load_backchannel(const struct load_world *world, const struct load_host *host,
                       const char *user, const char *details)
{
    char *encoded = base64url_encode(details, strlen(details)), *form;
    if (asprintf(&form,
                 "scope=openid&login_hint=%s&requested_expiry=%d&authorization_details="
                 "%%5B%%7B%%22type%%22%%3A%%22%s%%22%%2C%%22details%%22%%3A%%22%s%%22%%7D%%5D",
                 user, LIFE, LOGIN_DETAILS_TYPE, encoded) < 0)
        err(1, NULL);
    free(encoded);
    return sign_form(world, host, form);
}

char *load_token(const struct load_world *world, const struct load_host *host,
                 const char *auth_req_id)
{
    char *form;
    if (asprintf(&form, "grant_type=urn%%3Aopenid%%3Aparams%%3Agrant-type%%3Aciba&auth_req_id=%s",
                 auth_req_id) < 0)
        err(1, NULL);
    return sign_form(world, host, form);
}

/* A phone's call with two members of its own; takes them. */
static char *phone_message(const struct load_world *world, const struct load_phone *phone,
                           const char *name, json_t *members)
{
    char url[512], *jti = fresh_token();
    snprintf(url, sizeof url, "%s/phone/v1/%s", world->issuer, name);
    json_t *payload = json_pack("{ss, sI, ss, ss}", "url", url, "iat", (json_int_t)clock_wall(),
                                "jti", jti, "app", "1.0");
    if (!payload || !members || json_object_update(payload, members) < 0)
        errx(1, "no message");
    json_decref(members);
    free(jti);
    return sign(phone->key, LOGIN_PHONE_TYP, payload);
}

char *load_decide(const struct load_world *world, const struct load_phone *phone,
                  const char *details, size_t len, const char *request, int number)
{
    char *decision =
        decision_sign(phone->key, details, len, DECISION_APPROVE, number, NULL, clock_wall());
    char *body = phone_message(world, phone, "decide",
                               json_pack("{ss, ss}", "request", request, "decision", decision));
    free(decision);
    return body;
}

char *load_requests(const struct load_world *world, const struct load_phone *phone,
                    const char *seen)
{
    return phone_message(world, phone, "requests", json_pack("{si, ss}", "wait", 25, "seen", seen));
}
