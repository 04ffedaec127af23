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
    ls /tmp
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

setsid tests/demo < /dev/null > /dev/null 2>&1 &
demo=$!
sleep 2.5
inside=$(pgrep -P "$demo" | head -1)
group=$(pgrep -g "$(ps -o pgid= -p "${inside:-$demo}" | tr -d ' ')")
kill -KILL "$demo"
wait "$demo" 2> /dev/null
sleep 0.5
left=0
for pid in $group; do kill -0 "$pid" 2> /dev/null && left=1; done
[ -n "$inside" ] && [ $left = 0 ]
ok 3 $? "killed in the middle: its processes end with it"
[ "$before" = "$(machine)" ]
ok 4 $? "accounts, PAM stacks, mounts and files are as before"
exit $failed
