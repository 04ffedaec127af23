#include "approvectl/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "approvectl/ctl.h"
#include "common/i18n.h"
#include "common/sanitize.h"

static void print_finding(const struct check_rule *rule, const char *about, const char *detail,
                          bool well)
{
    char clean[CHECK_DETAIL];

    sanitize_text(clean, sizeof(clean), detail);
    if (well)
        ctl_paint('g', _("ok       "));
    else if (rule->severity == CHECK_FAILURE)
        ctl_paint('r', _("FAILED   "));
    else
        ctl_paint('y', _("warning  "));
    printf("%s%s%s%s%s\n", about, *about ? ": " : "", well ? _(rule->well) : _(rule->fault),
           *clean ? ": " : "", clean);
    if (!well)
        printf("         %s\n", _(rule->mend));
}

static void note_finding(struct check *check, const struct check_rule *rule, const char *about,
                         const char *detail)
{
    json_t *finding = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "id", rule->id, "severity",
                                rule->severity == CHECK_FAILURE ? "failure" : "warning", "about",
                                about, "text", rule->fault, "detail", detail, "mend", rule->mend);

    json_array_append_new(check->findings, finding);
    if (rule->severity == CHECK_FAILURE)
        check->failures++;
    else
        check->warnings++;
}

void check_apply(struct check *check, const struct check_rule *rules, const char *about,
                 const void *subject)
{
    for (; rules->id; rules++) {
        char detail[CHECK_DETAIL] = "";
        enum check_verdict verdict = rules->test(check, subject, detail);

        if (verdict == CHECK_FAULT)
            note_finding(check, rules, about, detail);
        if (!check->json && (verdict == CHECK_FAULT || (verdict == CHECK_WELL && rules->well)))
            print_finding(rules, about, detail, verdict == CHECK_WELL);
    }
}

static void print_services(const struct check *check)
{
    char text[1024], clean[1024];

    if (check->stack_count == 0)
        return;
    printf("\n");
    ctl_paint('b', _("What is asked"));
    printf("\n");
    for (size_t i = 0; i < check->stack_count; i++) {
        check_describe(check, check->stacks[i], text, sizeof(text));
        sanitize_text(clean, sizeof(clean), text);
        printf("  %-14s %s\n", check->stacks[i]->service, clean);
    }
}

static json_t *services_json(const struct check *check)
{
    json_t *services = json_array();
    char text[1024];

    for (size_t i = 0; i < check->stack_count; i++) {
        check_describe(check, check->stacks[i], text, sizeof(text));
        json_array_append_new(
            services, json_pack("{s:s,s:s}", "service", check->stacks[i]->service, "asks", text));
    }
    return services;
}

static int report(struct check *check)
{
    if (check->json) {
        ctl_json(json_pack("{s:b,s:i,s:i,s:O,s:o}", "ok", check->failures == 0, "failures",
                           check->failures, "warnings", check->warnings, "findings",
                           check->findings, "services", services_json(check)));
    } else {
        print_services(check);
        printf(_("\n%d failed, %d warnings\n"), check->failures, check->warnings);
    }
    return check->failures == 0 ? EXIT_OK : EXIT_FAILED;
}

int ctl_check(const struct command_call *call)
{
    const char *pam_dir = command_value(call, "--pam-dir");
    struct check check = {.config = ctl_config(call),
                          .pam_dir = pam_dir ? pam_dir : "/etc/pam.d",
                          .socket = ctl_socket(call),
                          .json = command_value(call, "--json") != NULL,
                          .findings = json_array()};
    int code;

    check.host = host_load(check.config, check.host_why, sizeof(check.host_why));
    check_read_stacks(&check);
    if (check_find_stack(&check, "sshd"))
        sshd_config_read(&check.sshd);
    check_apply(&check, check_host_rules, "", NULL);
    for (size_t i = 0; i < check.stack_count; i++)
        check_apply(&check, check_pam_rules, check.stacks[i]->service, check.stacks[i]);
    if (check_find_stack(&check, "sshd"))
        check_apply(&check, check_sshd_rules, "sshd", NULL);
    code = report(&check);
    for (size_t i = 0; i < check.stack_count; i++)
        free(check.stacks[i]);
    json_decref(check.findings);
    host_unref(check.host);
    return code;
}
