#include "tests/unit/unit.h"

#include <string.h>

#include "helper/command_line.h"

static void the_command_is_found(void **state)
{
    static const struct {
        enum command_line kind;
        const char *line, *command;
    } rows[] = {
        {COMMAND_LINE_SUDO, "sudo id", "id"},
        {COMMAND_LINE_SUDO, "sudo -u postgres psql -c x", "psql -c x"},
        {COMMAND_LINE_SUDO, "sudo -nu postgres psql", "psql"},
        {COMMAND_LINE_SUDO, "sudo --user=postgres psql", "psql"},
        {COMMAND_LINE_SUDO, "sudo --user postgres psql", "psql"},
        {COMMAND_LINE_SUDO, "sudo -n -- -odd", "-odd"},
        {COMMAND_LINE_SUDO, "sudo LANG=C A=b systemctl restart x", "systemctl restart x"},
        {COMMAND_LINE_SUDO, "sudo ./a=b", "./a=b"},
        {COMMAND_LINE_SUDO, "sudo -i", ""},
        {COMMAND_LINE_SUDO, "sudo -u", ""},
        {COMMAND_LINE_SUDO, "sudo", ""},
        {COMMAND_LINE_SUDO, "", ""},
        {COMMAND_LINE_SUDO, "doas -u root id", "id"},
        {COMMAND_LINE_SU, "su - bob -c id -u", "id -u"},
        {COMMAND_LINE_SU, "su --command id bob", "id bob"},
        {COMMAND_LINE_SU, "su - bob", ""},
        {COMMAND_LINE_SU, "su -c", ""},
        {COMMAND_LINE_NONE, "sshd: alice [priv]", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(command_line_find(rows[i].kind, rows[i].line), rows[i].command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_command_is_found)};

    return cmocka_run_group_tests_name("a program's command line", tests, NULL, NULL);
}
