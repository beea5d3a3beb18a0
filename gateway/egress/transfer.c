/* Transfers: libcurl's multi_socket interface, so that a step costs what its one socket costs, however many wait. */
#include "gateway/egress/internal.h"
#include "store/shortage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { HOST_CONNECTIONS_DEFAULT = 100 };

struct transfer {
    struct egress *egress;
    CURL *easy;
    egress_transfer_fn *done;
    void *ctx;
    int family;                /* of the address connected to */
    bool shortage;             /* no socket could be made, for a want of ours */
    CURLcode result;           /* of one that could not be started, or not be watched */
    struct egress_watch later; /* tells of it */
    struct transfer *next, **link;
};

/* A want of ours looks like the peer's fault to libcurl. */
static CURLcode blame(struct transfer *transfer, CURLcode result)
{
    long error = 0;
    switch (result) {
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
        return transfer->shortage || egress_is_shortage(transfer->family, (int)error) ? CURLE_FAILED_INIT : result;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CACERT_BADFILE: /* read anew for each connection */
    case CURLE_SSL_CERTPROBLEM:
        return egress_is_short(transfer->egress) ? CURLE_FAILED_INIT : result;
    default:
        return result;
    }
}

static void end_transfer(struct transfer *transfer, CURLcode result)
{
    result = blame(transfer, result);
    egress_loop_disarm(&transfer->egress->loop, &transfer->later);
    *transfer->link = transfer->next;
    if (transfer->next != NULL)
        transfer->next->link = transfer->link;
    egress_transfer_fn *done = transfer->done;
    void *ctx = transfer->ctx;
    CURL *easy = transfer->easy;
    free(transfer);
    done(ctx, easy, result);
}

static void collect_ended(struct egress *egress)
{
    CURLM *multi = egress->transfers.multi;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result; /* the message dies with the removal */
        struct transfer *transfer = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(multi, easy);
        end_transfer(transfer, result);
    }
}

static void on_curl_event(void *ctx, int fd, int events)
{
    struct egress *egress = ctx;
    int mask = (events & EGRESS_READABLE ? CURL_CSELECT_IN : 0) | (events & EGRESS_WRITABLE ? CURL_CSELECT_OUT : 0);
    int running;
    curl_multi_socket_action(egress->transfers.multi, fd, mask, &running);
    collect_ended(egress);
}

static void on_timer_due(void *ctx, int event)
{
    (void)event;
    struct egress *egress = ctx;
    int running;
    curl_multi_socket_action(egress->transfers.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_ended(egress);
}

/* ---- what libcurl asks for ---- */

static void on_unwatched(void *ctx, int event)
{
    (void)event;
    struct transfer *transfer = ctx;
    curl_multi_remove_handle(transfer->egress->transfers.multi, transfer->easy);
    end_transfer(transfer, transfer->result);
}

static int on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)socket_ctx;
    struct egress *egress = ctx;
    if (what == CURL_POLL_REMOVE) {
        egress_loop_forget(&egress->loop, fd);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? EGRESS_READABLE : 0) | (what & CURL_POLL_OUT ? EGRESS_WRITABLE : 0);
    struct transfer *transfer = NULL;
    if (egress_loop_listen(&egress->loop, fd, events, on_curl_event, egress))
        return 0;
    /* An error here would end every transfer that libcurl has, for ever: it is this one's alone. */
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    if (transfer != NULL && !transfer->later.armed) {
        transfer->result = CURLE_FAILED_INIT;
        transfer->later = (struct egress_watch){.fd = -1, .fn = on_unwatched, .ctx = transfer};
        egress_loop_arm(&egress->loop, &transfer->later);
    }
    return 0;
}

/* Otherwise as libcurl does it; but libcurl does not tell why it could not. */
static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct transfer *transfer = ctx;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    transfer->family = address->family;
    if (fd >= 0)
        return fd;
    transfer->shortage = transfer->shortage || egress_is_shortage(address->family, errno);
    return CURL_SOCKET_BAD;
}

