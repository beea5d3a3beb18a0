#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "store/shortage.h"

enum { FIRST_CAPACITY = 128 };
enum { BITS = 7, MORE = 1 << BITS }; /* of an octet of a compact number: its own, and that another follows */
enum { COMPACT_MAX = (64 + BITS - 1) / BITS };

/* ---- writing ---- */

static bool reserve(struct record_writer *w, size_t len)
{
    if (w->failed || len > w->max - w->len) {
        w->failed = true;
        return false;
    }
    size_t need = w->len + len;
    if (need <= w->cap)
        return true;
    size_t cap = w->cap > 0 ? w->cap : FIRST_CAPACITY;
    while (cap < need)
        cap = cap <= SIZE_MAX / 2 ? cap * 2 : need;
    uint8_t *data = shortage_realloc(w->data, cap);
    if (data == NULL) {
        w->failed = true;
        return false;
    }
    w->data = data;
    w->cap = cap;
    return true;
}

static void put_number(struct record_writer *w, uint64_t value, size_t size)
{
    if (!reserve(w, size))
        return;
    for (size_t i = size; i > 0; i--, value >>= 8)
        w->data[w->len + i - 1] = (uint8_t)(value & 0xff);
    w->len += size;
}

/* Seven bits an octet, the lowest first. */
static void put_compact(struct record_writer *w, uint64_t value)
{
    uint8_t octets[COMPACT_MAX];
    size_t len = 0;
    for (; value >= MORE; value >>= BITS)
        octets[len++] = (uint8_t)(MORE | (value & (MORE - 1)));
    octets[len++] = (uint8_t)value;
    record_put_fixed(w, octets, len);
}

static void put_wide_or_compact(struct record_writer *w, uint64_t value, size_t size)
{
    if (w->compact)
        put_compact(w, value);
    else
        put_number(w, value, size);
}

void record_begin(struct record_writer *w, uint8_t version, size_t max)
{
    *w = (struct record_writer){.max = max};
    record_put_u8(w, version);
}

void record_free(struct record_writer *w)
{
    free(w->data);
    *w = (struct record_writer){.failed = true};
}

void record_put_u8(struct record_writer *w, uint8_t value)
{
    put_number(w, value, sizeof value);
}

void record_put_u32(struct record_writer *w, uint32_t value)
{
    put_wide_or_compact(w, value, sizeof value);
}

void record_put_u64(struct record_writer *w, uint64_t value)
{
    put_wide_or_compact(w, value, sizeof value);
}

void record_put_bytes(struct record_writer *w, const void *data, size_t len)
{
    if (len > UINT32_MAX) {
        w->failed = true;
        return;
    }
    record_put_u32(w, (uint32_t)len);
    record_put_fixed(w, data, len);
}

void record_put_fixed(struct record_writer *w, const void *data, size_t len)
{
    if (len == 0 || !reserve(w, len))
        return;
    memcpy(w->data + w->len, data, len);
    w->len += len;
}

void record_put_string(struct record_writer *w, const char *text)
{
    record_put_bytes(w, text, text != NULL ? strlen(text) : 0);
}

/* ---- reading ---- */

/* The next len octets, NULL when they are not there. */
static const uint8_t *take_octets(struct record_reader *r, size_t len)
{
    if (r->failed || len > r->left) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *data = r->data;
    r->data += len;
    r->left -= len;
    return data;
}

static uint64_t get_number(struct record_reader *r, size_t size)
{
    const uint8_t *data = take_octets(r, size);
    uint64_t value = 0;
    for (size_t i = 0; data != NULL && i < size; i++)
        value = value << 8 | data[i];
    return value;
}

/* Only as put_compact writes it: no octet too many, no bit beyond the type. Most numbers have one octet. */
static uint64_t get_compact(struct record_reader *r, uint64_t most)
{
    uint64_t value = 0;
    if (!r->failed && r->left > 0 && *r->data < MORE) {
        r->left--;
        return *r->data++;
    }
    for (unsigned shift = 0;; shift += BITS) {
        const uint8_t *octet = take_octets(r, 1);
        uint64_t bits = octet ? *octet & (MORE - 1) : 0;
        if (!octet || shift >= 64 || bits > most >> shift || (shift > 0 && *octet == 0)) {
            r->failed = true;
            return 0;
        }
        value |= bits << shift;
        if (!(*octet & MORE))
            return value;
    }
}

uint8_t record_open(struct record_reader *r, struct store_slice value)
{
    /* A pointer in any case: adding 0 to NULL is undefined. */
    *r = (struct record_reader){.data = value.data != NULL ? value.data : (const uint8_t *)"",
                                .left = value.data != NULL ? value.len : 0};
    return record_get_u8(r);
}

uint8_t record_get_u8(struct record_reader *r)
{
    return (uint8_t)get_number(r, sizeof(uint8_t));
}

uint32_t record_get_u32(struct record_reader *r)
{
    return (uint32_t)(r->compact ? get_compact(r, UINT32_MAX) : get_number(r, sizeof(uint32_t)));
}

uint64_t record_get_u64(struct record_reader *r)
{
    return r->compact ? get_compact(r, UINT64_MAX) : get_number(r, sizeof(uint64_t));
}

struct store_slice record_get_bytes(struct record_reader *r)
{
    size_t len = record_get_u32(r);
    const uint8_t *data = take_octets(r, len);
    return (struct store_slice){.data = data, .len = data != NULL ? len : 0};
}

void record_get_fixed(struct record_reader *r, void *out, size_t len)
{
    const uint8_t *data = take_octets(r, len);
    if (len == 0)
        return;
    if (data != NULL)
        memcpy(out, data, len);
    else
        memset(out, 0, len); /* a caller that asks late must not see old memory */
}

static bool is_text(struct store_slice bytes)
{
    return bytes.data != NULL && memchr(bytes.data, '\0', bytes.len) == NULL;
}

void record_get_string(struct record_reader *r, char *out, size_t size)
{
    struct store_slice bytes = record_get_bytes(r);
    if (size == 0 || bytes.len >= size || !is_text(bytes)) {
        r->failed = true;
        bytes.len = 0;
    }
    if (size == 0)
        return;
    if (bytes.len > 0)
        memcpy(out, bytes.data, bytes.len);
    out[bytes.len] = '\0';
}

char *record_dup_string(struct record_reader *r)
{
    struct store_slice bytes = record_get_bytes(r);
    char *copy = is_text(bytes) ? shortage_malloc(bytes.len + 1) : NULL;
    if (copy == NULL) {
        r->failed = true;
        return NULL;
    }
    memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    return copy;
}

bool record_complete(const struct record_reader *r)
{
    return !r->failed && r->left == 0;
}
