#!/bin/sh
# Instructions per lookup, counted by callgrind: the gate on speed, as wall time is noisy.
#
#   benches/icount.sh            print a table
#   benches/icount.sh --check    the same, and exit 1 if a figure is above its limit
#   benches/icount.sh --limits   the same as the first, and write the limits of icount.limits anew
#   benches/icount.sh --record   the same as the first, and write results/*-icount.csv
#
# Needs valgrind. Figures include the loop around the lookup (five instructions). The limits are
# what was counted when they were written, and 2 % more: code that changes nothing else moves a
# figure by less. Three more do not depend on what was counted: a hash takes at most 35
# instructions, as many with few nodes as with many, and where somebody crowds the points of a ring
# into one arc, at most 1.2 times those of a binary search over all points.
set -eu
cd "$(dirname "$0")/.."
mode=${1:-}
limits=benches/icount.limits
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT

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
        echo "above the limit: $1: $2, at most $3" >&2
        failed=1
    fi
}

printf '%-18s %8s %12s %8s\n' "what" nodes instructions limit
measure() {
    what=$1
    shift
    for nodes in "$@"; do
        figure=$(count "$what" "$nodes")
        limit=$(awk -v what="$what" -v nodes="$nodes" '$1 == what && $2 == nodes { print $3 }' $limits)
        printf '%-18s %8s %12s %8s\n' "$what" "$nodes" "$figure" "$limit"
        echo "$what,$nodes,$figure,instructions" >>"$figures"
        case $mode$what in
        --checkcrowd | --checkbisect) ;;
        --check*) gate "$what, $nodes nodes" "$figure" "${limit:-0}" ;;
        esac
    done
}
figure_of() {
    awk -F, -v what="$1" -v nodes="$2" '$1 == what && $2 == nodes { print $3 }' "$figures"
}

measure hash 10 100 1000 10000
measure key 10 100 1000 10000
measure walk 10 100
measure three 10 100 1000 10000
measure zones 100
measure ringway-keyed-v1 100
measure maglev-v1 100
measure balanced-v1 100
measure jump-v1 10 1000
measure jumpback-v1 10 1000
measure rendezvous-v1 10
measure nginx 10 1000
measure crowd 1600 16000 60000
measure bisect 1600 16000 60000

for nodes in 10 100 1000 10000; do
    gate "hash, $nodes nodes, 8 bytes a point" "$(figure_of hash $nodes)" 35
    gate "flat: hash, $nodes nodes beside 10" "$(figure_of hash $nodes)" \
        "$(awk -v a="$(figure_of hash 10)" 'BEGIN { print a + 2 }')"
done
printf '\n%-18s %8s\n' "crowd by bisect" ratio
for points in 1600 16000 60000; do
    ratio=$(awk -v a="$(figure_of crowd $points)" -v b="$(figure_of bisect $points)" 'BEGIN { printf "%.2f", a / b }')
    printf '%-18s %8s\n' "$points points" "$ratio"
    gate "crowd of $points points over bisecting all" "$ratio" 1.20
done

case $mode in
--check) exit $failed ;;
--limits)
    {
        echo "# What a lookup may cost in instructions; benches/icount.sh --limits writes this file."
        awk -F, '$1 != "bisect" && $1 != "crowd" { printf "%s %s %.1f\n", $1, $2, $3 * 1.02 }' "$figures"
    } >$limits
    ;;
--record) python3 benches/record.py icount <"$figures" ;;
esac
