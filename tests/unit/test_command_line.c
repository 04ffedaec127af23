#include "tests/unit/unit.h"

#include <string.h>

#include "helper/command_line.h"

#define _ "\xc2\xa0" /* a blank within an argument */
#define CUT "\xe2\x80\xa6"

static const struct {
    enum command_line kind;
    const char *line, *command; /* NULL: not known */
} rows[] = {
    {COMMAND_LINE_SUDO, "sudo id", "id"},
    {COMMAND_LINE_SUDO, "sudo -u postgres psql -c x", "psql -c x"},
    {COMMAND_LINE_SUDO, "sudo -nu postgres psql", "psql"},
    {COMMAND_LINE_SUDO, "sudo --user=postgres psql", "psql"},
    {COMMAND_LINE_SUDO, "sudo --user postgres psql", "psql"},
    {COMMAND_LINE_SUDO, "sudo -n -- -odd", "-odd"},
    {COMMAND_LINE_SUDO, "sudo LANG=C A=b systemctl restart x", "systemctl restart x"},
    {COMMAND_LINE_SUDO, "sudo /a=b c", "/a=b c"},
    {COMMAND_LINE_SUDO, "sudo -i", ""},
    {COMMAND_LINE_SUDO, "sudo -u", ""},
    {COMMAND_LINE_SUDO, "sudo", ""},
    {COMMAND_LINE_SUDO, "", ""},
    /* arguments made to look like another command */
    {COMMAND_LINE_SUDO, "sudo" _ "/usr/bin/apt id -un", "id -un"},
    {COMMAND_LINE_SUDO, "sudo -p x" _ "/usr/bin/apt" _ "password: id -un", "id -un"},
    {COMMAND_LINE_SUDO, "sudo -p '' rm -rf /srv", "rm -rf /srv"},
    {COMMAND_LINE_SUDO, "sudo '' rm", "'' rm"},
    {COMMAND_LINE_SUDO, "sudo -uroot id /usr/bin/apt", "id /usr/bin/apt"},
    {COMMAND_LINE_SUDO, "sudo -npx id /usr/bin/apt", "id /usr/bin/apt"},
    {COMMAND_LINE_SUDO, "sudo --pro /usr/bin/apt id", "id"},
    {COMMAND_LINE_SUDO, "sudo --pro=u /usr/bin/apt id", "/usr/bin/apt id"},
    {COMMAND_LINE_SUDO, "sudo A=b -p /usr/bin/apt C=d id", "id"},
    {COMMAND_LINE_SUDO, "sudo -- A=b id", "A=b id"},
    {COMMAND_LINE_SUDO, "sudo - id", "- id"},
    {COMMAND_LINE_SUDO, "sudo ./a=b id", "id"}, /* so sudo reads it */
    {COMMAND_LINE_SUDO, "sudo id a=b", "id a=b"},
    /* cut before the command, in it, behind it */
    {COMMAND_LINE_SUDO, "sudo -p xxxx" CUT, NULL},
    {COMMAND_LINE_SUDO, "sudo -p" CUT, NULL},
    {COMMAND_LINE_SUDO, "sudo -p x " CUT, NULL},
    {COMMAND_LINE_SUDO, "sudo -p x apt" CUT, NULL},
    {COMMAND_LINE_SUDO, "sudo -p x /usr/bin/apt" CUT, NULL},
    {COMMAND_LINE_SUDO, CUT, NULL},
    {COMMAND_LINE_SUDO, "sudo apt install" CUT, "apt install" CUT},
    {COMMAND_LINE_DOAS, "doas -u root id", "id"},
    {COMMAND_LINE_DOAS, "doas -C x -nu root id a", "id a"},
    {COMMAND_LINE_DOAS, "doas ./a=b /usr/bin/apt", "./a=b /usr/bin/apt"},
    {COMMAND_LINE_DOAS, "doas -u xxx" CUT, NULL},
    {COMMAND_LINE_SU, "su - bob -c id" _ "-u", "id -u"},
    {COMMAND_LINE_SU, "su --command id bob", "id"},
    {COMMAND_LINE_SU, "su --com=id bob", "id"},
    {COMMAND_LINE_SU, "su -lcid bob", "id"},
    {COMMAND_LINE_SU, "su --session-command=id", "id"},
    {COMMAND_LINE_SU, "su - bob", ""},
    {COMMAND_LINE_SU, "su", ""},
    {COMMAND_LINE_SU, "su -c", ""},
    {COMMAND_LINE_SU, "su -c /usr/bin/apt -c id", "id"},
    {COMMAND_LINE_SU, "su -s -c -g -c bob", ""},
    {COMMAND_LINE_SU, "su bob -- -c id", "-c id"},
    {COMMAND_LINE_SU, "su - bob script arg", "script arg"},
    {COMMAND_LINE_SU, "su -c id bob script", "id"},
    {COMMAND_LINE_SU, "su -c /usr/bin/apt xxx" CUT, NULL},
    /* options of the shell, which then runs what stands behind the user's name */
    {COMMAND_LINE_SU, "su -c -help root echo" _ "RAN", NULL},
    {COMMAND_LINE_SU, "su -c-e root reboot", NULL},
    {COMMAND_LINE_SU, "su -c +e root reboot", NULL},
    {COMMAND_LINE_SU, "su --command=-- root reboot", NULL},
    {COMMAND_LINE_SU, "su --session-command - root reboot", NULL},
    {COMMAND_LINE_SU, "su -c " _ "-e root reboot", " -e"},
    {COMMAND_LINE_SU, "su -c -e root -c id", "id"},
    {COMMAND_LINE_NONE, "sshd: alice [priv]", ""},
    {COMMAND_LINE_NONE, CUT, ""},
};

static void the_command_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];

        if (command_line_find(rows[i].kind, rows[i].line, out, sizeof out) !=
                (rows[i].command != NULL) ||
            (rows[i].command != NULL && strcmp(out, rows[i].command) != 0))
            fail_msg("\"%s\": \"%s\"", rows[i].line, out);
    }
}

static void what_does_not_fit_is_cut(void **state)
{
    char out[8];

    (void)state;
    assert_true(command_line_find(COMMAND_LINE_SUDO, "sudo 0123456789", out, sizeof out));
    assert_string_equal(out, "0123456");
    assert_true(command_line_find(COMMAND_LINE_SU, "su -c 0123456789", out, sizeof out));
    assert_string_equal(out, "0123456");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_command_is_found),
                                       cmocka_unit_test(what_does_not_fit_is_cut)};

    return cmocka_run_group_tests_name("a program's command line", tests, NULL, NULL);
}