static int on_timer_wish(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct egress *egress = ctx;
    struct egress_watch *timer = &egress->transfers.timer;
    egress_loop_disarm(&egress->loop, timer);
    if (timeout_ms >= 0) {
        timer->deadline_ms = egress_now_ms() + (uint64_t)timeout_ms;
        egress_loop_arm(&egress->loop, timer);
    }
    return 0;
}

bool egress_transfers_open(struct egress *egress, const struct egress_config *config,
                           char reason[static EGRESS_REASON_MAX])
{
    struct egress_transfers *transfers = &egress->transfers;
    transfers->timer = (struct egress_watch){.fd = -1, .fn = on_timer_due, .ctx = egress};
    transfers->multi = curl_multi_init();
    if (transfers->multi == NULL) {
        snprintf(reason, EGRESS_REASON_MAX, "libcurl cannot be started: out of memory");
        return false;
    }
    long most = config->max_host_connections > 0 ? config->max_host_connections : HOST_CONNECTIONS_DEFAULT;
    curl_multi_setopt(transfers->multi, CURLMOPT_MAX_HOST_CONNECTIONS, most);
    curl_multi_setopt(transfers->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, egress);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, egress);
    return true;
}

void egress_transfers_close(struct egress *egress)
{
    struct egress_transfers *transfers = &egress->transfers;
    while (transfers->pooled > 0)
        curl_easy_cleanup(transfers->pool[--transfers->pooled]);
    if (transfers->multi != NULL)
        curl_multi_cleanup(transfers->multi);
    egress_loop_disarm(&egress->loop, &transfers->timer);
    transfers->multi = NULL;
}

void egress_transfers_fail(struct egress *egress)
{
    while (egress->transfers.list != NULL) {
        struct transfer *transfer = egress->transfers.list;
        egress_loop_disarm(&egress->loop, &transfer->later);
        /* Removal would wait for a name look-up that hangs. */
        curl_easy_setopt(transfer->easy, CURLOPT_QUICK_EXIT, 1L);
        curl_multi_remove_handle(egress->transfers.multi, transfer->easy);
        end_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
    }
}

/* ---- starting ---- */

static void on_not_started(void *ctx, int event)
{
    (void)event;
    struct transfer *transfer = ctx;
    end_transfer(transfer, transfer->result);
}

static void start_transfer(struct egress *egress, struct transfer *transfer)
{
    transfer->result = CURLE_ABORTED_BY_CALLBACK;
    if (!egress->failing) {
        curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
        curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, transfer);
        if (curl_multi_add_handle(egress->transfers.multi, transfer->easy) == CURLM_OK)
            return;
        transfer->result = CURLE_FAILED_INIT;
    }
    transfer->later = (struct egress_watch){.fd = -1, .fn = on_not_started, .ctx = transfer};
    egress_loop_arm(&egress->loop, &transfer->later);
}

bool egress_transfer(struct egress *egress, CURL *easy, egress_transfer_fn *done, void *ctx)
{
    struct transfer *transfer = shortage_malloc(sizeof *transfer);
    if (transfer == NULL)
        return false;
    *transfer = (struct transfer){.egress = egress, .easy = easy, .done = done, .ctx = ctx};
    transfer->next = egress->transfers.list;
    transfer->link = &egress->transfers.list;
    if (transfer->next != NULL)
        transfer->next->link = &transfer->next;
    egress->transfers.list = transfer;
    start_transfer(egress, transfer);
    return true;
}

/* ---- the pool ---- */

CURL *egress_easy_take(struct egress *egress)
{
    struct egress_transfers *transfers = &egress->transfers;
    return transfers->pooled > 0 ? transfers->pool[--transfers->pooled] : curl_easy_init();
}

void egress_easy_give(struct egress *egress, CURL *easy)
{
    struct egress_transfers *transfers = &egress->transfers;
    if (easy == NULL)
        return;
    if (transfers->pooled == EGRESS_EASY_POOL) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    transfers->pool[transfers->pooled++] = easy;
}
