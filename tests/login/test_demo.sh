#!/bin/bash
# make demo: exit 0 after the login, twice in a row, and killed in the middle; the machine is as it was.
set -u
cd "$(dirname "$0")/../.." || exit
failed=0
echo 1..4

machine() {
    # accounts, sockets' folder, mounts, and processes of ours
    sha256sum /etc/passwd /etc/shadow /etc/pam.d/* /etc/ssh/sshd_config.d/* 2>/dev/null
    ls -d /run/approve /var/lib/approve /etc/approve /home/* 2>/dev/null
    cat /proc/mounts
}

ok() {
    if [ "$2" = 0 ]; then echo "ok $1 - $3"; else
        echo "not ok $1 - $3"
        failed=1
    fi
}

before=$(machine)
for round in 1 2; do
    out=$(tests/demo < /dev/null 2>&1)
    status=$?
    printf '%s\n' "$out" | sed 's/^/# /'
    grep -q 'Number [0-9][0-9]' <<< "$out" && grep -q 'Signed in as alice' <<< "$out" && [ $status = 0 ]
    ok $round $? "round $round: the number is seen, the phone approves, the session opens, exit code 0"
done

# Killed when it says that it starts sshd: server and helper are up by then.
coproc DEMO { exec setsid tests/demo < /dev/null 2> /dev/null; }
demo=$DEMO_PID
while read -r -t 20 line <&"${DEMO[0]}"; do [[ $line == *'==> sshd'* ]] && break; done
inside=$(pgrep -P "$demo" | head -1)
space=$(readlink "/proc/$inside/ns/pid") # of the sandbox: all its processes are in it
alive() {
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/ns/pid" 2> /dev/null)" = "$space" ] && grep -q '^State:[[:space:]]*[^ZX[:space:]]' "$process/status" 2> /dev/null && return 0
    done
    return 1
}
[ -n "$inside" ] && alive
seen=$?
kill -KILL "$demo"
wait "$demo" 2> /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    alive || break
    sleep 0.1
done
[ $seen = 0 ] && ! alive
ok 3 $? "killed in the middle: its processes end with it"
[ "$before" = "$(machine)" ]
ok 4 $? "accounts, PAM stacks, mounts and files are as before"
exit $failed
