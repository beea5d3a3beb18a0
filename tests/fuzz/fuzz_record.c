/* A stored record may be damaged: whatever its octets, reading must stay inside them and say so.
 *
 * The input is read as a program: each octet of its first half chooses the next field to read from the second. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void read_text(struct record_reader *r)
{
    char text[16];
    memset(text, 'x', sizeof text);
    record_get_string(r, text, sizeof text);
    check(memchr(text, '\0', sizeof text) != NULL);
}

static void read_copy(struct record_reader *r)
{
    bool failed = r->failed;
    char *text = record_dup_string(r);
    check(text == NULL ? r->failed : !failed);
    free(text);
}

static void read_field(struct record_reader *r, uint8_t kind)
{
    uint8_t fixed[32];
    switch (kind % 8) {
    case 0:
        record_get_u8(r);
        break;
    case 1:
        record_get_u32(r);
        break;
    case 2:
        record_get_u64(r);
        break;
    case 3: {
        struct store_slice bytes = record_get_bytes(r);
        check(!r->failed || bytes.len == 0);
        check(bytes.len == 0 || bytes.data + bytes.len == r->data);
        break;
    }
    case 4:
        record_get_fixed(r, fixed, kind % (sizeof fixed + 1));
        break;
    case 5:
        read_text(r);
        break;
    case 6:
        r->compact = !r->compact;
        break;
    default:
        read_copy(r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t program = size / 2;
    const uint8_t *end = data + size;
    struct record_reader r;
    record_open(&r, (struct store_slice){.data = data + program, .len = size - program});
    for (size_t i = 0; i < program; i++) {
        bool failed = r.failed;
        size_t left = r.left;
        read_field(&r, data[i]);
        check(r.failed >= failed && r.left <= left);
        check(r.failed || r.data + r.left == end || size == program);
    }
    check(!record_complete(&r) || (r.left == 0 && !r.failed));
    return 0;
}
