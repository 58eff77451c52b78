/* What the test programs share: counting checks, and the last line that run.sh reads. */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static unsigned checks_passed;
static unsigned checks_failed;
static unsigned checks_skipped;

/* Counts a check and says where it failed; `what` is printed beside it. */
static void check_that(int holds, const char *expression, const char *what, int line) {
    if (holds) {
        checks_passed++;
    } else {
        checks_failed++;
        fprintf(stderr, "line %d: %s: not %s\n", line, what, expression);
    }
}

#define CHECK(condition) check_that((condition) != 0, #condition, "check", __LINE__)
#define CHECK_OF(what, condition) check_that((condition) != 0, #condition, (what), __LINE__)
#define CHECK_STATUS(expected, call) \
    check_that((call) == (expected), #call " == " #expected, "status", __LINE__)

/* The line that run.sh reads, and the exit status. */
static int check_summary(void) {
    printf("%u passed, %u failed, %u skipped\n", checks_passed, checks_failed, checks_skipped);
    return checks_failed == 0 && checks_passed > 0 ? 0 : 1;
}

/* A literal as (const uint8_t *, size_t). */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#endif
