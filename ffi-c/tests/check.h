/* What the test programs share: cases made of checks, and the last line that run.sh reads. */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static const char *case_name;
static unsigned case_checks;
static unsigned case_failures;
static unsigned cases_passed;
static unsigned cases_failed;
static unsigned cases_skipped;

/* Ends the case before, which passed if it had checks and all of them held. */
static void end_case(void) {
    if (case_name == NULL) {
        return;
    }
    if (case_checks > 0 && case_failures == 0) {
        cases_passed++;
    } else {
        cases_failed++;
        fprintf(stderr, "%s: %u of %u checks failed\n", case_name, case_failures, case_checks);
    }
}

/* Begins a case; the checks up to the next one are its own. */
static void begin_case(const char *name) {
    end_case();
    case_name = name;
    case_checks = 0;
    case_failures = 0;
}

static void check_that(int holds, const char *expression, const char *file, int line) {
    case_checks++;
    if (!holds) {
        case_failures++;
        fprintf(stderr, "%s:%d: %s: not %s\n", file, line, case_name, expression);
    }
}

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_STATUS(expected, call) \
    check_that((call) == (expected), #call " == " #expected, __FILE__, __LINE__)

/* The line that run.sh reads, and the exit status. */
static int check_summary(void) {
    end_case();
    printf("%u passed, %u failed, %u skipped\n", cases_passed, cases_failed, cases_skipped);
    return cases_failed == 0 && cases_passed > 0 ? 0 : 1;
}

/* A literal as (const uint8_t *, size_t). */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#endif
