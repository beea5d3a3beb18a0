#include "gateway/http/proxy_header.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "gateway/address.h"

/* ---- version 2, binary ---- */

enum {
    HEAD_LEN = 16,
    COMMAND_LOCAL = 0x20,
    COMMAND_PROXY = 0x21,
    FAMILY_UNKNOWN = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    TCP4_LEN = 12, /* two addresses and two ports */
    TCP6_LEN = 36,
};

static const uint8_t SIGNATURE[12] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_header_verdict read_binary(const uint8_t *data, size_t len, char client[static INET6_ADDRSTRLEN],
                                             size_t *used)
{
    if (len < HEAD_LEN)
        return PROXY_HEADER_MORE;
    uint8_t command = data[12], family = data[13];
    size_t rest = (size_t)data[14] << 8 | data[15];
    if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || HEAD_LEN + rest > PROXY_HEADER_MAX)
        return PROXY_HEADER_BAD;
    if (len < HEAD_LEN + rest)
        return PROXY_HEADER_MORE;
    *used = HEAD_LEN + rest;
    if (command == COMMAND_LOCAL || family == FAMILY_UNKNOWN)
        return PROXY_HEADER_GOOD;
    if (family == FAMILY_TCP4 && rest >= TCP4_LEN && inet_ntop(AF_INET, data + HEAD_LEN, client, INET6_ADDRSTRLEN))
        return PROXY_HEADER_GOOD;
    if (family == FAMILY_TCP6 && rest >= TCP6_LEN && inet_ntop(AF_INET6, data + HEAD_LEN, client, INET6_ADDRSTRLEN))
        return PROXY_HEADER_GOOD;
    return PROXY_HEADER_BAD;
}

/* ---- version 1, a line ---- */

enum { LINE_MAX_LEN = 107 };

/* The next word, in a buffer that takes every address; false where it is longer, or where there is none. */
static bool next_word(const char **at, const char *end, char word[static INET6_ADDRSTRLEN])
{
    size_t len = 0;
    while (*at + len < end && (*at)[len] != ' ')
        len++;
    if (len == 0 || len >= INET6_ADDRSTRLEN)
        return false;
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len < (size_t)(end - *at) ? len + 1 : len;
    return true;
}

static bool read_words(const char *at, const char *end, char client[static INET6_ADDRSTRLEN])
{
    char family[INET6_ADDRSTRLEN], source[INET6_ADDRSTRLEN], other[INET6_ADDRSTRLEN];
    if (!next_word(&at, end, family))
        return false;
    if (strcmp(family, "UNKNOWN") == 0)
        return true;
    int kind = strcmp(family, "TCP4") == 0 ? AF_INET : strcmp(family, "TCP6") == 0 ? AF_INET6 : AF_UNSPEC;
    if (kind == AF_UNSPEC || !next_word(&at, end, source) || !address_rewrite(kind, source, client))
        return false;
    for (unsigned i = 0; i < 3; i++) { /* the other address, and two ports */
        if (!next_word(&at, end, other))
            return false;
    }
    return at == end && end[-1] != ' ';
}

static enum proxy_header_verdict read_text(const uint8_t *data, size_t len, char client[static INET6_ADDRSTRLEN],
                                           size_t *used)
{
    static const char BEGIN[] = "PROXY ";
    size_t begin = sizeof BEGIN - 1, known = len < begin ? len : begin;
    if (memcmp(data, BEGIN, known) != 0)
        return PROXY_HEADER_BAD;
    const uint8_t *end = memchr(data, '\n', len < LINE_MAX_LEN ? len : LINE_MAX_LEN);
    if (!end)
        return len < LINE_MAX_LEN ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
    if (end[-1] != '\r' || !read_words((const char *)data + begin, (const char *)end - 1, client))
        return PROXY_HEADER_BAD;
    *used = (size_t)(end - data) + 1;
    return PROXY_HEADER_GOOD;
}

enum proxy_header_verdict proxy_header_read(const uint8_t *data, size_t len, char client[static INET6_ADDRSTRLEN],
                                            size_t *used)
{
    size_t known = len < sizeof SIGNATURE ? len : sizeof SIGNATURE;
    client[0] = '\0';
    *used = 0;
    if (len == 0)
        return PROXY_HEADER_MORE;
    if (memcmp(data, SIGNATURE, known) == 0)
        return read_binary(data, len, client, used);
    return read_text(data, len, client, used);
}
