#include "sectigo/sandbox/reply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PAGE                                                                                                           \
    "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Internal Server Error</h1></body></html>\n"

static void wait_s(double seconds)
{
    struct timespec span = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&span, NULL);
}

static struct timespec until_s(double seconds)
{
    return now_after((int64_t)(seconds * 1000));
}

/* Until another request of the endpoint was answered. */
static void wait_overtaken(struct sandbox *sandbox, const struct endpoint *endpoint, double seconds)
{
    struct timespec until = until_s(seconds);
    uint64_t answered;
    pthread_mutex_lock(&sandbox->lock);
    answered = sandbox->answered[endpoint->kind];
    while (sandbox->answered[endpoint->kind] == answered &&
           pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&sandbox->lock);
}

bool reply_before(struct sandbox *sandbox, const struct endpoint *endpoint, struct answer *answer)
{
    struct fault fault;
    if (!faults_take(&sandbox->faults, endpoint->name, FAULT_BEFORE, &fault))
        return false;
    switch (fault.action) {
    case FAULT_OVERTAKEN:
        wait_overtaken(sandbox, endpoint, fault.seconds);
        return false;
    case FAULT_DELAY:
        wait_s(fault.seconds);
        return false;
    case FAULT_CODE:
        answer_refuse_as(answer, endpoint->kind, fault.number);
        return true;
    default:
        answer_text(answer, (unsigned)fault.number, "text/html", PAGE);
        return true;
    }
}

static bool was_told(const struct order *order)
{
    for (size_t i = 0; i < order->notifications.count; i++) {
        if (order_notification(order, i)->attempts || order_notification(order, i)->done)
            return true;
    }
    return false;
}

static void wait_told(struct sandbox *sandbox, const struct order *placed, double seconds)
{
    struct timespec until = until_s(seconds);
    pthread_mutex_lock(&sandbox->lock);
    while (placed && !was_told(placed) && pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&sandbox->lock);
}

/* Of an order that somebody placed long ago, in place of the one that is meant. */
static void name_oldest(struct sandbox *sandbox, const char *what, struct answer *answer)
{
    bool number = strcmp(what, "orderNumber") == 0;
    pthread_mutex_lock(&sandbox->lock);
    const struct order *oldest = sandbox->book.count ? sandbox->book.orders[0] : NULL;
    const char *value = oldest ? number ? oldest->number : oldest->certificate_id : NULL;
    for (size_t i = 0; value && i < answer->count; i++) {
        const char *index = strrchr(answer->fields[i].name, '_'); /* of a report: "1_orderNumber" */
        if (strcmp(index ? index + 1 : answer->fields[i].name, what) == 0 && !text_set(&answer->fields[i].value, value))
            answer->failed = true;
    }
    pthread_mutex_unlock(&sandbox->lock);
}

void reply_after(struct sandbox *sandbox, const struct order *placed, const struct fault *fault, struct answer *answer)
{
    enum sectigo_call_kind kind =
        placed && placed->kind == ORDER_REPLACEMENT ? SECTIGO_AUTO_REPLACE_SSL : SECTIGO_AUTO_APPLY_ORDER;
    switch (fault->action) {
    case FAULT_PUSH_EARLY:
        wait_told(sandbox, placed, fault->seconds);
        break;
    case FAULT_CODE_AFTER:
        answer_refuse_as(answer, kind, fault->number);
        break;
    case FAULT_STATUS_AFTER:
        answer_text(answer, (unsigned)fault->number, "text/html", PAGE);
        break;
    case FAULT_HTML:
        answer_text(answer, 200, "text/html", PAGE);
        break;
    case FAULT_FOREIGN_NUMBER:
        name_oldest(sandbox, "orderNumber", answer);
        break;
    case FAULT_FOREIGN_CERTIFICATE:
        name_oldest(sandbox, "certificateID", answer);
        break;
    case FAULT_SHORT:
        answer_finish(answer);
        answer->len /= 2;
        break;
    default:
        break;
    }
}

