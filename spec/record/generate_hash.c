/* Which server libmemcached chooses.
 *
 *   generate_hash BEHAVIOR VALUE ... < servers and keys
 *
 * Sets the behaviors in order. Reads lines `server HOST PORT WEIGHT` and `key HEX` (`key` alone is
 * the empty key); prints for each key the place of its server in the list.
 */
#include <libmemcached/memcached.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    memcached_behavior_t behavior;
} BEHAVIORS[] = {
    {"KETAMA", MEMCACHED_BEHAVIOR_KETAMA},
    {"KETAMA_WEIGHTED", MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED},
    {"DISTRIBUTION", MEMCACHED_BEHAVIOR_DISTRIBUTION},
    {"HASH", MEMCACHED_BEHAVIOR_HASH},
};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "generate_hash: %s: %s\n", what, which);
    exit(2);
}

static void set(memcached_st *client, const char *name, const char *value)
{
    for (size_t at = 0; at < sizeof BEHAVIORS / sizeof *BEHAVIORS; at++) {
        if (strcmp(BEHAVIORS[at].name, name) == 0) {
            uint64_t number = strtoull(value, NULL, 10);
            if (memcached_behavior_set(client, BEHAVIORS[at].behavior, number) != MEMCACHED_SUCCESS)
                fail("not accepted", name);
            return;
        }
    }
    fail("unknown behavior", name);
}

int main(int count, char **words)
{
    static char line[4096], host[1024], hex[2048], key[1024];
    memcached_st *client = memcached_create(NULL);
    unsigned port, weight;

    for (int at = 1; at + 1 < count; at += 2)
        set(client, words[at], words[at + 1]);
    while (fgets(line, sizeof line, stdin)) {
        hex[0] = 0;
        if (sscanf(line, "server %1023s %u %u", host, &port, &weight) == 3) {
            if (memcached_server_add_with_weight(client, host, (in_port_t)port, weight) != MEMCACHED_SUCCESS)
                fail("server not accepted", host);
        } else if (strncmp(line, "key", 3) == 0) {
            size_t length = 0;
            sscanf(line, "key %2047s", hex);
            for (; hex[2 * length]; length++) {
                unsigned byte;
                if (sscanf(hex + 2 * length, "%2x", &byte) != 1)
                    fail("not hexadecimal", hex);
                key[length] = (char)byte;
            }
            printf("%u\n", memcached_generate_hash(client, key, length));
        } else {
            fail("unknown line", line);
        }
    }
    memcached_free(client);
    return 0;
}
