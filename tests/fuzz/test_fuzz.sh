#!/bin/sh
# Runs each fuzz target for FUZZ_SECONDS on its seeds, and on what earlier runs found. Prints TAP. An input that breaks one is kept:
# mend the code, then put the input among the seeds.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
seconds=${FUZZ_SECONDS:-5}
count=0

make -s -j2 B="$B" fuzz-targets >&2 || { echo "1..1"; echo "not ok 1 - fuzz targets build with clang"; exit 0; }
for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    name=${target#fuzz_}
    count=$((count + 1))
    corpus=$B/fuzz/corpus/$name
    log=$B/fuzz/$name.log
    mkdir -p "$corpus"
    if "$B/fuzz/$target" -max_total_time="$seconds" -max_len=20000 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$B/fuzz/$name-" "$corpus" "tests/fuzz/seeds/$name" > "$log" 2>&1; then
        echo "ok $count - $name takes any input ($(sed -n 's/^stat::number_of_executed_units: *//p' "$log") tried)"
    else
        echo "not ok $count - $name takes any input"
        grep -E 'does not hold|ERROR|SUMMARY|runtime error|Test unit written' "$log" | sed 's/^/# /'
        echo "# all of it: $log"
    fi
done
echo "1..$count"
