#include "approvectl/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "approvectl/ctl.h"
#include "common/columns.h"
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

enum check_verdict check_verdict_of(bool well)
{
    return well ? CHECK_WELL : CHECK_FAULT;
}

void check_apply(struct check *check, const struct check_rule *rules, const char *about,
                 const void *subject)
{
    for (; rules->id; rules++) {
        char detail[CHECK_DETAIL] = "";
        enum check_verdict verdict = rules->test(check, subject, detail);

        if (verdict == CHECK_FAULT)
            note_finding(check, rules, about, detail);
        if (!check->json && (verdict == CHECK_FAULT ||
                             (verdict == CHECK_WELL && rules->well && !check->faults_only)))
            print_finding(rules, about, detail, verdict == CHECK_WELL);
    }
}

void check_print_scdoc(FILE *out)
{
    static const struct check_rule *const tables[] = {check_login_rules, check_host_rules,
                                                      check_pam_rules, check_sshd_rules};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct check_rule *rule = tables[i]; rule->id; rule++) {
            fputs("*", out);
            columns_scdoc(out, rule->id);
            fprintf(out, "* (%s)\n\t", rule->severity == CHECK_FAILURE ? "failure" : "warning");
            columns_scdoc(out, rule->fault);
            fputs("\n\n", out);
        }
    }
}

/* Calls each for all services, by name. */
static void each_service(const struct check *check, void *arg,
                         void (*each)(void *arg, const struct check *check,
                                      const struct pam_stack *stack, bool asks))
{
    size_t asking = 0, other = 0;

    while (asking < check->stack_count || other < check->other_count) {
        bool asks = other == check->other_count ||
                    (asking < check->stack_count &&
                     strcmp(check->stacks[asking]->service, check->others[other]->service) < 0);
        each(arg, check, asks ? check->stacks[asking++] : check->others[other++], asks);
    }
}

static void print_service(void *arg, const struct check *check, const struct pam_stack *stack,
                          bool asks)
{
    char text[1024], clean[1024];

    (void)arg, (void)asks;
    check_describe(check, stack, text, sizeof(text));
    sanitize_text(clean, sizeof(clean), text);
    printf("  %s: %s\n", stack->service, clean);
}

static void add_service(void *arg, const struct check *check, const struct pam_stack *stack,
                        bool asks)
{
    char text[1024];

    check_describe(check, stack, text, sizeof(text));
    json_array_append_new(arg, json_pack("{s:s,s:b,s:s}", "service", stack->service, "protected",
                                         asks, "asks", text));
}

static int report(struct check *check)
{
    if (check->json) {
        json_t *services = json_array();
        each_service(check, services, add_service);
        ctl_json(json_pack("{s:b,s:i,s:i,s:O,s:o}", "ok", check->failures == 0, "failures",
                           check->failures, "warnings", check->warnings, "findings",
                           check->findings, "services", services));
    } else {
        printf("\n");
        ctl_paint('b', _("What is asked"));
        printf("\n");
        each_service(check, NULL, print_service);
        printf(_("\n%d failed, %d warnings\n"), check->failures, check->warnings);
    }
    return check->failures == 0 ? EXIT_OK : EXIT_FAILED;
}

void check_open(struct check *check, const struct command_call *call)
{
    const char *pam_dir = command_value(call, "--pam-dir");

    *check = (struct check){.config = ctl_config(call),
                            .pam_dir = pam_dir ? pam_dir : PAM_DIR,
                            .socket = ctl_socket(call),
                            .json = command_value(call, "--json") != NULL,
                            .findings = json_array()};
    check->host = host_load(check->config, check->host_why, sizeof(check->host_why));
}

void check_close(struct check *check)
{
    for (size_t i = 0; i < check->stack_count; i++)
        free(check->stacks[i]);
    for (size_t i = 0; i < check->other_count; i++)
        free(check->others[i]);
    json_decref(check->findings);
    host_unref(check->host);
}

int ctl_check(const struct command_call *call)
{
    struct check check;
    int code;

    check_open(&check, call);
    check_read_stacks(&check);
    if (check_find_stack(&check, "sshd"))
        check_read_sshd(&check);
    check_apply(&check, check_login_rules, "", NULL);
    check_apply(&check, check_host_rules, "", NULL);
    for (size_t i = 0; i < check.stack_count; i++)
        check_apply(&check, check_pam_rules, check.stacks[i]->service, check.stacks[i]);
    if (check_find_stack(&check, "sshd"))
        check_apply(&check, check_sshd_rules, "sshd", NULL);
    code = report(&check);
    check_close(&check);
    return code;
}
