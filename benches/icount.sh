#!/bin/sh
# Instructions per lookup, counted by callgrind: the gate on speed, as wall time is noisy.
#
#   benches/icount.sh            print a table
#   benches/icount.sh --check    the same, and exit 1 if a figure is above its gate
#   benches/icount.sh --record   the same as the first, into benches/results
#
# Needs valgrind. Figures include the loop around the lookup (five instructions).
set -eu
cd "$(dirname "$0")/.."
check=${1:-}

cargo build --quiet --release -p ringway-bench --bin icount
binary=${CARGO_TARGET_DIR:-target}/release/icount
keys=131072
failed=0

# Instructions per lookup of `icount $1 $2`, with two decimals.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect='icount::counted*' "$binary" "$1" "$2" 2>&1 |
        awk -v keys=$keys '/Collected :/ { printf "%.2f\n", $NF / keys; found = 1 }
            END { exit !found }'
}

# Complains if $2 is above $3; $1 says what it is.
gate() {
    if [ "$(awk -v a="$2" -v b="$3" 'BEGIN { print (a <= b) }')" != 1 ]; then
        echo "above the gate: $1: $2, at most $3" >&2
        failed=1
    fi
}

if [ "$check" = --record ]; then
    cpu=$(awk -F': ' '/^model name/ { gsub(/\([A-Z]+\)/, "", $2); gsub(/ +/, "-", $2); print tolower($2); exit }' \
        /proc/cpuinfo)
    date=$(date -u +%Y-%m-%d)
    exec >"benches/results/$date-$cpu-icount.txt"
    echo "$date, commit $(git log -1 --format=%h -- core benches), $(valgrind --version), $(rustc --version)"
fi

echo "instructions per lookup"
printf '%-28s %8s %8s %8s %8s\n' nodes 10 100 1000 10000
for what in hash key three; do
    row=
    least=
    for nodes in 10 100 1000 10000; do
        figure=$(count $what $nodes)
        row="$row $figure"
        : "${least:=$figure}"
        if [ $what = hash ]; then
            gate "hash given, $nodes nodes, 8 bytes a point" "$figure" 35
            gate "flat in nodes: $nodes nodes" "$figure" "$(awk -v a="$least" 'BEGIN { print a + 2 }')"
        fi
        [ $what != key ] || gate "key of 16 bytes, $nodes nodes" "$figure" 58
        [ $what != three ] || gate "three owners, $nodes nodes" "$figure" 200
    done
    # shellcheck disable=SC2086
    printf '%-28s %8s %8s %8s %8s\n' "$what" $row
done

printf '\n%-28s %8s %8s %8s\n' "points crowded in one arc" crowd bisect ratio
for points in 1600 16000 60000; do
    crowd=$(count crowd $points)
    bisect=$(count bisect $points)
    ratio=$(awk -v a="$crowd" -v b="$bisect" 'BEGIN { printf "%.2f", a / b }')
    printf '%-28s %8s %8s %8s\n' "$points" "$crowd" "$bisect" "$ratio"
    gate "crowd of $points points over bisecting all" "$ratio" 1.20
done

[ "$check" = --check ] && exit $failed
exit 0
