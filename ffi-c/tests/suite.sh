# How test programs are run and counted; sourced by run.sh and by that of the freestanding form.
# shellcheck shell=sh
# The caller sets `work`, a folder, and `prefix`, which begins each line.

failed_suites=0

# report SUITE PASSED FAILED SKIPPED
report() {
    # shellcheck disable=SC2154
    echo "$prefix $1: $2 passed, $3 failed, $4 skipped"
    if [ "$3" -gt 0 ] || [ "$2" -eq 0 ]; then
        failed_suites=$((failed_suites + 1))
    fi
}

# run_program SUITE COMMAND...: the program's last line is its result.
run_program() {
    suite=$1
    shift
    # shellcheck disable=SC2154
    "$@" >"$work/output" 2>"$work/errors"
    code=$?
    result=$(tail -n 1 "$work/output" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
    # A crash, a leak or a report of a sanitizer is one more failure.
    # shellcheck disable=SC2086
    set -- ${result:-0 0 0}
    failed=$2
    if [ $code -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    fi
    if [ "$failed" -gt 0 ]; then
        echo "exit status $code" >>"$work/errors"
        tail -n 15 "$work/errors" >&2
    fi
    report "$suite" "$1" "$failed" "$3"
}
