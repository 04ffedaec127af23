#!/bin/bash
# make install into an empty folder: what is there, the units' and sysusers' syntax, and that uninstall takes it all away.
# shellcheck disable=SC2317,SC2016 # functions are called by name; the shell in the sandbox expands what is quoted
set -u
cd "$(dirname "$0")/../.." || exit
B=${B:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
number=0
failed=0
echo 1..9

check() {
    number=$((number + 1))
    if out=$("${@:2}" 2>&1); then echo "ok $number - $1"; else
        echo "not ok $number - $1"
        printf '%s\n' "$out" | sed 's/^/# /'
        failed=1
    fi
}

has() {
    for file in "$@"; do [ -e "$root$file" ] || { echo "missing: $file"; return 1; }; done
}

# Of every page's relative links: the file that one names, without its place in it.
links_lead_somewhere() {
    count=0
    while IFS=: read -r page link; do
        link=${link#'('}
        case $link in *://* | '#'*) continue ;; esac
        count=$((count + 1))
        [ -e "${page%/*}/${link%%#*}" ] || { echo "${page##*/}: leads nowhere: $link"; return 1; }
    done < <(grep -o '](\([^)]*\)' "$root"/usr/share/doc/pam_approve/*.md | sed 's/:]/:/')
    [ "$count" -gt 20 ] || { echo "$count links only"; return 1; }
}

# At their final paths, with the system's own units around them; in the sandbox, so that nothing of it stays.
in_sandbox() {
    tests/sandbox/enter sh -euc "PREFIX=/usr DESTDIR= SYSCONFDIR=/etc PAMDIR=/usr/lib/$(gcc -print-multiarch)/security B=$B conf/install; $1"
}

check "make install DESTDIR PREFIX" make -s B="$B" install DESTDIR="$root" PREFIX=/usr
check "programs, module, pages, units and examples are there" has /usr/sbin/approve-helper /usr/sbin/approve-server /usr/sbin/approvectl \
    /usr/bin/approve-phone "/usr/lib/$(gcc -print-multiarch)/security/pam_approve.so" /usr/share/man/man8/pam_approve.8 /usr/share/man/man5/host.conf.5 \
    /usr/lib/systemd/system/approve-helper.socket /usr/lib/sysusers.d/approve.conf /usr/lib/tmpfiles.d/approve.conf \
    /usr/share/pam_approve/pam.d/sshd /usr/share/pam_approve/pam.d/su-l /usr/share/pam-configs/pam_approve \
    /usr/share/pam_approve/authselect/system-auth /usr/share/pam_approve/sshd_config.d/pam_approve.conf
check "the installed pages' links lead to pages and pictures that are there" links_lead_somewhere
# What it says of the system's own units is not ours; what it says of ours is a fault, and so is a run that came to no end.
check "systemd-analyze verify finds nothing in the units" in_sandbox 'cd /usr/lib/systemd/system
    status=0; said=$(systemd-analyze verify --man=no approve-* 2>&1) || status=$?
    printf "%s\n" "$said"; test "$status" = 0; ! printf "%s\n" "$said" | grep -qi approve'
# approve-revert is root, as the files that it puts back are root's.
check "systemd-analyze security: the daemons' units score 2.0 or better, approve-revert 2.6" in_sandbox 'cd /usr/lib/systemd/system
    for unit in approve-*.service; do
        limit=20; test "$unit" != approve-revert.service || limit=26
        systemd-analyze security --no-pager --offline=true --threshold=$limit "./$unit"
    done'
check "sysusers and tmpfiles make the users and folders" in_sandbox 'systemd-sysusers /usr/lib/sysusers.d/approve.conf
    systemd-tmpfiles --create /usr/lib/tmpfiles.d/approve.conf
    id approve-helper; id approve-server; test -d /run/approve; test -d /etc/approve'
check "no placeholder is left" sh -c "! grep -rl '@PREFIX@\\|@SYSCONFDIR@' $root/usr"
check "make uninstall takes it away" sh -c "make -s B=$B uninstall DESTDIR=$root PREFIX=/usr && [ -z \"\$(find $root/usr -type f -o -type l | grep -i approve)\" ]"
check "make uninstall leaves all as it is while a stack names the module" in_sandbox 'cp conf/pam.d/sudo /etc/pam.d/sudo
    ! PREFIX=/usr DESTDIR= SYSCONFDIR=/etc PAMDIR=/usr/lib/none conf/install --remove && test -e /usr/sbin/approvectl'
exit $failed
