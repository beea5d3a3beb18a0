/* A file that a store is imported from may be anything: reading stays inside it, gives keys in order and of a length
 * that a store takes, and ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void read_all(struct dump_reader *reader, const struct dump_header *header, size_t size)
{
    struct store_slice key, value;
    unsigned table = 0;
    size_t events = 0, octets = 0;
    enum dump_event event;
    while ((event = dump_next(reader, &table, &key, &value)) != DUMP_BAD && event != DUMP_END) {
        check(++events <= size && table < header->table_count);
        if (event != DUMP_RECORD)
            continue;
        check(key.len > 0 && key.len <= STORE_KEY_MAX && value.len <= DUMP_VALUE_MAX);
        octets += key.len + value.len;
        check(octets <= size);
        check(memchr(value.data, 0, value.len) == NULL || value.len > 0); /* all of it can be read */
    }
    check(dump_next(reader, &table, &key, &value) == event); /* and stays so */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dump_header header;
    char reason[STORE_REASON_SIZE];
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (file == NULL)
        return 0;
    struct dump_reader *reader = dump_read(file, &header, reason);
    check(memchr(reason, '\0', sizeof reason) != NULL);
    if (reader != NULL)
        read_all(reader, &header, size);
    dump_read_end(reader);
    fclose(file);
    return 0;
}
