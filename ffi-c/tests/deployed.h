/* Reads the lines that deployed_to_lines.py writes. C99 and C++17. */

#ifndef DEPLOYED_H
#define DEPLOYED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY 4294967295u
#define NODES_MAX 65536u

/* What is left of a file, which is changed while it is read. */
struct reader {
    char *memory;
    char *rest;
};

struct slice {
    const uint8_t *data;
    size_t len;
};

static void give_up(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(2);
}

static struct reader read_lines(const char *path) {
    struct reader reader = {NULL, NULL};
    FILE *file = fopen(path, "rb");
    long len = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        len = ftell(file);
        rewind(file);
    }
    reader.memory = len < 0 ? NULL : (char *)malloc((size_t)len + 1);
    if (reader.memory == NULL || fread(reader.memory, 1, (size_t)len, file) != (size_t)len) {
        give_up("the recorded lines cannot be read");
    }
    reader.memory[len] = '\0';
    reader.rest = reader.memory;
    fclose(file);
    return reader;
}

/* The next line without its end; NULL after the last one. */
static char *next_line(struct reader *reader) {
    char *line = reader->rest;
    char *end = strchr(line, '\n');
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    reader->rest = end + 1;
    return line;
}

/* The next word of a line, or an empty one. */
static char *next_word(char **line) {
    char *word = *line;
    char *end = strchr(word, ' ');
    *line = end == NULL ? word + strlen(word) : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    return word;
}

static uint8_t digit(char digit) {
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* The bytes of a word in hexadecimal digits, which they replace. */
static struct slice next_bytes(char **line) {
    char *word = next_word(line);
    uint8_t *data = (uint8_t *)word;
    struct slice slice;
    size_t i;
    slice.data = data;
    slice.len = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;
    for (i = 0; i < slice.len; i++) {
        data[i] = (uint8_t)(digit(word[2 * i]) << 4 | digit(word[2 * i + 1]));
    }
    return slice;
}

static int64_t next_number(char **line) {
    return (int64_t)strtoll(next_word(line), NULL, 10);
}

#endif