bool reply_is_lost(const struct fault *fault)
{
    switch (fault->action) {
    case FAULT_LOSE:
    case FAULT_CLOSE:
    case FAULT_STATUS_AFTER:
    case FAULT_HTML:
    case FAULT_RESET_BODY:
    case FAULT_TRUNCATE:
    case FAULT_SHORT:
        return true;
    default:
        return false;
    }
}

/* A body that does not arrive as it should. */
struct broken {
    char *body;
    size_t len, stop; /* stop: where it ends with an error */
    double pause_s;   /* before each octet */
    int reset_fd;     /* -1: the connection ends in order */
};

/* Dissolves the association: the peer sees a reset at once, whatever is done with the socket afterwards. (Lingering of
 * zero acts only at the close, and the library shuts down in order before it.) */
static void reset_connection(int fd)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    /* NOLINTNEXTLINE(bugprone-unused-return-value): there is no other way to tell */
    connect(fd, &nowhere, sizeof nowhere);
}

static ssize_t read_broken(void *arg, uint64_t at, char *out, size_t max)
{
    struct broken *broken = arg;
    if (at >= broken->stop) {
        wait_s(0.05); /* what went before shall arrive first */
        if (broken->reset_fd >= 0)
            reset_connection(broken->reset_fd);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (broken->pause_s > 0) {
        wait_s(broken->pause_s);
        max = 1;
    }
    if (max > broken->stop - at)
        max = broken->stop - at;
    memcpy(out, broken->body + at, max);
    return (ssize_t)max;
}

static void free_broken(void *arg)
{
    struct broken *broken = arg;
    free(broken->body);
    free(broken);
}

static int connection_fd(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static struct MHD_Response *make_broken(struct MHD_Connection *connection, struct answer *answer,
                                        const struct fault *fault)
{
    struct broken *broken = calloc(1, sizeof *broken);
    if (!broken)
        return NULL;
    *broken = (struct broken){.body = answer->body, .len = answer->len, .stop = answer->len, .reset_fd = -1};
    answer->body = NULL;
    if (fault->action == FAULT_SLOW)
        broken->pause_s = broken->len ? fault->seconds / (double)broken->len : 0;
    else
        broken->stop = broken->len / 2;
    if (fault->action == FAULT_RESET_BODY)
        broken->reset_fd = connection_fd(connection);
    return MHD_create_response_from_callback(broken->len, 1024, read_broken, broken, free_broken);
}

static struct MHD_Response *make_whole(struct answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(answer->len, answer->body, MHD_RESPMEM_MUST_FREE);
    if (response)
        answer->body = NULL;
    return response;
}

static bool is_broken(const struct fault *fault)
{
    return fault &&
           (fault->action == FAULT_SLOW || fault->action == FAULT_TRUNCATE || fault->action == FAULT_RESET_BODY);
}

/* By our clock, which tests may move. */
static void add_date(struct sandbox *sandbox, struct MHD_Response *response)
{
    char text[64];
    struct tm parts;
    pthread_mutex_lock(&sandbox->lock);
    bool none = sandbox->settings.no_date;
    time_t now_s = (time_t)((now_ms() + sandbox->settings.date_ahead_ms) / 1000);
    pthread_mutex_unlock(&sandbox->lock);
    if (!none && gmtime_r(&now_s, &parts) && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0)
        MHD_add_response_header(response, MHD_HTTP_HEADER_DATE, text);
}

enum MHD_Result reply_send(struct sandbox *sandbox, struct MHD_Connection *connection, struct answer *answer,
                           const struct fault *fault)
{
    struct MHD_Response *response;
    enum MHD_Result result;
    if (fault && fault->action == FAULT_CLOSE)
        return MHD_NO;
    if (fault && fault->action == FAULT_LOSE) {
        wait_s(fault->seconds);
        reset_connection(connection_fd(connection));
        return MHD_NO;
    }
    answer_finish(answer);
    response = is_broken(fault) ? make_broken(connection, answer, fault) : make_whole(answer);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    add_date(sandbox, response);
    result = MHD_queue_response(connection, answer->http_status, response);
    MHD_destroy_response(response);
    return result;
}
