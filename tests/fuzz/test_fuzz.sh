#!/bin/sh
# Runs each fuzz target for FUZZ_SECONDS on its seeds, and on what earlier runs found; as many side by side as there are processors. Prints TAP. An input that
# breaks one is kept: mend the code, then put the input among the seeds.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
seconds=${FUZZ_SECONDS:-10}

run_one() { # its name
    mkdir -p "$B/fuzz/corpus/$1"
    "$B/fuzz/fuzz_$1" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -max_len=20000 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$B/fuzz/$1-" "$B/fuzz/corpus/$1" "tests/fuzz/seeds/$1" > "$B/fuzz/$1.log" 2>&1
    echo $? > "$B/fuzz/$1.status"
}
if [ $# -gt 0 ]; then # by xargs, below
    run_one "$1"
    exit 0
fi

names=$(basename -a -s .c tests/fuzz/fuzz_*.c | sed 's/^fuzz_//')
make -s -j"$(nproc)" B="$B" fuzz-targets >&2 || { echo "1..1"; echo "not ok 1 - fuzz targets build with clang"; exit 1; }
for name in $names; do rm -f "$B/fuzz/$name.status"; done
export B FUZZ_SECONDS="$seconds"
echo "$names" | xargs -P"$(nproc)" -n1 "$0"

count=0
failed=0
for name in $names; do
    count=$((count + 1))
    log=$B/fuzz/$name.log
    if [ "$(cat "$B/fuzz/$name.status")" = 0 ]; then
        echo "ok $count - $name takes any input ($(sed -n 's/^stat::number_of_executed_units: *//p' "$log") tried)"
    else
        failed=1
        echo "not ok $count - $name takes any input"
        grep -E 'does not hold|ERROR|SUMMARY|runtime error|Test unit written' "$log" | sed 's/^/# /'
        echo "# all of it: $log"
    fi
done
echo "1..$count"
exit $failed
