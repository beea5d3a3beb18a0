/* dns_peer: a DNS server for tests, a thread on 127.0.0.1 that answers from a table. */
#ifndef TESTS_DNS_PEER_H
#define TESTS_DNS_PEER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_A = 1, DNS_CNAME = 5, DNS_TXT = 16, DNS_AAAA = 28, DNS_CAA = 257 };
enum { DNS_SERVFAIL = 2, DNS_SILENCE = -1, DNS_GARBAGE = -2 };

/* Several rows with one name and type are one record set. A name without a row does not exist. */
struct dns_row {
    const char *name;
    int type;
    const char *data; /* address, target, or text whose pieces are parted by '|'; of CAA tag '|' value, with '!' in
                         front where it is critical; NULL: see error */
    int error;        /* DNS_SERVFAIL, DNS_SILENCE, DNS_GARBAGE: octets that answer nothing */
};

struct dns_peer {
    const struct dns_row *_Atomic rows; /* ends with a NULL name; may be replaced */
    int fd, stop_fd;
    uint16_t port;
    pthread_t thread;
    _Atomic unsigned asked;
};

struct dns_message {
    uint8_t octets[4096];
    size_t len;
};

static inline void dns_put(struct dns_message *m, const void *data, size_t len)
{
    memcpy(m->octets + m->len, data, len);
    m->len += len;
}

static inline void dns_put16(struct dns_message *m, unsigned value)
{
    uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    dns_put(m, octets, 2);
}

static inline void dns_put_name(struct dns_message *m, const char *name)
{
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        uint8_t octet = (uint8_t)label;
        dns_put(m, &octet, 1);
        dns_put(m, name, label);
        name += label + (name[label] == '.');
    }
    dns_put(m, "", 1);
}

static inline void dns_put_text(struct dns_message *m, const char *text)
{
    for (;;) {
        size_t piece = strcspn(text, "|");
        uint8_t octet = (uint8_t)piece;
        dns_put(m, &octet, 1);
        dns_put(m, text, piece);
        if (text[piece] == '\0')
            return;
        text += piece + 1;
    }
}

static inline void dns_put_caa(struct dns_message *m, const char *data)
{
    bool critical = *data == '!';
    data += critical;
    uint8_t head[2] = {critical ? 0x80 : 0, (uint8_t)strcspn(data, "|")};
    dns_put(m, head, 2);
    dns_put(m, data, head[1]);
    dns_put(m, data + head[1] + 1, strlen(data + head[1] + 1));
}

static inline void dns_put_record(struct dns_message *m, const struct dns_row *row)
{
    uint8_t address[16];
    dns_put_name(m, row->name);
    dns_put16(m, (unsigned)row->type);
    dns_put16(m, 1);
    dns_put(m, "\0\0\0\74", 4); /* TTL 60: what must not be cached */
    size_t at = m->len;
    dns_put16(m, 0);
    if (row->type == DNS_A && inet_pton(AF_INET, row->data, address) == 1)
        dns_put(m, address, 4);
    else if (row->type == DNS_AAAA && inet_pton(AF_INET6, row->data, address) == 1)
        dns_put(m, address, 16);
    else if (row->type == DNS_CNAME)
        dns_put_name(m, row->data);
    else if (row->type == DNS_CAA)
        dns_put_caa(m, row->data);
    else
        dns_put_text(m, row->data);
    size_t len = m->len - at - 2;
    m->octets[at] = (uint8_t)(len >> 8);
    m->octets[at + 1] = (uint8_t)len;
}

/* A negative answer's SOA record, of the root for simplicity: without one its time to live is the resolver's own. */
static inline void dns_put_soa(struct dns_message *m)
{
    dns_put(m, "\0\0\6\0\1\0\0\0\74\0\26\0\0", 13); /* names: root */
    dns_put(m, "\0\0\0\1\0\0\0\74\0\0\0\74\0\0\0\74\0\0\0\74", 20);
}

/* Length of the question's name as text, or 0. */
static inline size_t dns_question(const uint8_t *octets, size_t len, char name[static 256])
{
    size_t at = 12, out = 0;
    while (at < len && octets[at] != 0 && octets[at] < 64 && out + octets[at] + 1u < 256) {
        memcpy(name + out, octets + at + 1, octets[at]);
        out += octets[at];
        name[out++] = '.';
        at += octets[at] + 1u;
    }
    name[out > 0 ? out - 1 : 0] = '\0';
    return at + 5 <= len ? at : 0;
}

/* Adds the records; follows CNAMEs. Returns the rcode, or DNS_SILENCE. */
static inline int dns_fill(const struct dns_peer *peer, const char *name, int type, struct dns_message *m,
                           unsigned *count)
{
    bool exists = false;
    for (const struct dns_row *row = peer->rows; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) != 0)
            continue;
        exists = true;
        if (row->type != type && row->type != DNS_CNAME)
            continue;
        if (row->error != 0)
            return row->error;
        dns_put_record(m, row);
        ++*count;
        if (row->type == DNS_CNAME && type != DNS_CNAME)
            return dns_fill(peer, row->data, type, m, count);
    }
    return exists ? 0 : 3;
}

static inline void *dns_peer_main(void *ctx)
{
    struct dns_peer *peer = ctx;
    for (;;) {
        struct pollfd fds[2] = {{.fd = peer->fd, .events = POLLIN}, {.fd = peer->stop_fd, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents != 0)
            return NULL;
        uint8_t query[1024];
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t got = recvfrom(peer->fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
        char name[256] = "";
        size_t name_end = got > 12 ? dns_question(query, (size_t)got, name) : 0;
        if (name_end == 0)
            continue;
        peer->asked++;
        struct dns_message m = {.len = 0};
        dns_put(&m, query, name_end + 5); /* header and question */
        unsigned count = 0;
        int rcode = dns_fill(peer, name, query[name_end + 1] << 8 | query[name_end + 2], &m, &count);
        if (rcode == DNS_SILENCE)
            continue;
        if (rcode == DNS_GARBAGE) {
            for (size_t i = 0; i < m.len; i++)
                m.octets[i] ^= 0x55;
            sendto(peer->fd, m.octets, m.len, 0, (struct sockaddr *)&from, from_len);
            continue;
        }
        m.octets[2] = 0x81;
        m.octets[3] = (uint8_t)(0x80 | rcode);
        memset(m.octets + 4, 0, 8);
        m.octets[5] = 1;
        m.octets[7] = (uint8_t)count;
        if (count == 0 && rcode != DNS_SERVFAIL) {
            m.octets[9] = 1;
            dns_put_soa(&m);
        }
        sendto(peer->fd, m.octets, m.len, 0, (struct sockaddr *)&from, from_len);
    }
}

static inline bool dns_peer_start(struct dns_peer *peer, const struct dns_row *rows)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    *peer = (struct dns_peer){.rows = rows};
    peer->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    peer->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (bind(peer->fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(peer->fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    peer->port = ntohs(address.sin_port);
    return pthread_create(&peer->thread, NULL, dns_peer_main, peer) == 0;
}

static inline void dns_peer_stop(struct dns_peer *peer)
{
    uint64_t one = 1;
    ssize_t written = write(peer->stop_fd, &one, sizeof one);
    (void)written;
    pthread_join(peer->thread, NULL);
    close(peer->fd);
    close(peer->stop_fd);
}

#endif
