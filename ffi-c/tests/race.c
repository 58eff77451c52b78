/* What must not be done, and ThreadSanitizer must see: one builder in two threads at once. */

#include <pthread.h>

#include "check.h"
#include "ringway.h"

static void *add_nodes(void *argument) {
    char name[16];
    int i;
    for (i = 0; i < 100; i++) {
        const int len = snprintf(name, sizeof name, "n%d", i);
        if (ringway_builder_add_node((ringway_builder *)argument, (const uint8_t *)name, (size_t)len, 1, NULL, 0,
                                     RINGWAY_STATE_UP) != RINGWAY_STATUS_OK) {
            return argument;
        }
    }
    return NULL;
}

int main(void) {
    ringway_builder *builder = NULL;
    pthread_t threads[2];
    int i;
    begin_case("a race");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    for (i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, add_nodes, builder) == 0);
    }
    for (i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    return check_summary();
}
