/* Many threads look up in one table, add references and give them back; the last one frees it. */

#include <pthread.h>

#include "check.h"
#include "ringway.h"

#define THREADS 8
#define KEYS 20000u

struct work {
    const ringway_table *table;
    uint64_t sum;
    int failures;
};

static void *look_up(void *argument) {
    struct work *work = (struct work *)argument;
    uint32_t i, index = 0;
    for (i = 0; i < KEYS; i++) {
        uint8_t key[4];
        memcpy(key, &i, sizeof key);
        work->failures += ringway_table_ref(work->table) != RINGWAY_STATUS_OK;
        work->failures += ringway_table_owner(work->table, key, sizeof key, &index) != RINGWAY_STATUS_OK;
        ringway_table_free(work->table);
        work->sum = work->sum * 31 + index;
    }
    ringway_table_free(work->table);
    return NULL;
}

int main(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    pthread_t threads[THREADS];
    struct work work[THREADS];
    int i;
    begin_case("threads share a table");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, 0));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("b"), 2, NULL, 0, 0));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    for (i = 0; i < THREADS; i++) {
        work[i].table = table;
        work[i].sum = 0;
        work[i].failures = 0;
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_ref(table));
        CHECK(pthread_create(&threads[i], NULL, look_up, &work[i]) == 0);
    }
    ringway_table_free(table);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(work[i].failures == 0 && work[i].sum == work[0].sum && work[i].sum != 0);
    }
    return check_summary();
}
