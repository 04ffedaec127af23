#!/bin/sh
# The module's own tests once more under valgrind (a sanitized build brings its own checker): nothing leaked, nothing read that was not written.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
export B
checker="valgrind -q --leak-check=full --errors-for-leak-kinds=definite,possible --error-exitcode=9 --child-silent-after-fork=yes"
case $B in *sanitize*) checker= ;; esac

set -- test_session test_outcomes test_arguments test_host_process
number=0
failed=0
echo "1..$#"
for name in "$@"; do
    number=$((number + 1))
    # shellcheck disable=SC2086 # a command with its options
    if output=$(CMOCKA_MESSAGE_OUTPUT=stdout $checker "$B/tests/module/$name" 2>&1); then
        echo "ok $number - $name has no memory errors and no leaks"
    else
        failed=1
        echo "not ok $number - $name has no memory errors and no leaks"
        echo "$output" | grep -E '^==|ERROR|FAILED' | head -n 40 | sed 's/^/# /'
    fi
done
exit $failed
