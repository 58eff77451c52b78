/* A stranger's program: the owner of each line of standard input, by a cluster file.
 * owners CLUSTER_FILE < KEYS > OWNERS */

#include <ringway.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    const ringway_table *table = NULL;
    char line[1024], message[512];
    ringway_status status;
    if (argc != 2 || strcmp(ringway_version(), RINGWAY_VERSION) != 0) {
        fprintf(stderr, "library %s, header " RINGWAY_VERSION "\n", ringway_version());
        return 2;
    }
    status = ringway_table_from_cluster_file((const uint8_t *)argv[1], strlen(argv[1]), message,
                                             sizeof message, NULL, &table);
    if (status != RINGWAY_STATUS_OK) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint32_t owner = 0;
        if (ringway_table_owner(table, (const uint8_t *)line, strcspn(line, "\n"), &owner) !=
            RINGWAY_STATUS_OK) {
            return 1;
        }
        printf("%u\n", (unsigned)owner);
    }
    ringway_table_free(table);
    return 0;
}
