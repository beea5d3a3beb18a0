/* link: connections to the server, and pools of them. */
#include "store/postgres/internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { TAKE_TIMEOUT_S = 5 };

/* Of the answer that this thread waited for last: it did not come, and the connection was cut for that. */
static _Thread_local bool silent;

bool link_was_silent(void)
{
    return silent;
}

void explain_result(PGconn *pg, const PGresult *result, char reason[static STORE_REASON_SIZE])
{
    const char *text = result != NULL ? PQresultErrorMessage(result) : "";
    if (result == NULL && silent)
        text = "the server does not answer";
    else if (text[0] == '\0')
        text = pg != NULL ? PQerrorMessage(pg) : "out of memory";
    size_t len = 0;
    for (; *text != '\0' && len < STORE_REASON_SIZE - 1; text++)
        if (*text != '\n' && *text != '\t')
            reason[len++] = *text;
        else if (*text == '\t')
            continue;
        else if (text[1] != '\0' && len < STORE_REASON_SIZE - 2) {
            reason[len++] = ';';
            reason[len++] = ' ';
        }
    reason[len] = '\0';
}

/* ---- waiting for an answer ---- */

/* Nothing of it will be read any more; libpq finds the connection cut. */
static void cut_off(PGconn *pg)
{
    shutdown(PQsocket(pg), SHUT_RDWR);
    PQconsumeInput(pg);
}

/* Whether all of the next answer is there. False: the connection is cut, by the server or now. */
static bool await_answer(PGconn *pg, uint64_t until_ms)
{
    int left;
    while ((left = PQflush(pg)) >= 0 && (left > 0 || PQisBusy(pg))) {
        struct pollfd socket = {.fd = PQsocket(pg), .events = (short)(left > 0 ? POLLIN | POLLOUT : POLLIN)};
        uint64_t now_ms = monotonic_ms();
        if (now_ms >= until_ms) {
            silent = true;
            cut_off(pg);
            return false;
        }
        if (poll(&socket, 1, (int)(until_ms - now_ms)) > 0 && !(socket.revents & POLLOUT) && PQconsumeInput(pg) == 0)
            return false;
    }
    return left == 0;
}

PGresult *link_answer(PGconn *pg, int sent, unsigned wait_ms)
{
    uint64_t until_ms = monotonic_ms() + wait_ms;
    PGresult *last = NULL, *result;
    silent = false;
    if (sent == 0)
        return NULL;
    while (await_answer(pg, until_ms) && (result = PQgetResult(pg)) != NULL) {
        PQclear(last);
        last = result;
    }
    if (PQstatus(pg) == CONNECTION_OK)
        return last;
    PQclear(last);
    return NULL;
}

/* Whether it is an answer to a statement: no end of one, nor what was left out after an error. */
static bool is_answer(const PGresult *result)
{
    ExecStatusType kind = PQresultStatus(result);
    return result != NULL && kind != PGRES_PIPELINE_SYNC && kind != PGRES_PIPELINE_ABORTED;
}

static bool is_error(const PGresult *result)
{
    return result != NULL && PQresultStatus(result) == PGRES_FATAL_ERROR;
}

PGresult *link_pipeline(PGconn *pg, int sent, unsigned wait_ms, link_hear_fn *hear, void *ctx)
{
    uint64_t until_ms = monotonic_ms() + wait_ms;
    PGresult *last = NULL;
    bool over = sent == 0 || PQpipelineSync(pg) == 0;
    silent = false;
    if (over)
        cut_off(pg);
    while (!over && await_answer(pg, until_ms)) {
        PGresult *result = PQgetResult(pg);
        over = PQresultStatus(result) == PGRES_PIPELINE_SYNC || PQstatus(pg) != CONNECTION_OK;
        if (is_answer(result) && !is_error(last)) {
            PQclear(last);
            last = result;
            if (hear != NULL && !is_error(result))
                hear(ctx, result);
        } else {
            PQclear(result);
        }
    }
    if (PQstatus(pg) == CONNECTION_OK && PQexitPipelineMode(pg) == 1)
        return last;
    PQclear(last);
    return NULL;
}

PGresult *link_run(PGconn *pg, const char *commands, unsigned wait_ms)
{
    return link_answer(pg, PQsendQuery(pg, commands), wait_ms);
}

/* ---- connecting ---- */

/* What a session needs, one by one: the second and third are the planner's, which servers of the same protocol need not
 * know. A small table is read by its index, too, since a transaction that reads all of it conflicts with all who write to
 * it. Where there is none the planner takes what it was told to avoid for so dear that the server would compile a program
 * for it, which takes a second.
 * A connection that was cut in a transaction, or whose process is stopped, must not hold its rows until another gateway
 * takes over (owner.c). Nor may one that was cut while it waited for a row stay at the server for as long as another
 * holds it, such as a COMMIT for a standby that hangs: all places would be taken by and by. Nobody waits so long here. */
static bool session_begin(PGconn *pg, char reason[static STORE_REASON_SIZE])
{
    static const struct {
        const char *command;
        bool needed;
    } steps[] = {
        {"SET client_min_messages TO warning", true},
        {"SET enable_seqscan TO off", false},
        {"SET jit TO off", false},
        {"SET idle_in_transaction_session_timeout TO 5000", false},
        {"SET lock_timeout TO 12000", false},
    };
    bool good = true;
    for (size_t i = 0; good && i < sizeof steps / sizeof *steps; i++) {
        PGresult *result = link_run(pg, steps[i].command, ANSWER_MS);
        good = PQresultStatus(result) == PGRES_COMMAND_OK || (!steps[i].needed && PQstatus(pg) == CONNECTION_OK);
        if (!good)
            explain_result(pg, result, reason);
        PQclear(result);
    }
    return good;
}

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx, (void)result; /* libpq would print it */
}

/* What stands before dbname is the default, what stands in the connection string counts. */
PGconn *link_connect(const char *connection, char reason[static STORE_REASON_SIZE])
{
    static const char *const keywords[] = {"fallback_application_name", "connect_timeout",  "keepalives_idle",
                                           "keepalives_interval",       "keepalives_count", "tcp_user_timeout",
                                           "target_session_attrs",      "dbname",           NULL};
    const char *const values[] = {"acmegate", "5", "10", "5", "3", "20000", "read-write", connection, NULL};
    PGconn *pg = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(pg) == CONNECTION_OK) {
        PQsetNoticeReceiver(pg, ignore_notice, NULL);
        PQsetnonblocking(pg, 1);
        if (session_begin(pg, reason))
            return pg;
    } else {
        explain_result(pg, NULL, reason);
    }
    PQfinish(pg);
    return NULL;
}

/* ---- one link ---- */

bool link_keep(struct link *link, PGresult *result)
{
    if (link->kept_count == link->kept_room) {
        size_t room = link->kept_room > 0 ? 2 * link->kept_room : 16;
        PGresult **kept = realloc(link->kept, room * sizeof *kept);
        if (kept == NULL) {
            PQclear(result);
            return false;
        }
        link->kept = kept;
        link->kept_room = room;
    }
    link->kept[link->kept_count++] = result;
    return true;
}

void link_forget(struct link *link)
{
    while (link->kept_count > 0)
        PQclear(link->kept[--link->kept_count]);
    known_free(link);
    guess_forget(link);
}

void link_break(struct link *link)
{
    link_forget(link);
    PQfinish(link->pg);
    link->pg = NULL;
}

/* Hears what the server has said unasked: that it ends the connection. */
static bool is_open(PGconn *pg)
{
    struct pollfd socket = {.fd = PQsocket(pg), .events = POLLIN};
    while (PQstatus(pg) == CONNECTION_OK && poll(&socket, 1, 0) > 0)
        if (PQconsumeInput(pg) == 0)
            return false;
    return PQstatus(pg) == CONNECTION_OK;
}

/* Reads the answer to what ended the last snapshot. */
static bool link_settle(struct link *link)
{
    bool good = PQstatus(link->pg) == CONNECTION_OK;
    if (good && link->ending) {
        PGresult *result = link_answer(link->pg, 1, ANSWER_MS);
        good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
    link->ending = false;
    return good && is_open(link->pg);
}

bool link_ready(struct postgres *p, struct link *link, char reason[static STORE_REASON_SIZE])
{
    if (link->pg != NULL && link_settle(link))
        return true;
    if (link->pg != NULL)
        link_break(link);
    free(link->prepared);
    link->ending = false;
    link->prepared = calloc((size_t)p->name_count * STATEMENTS, sizeof *link->prepared);
    if (link->prepared == NULL)
        return status_explain(STORE_IO, reason, "out of memory") == STORE_OK;
    link->pg = link_connect(p->connection, reason);
    return link->pg != NULL;
}

/* ---- pools ---- */

void pool_init(struct pool *pool, unsigned max)
{
    pthread_condattr_t monotonic;
    pool->max = max;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->returned, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void link_free(struct link *link)
{
    link_break(link);
    free(link->prepared);
    free(link->kept);
    free(link);
}

void pool_free(struct pool *pool)
{
    while (pool->idle != NULL) {
        struct link *link = pool->idle;
        pool->idle = link->next;
        link_free(link);
    }
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->lock);
}

static struct link *link_make(struct pool *pool)
{
    struct link *link = calloc(1, sizeof *link);
    if (link != NULL)
        link->slot = ++pool->count;
    return link;
}

struct link *pool_take(struct pool *pool)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TAKE_TIMEOUT_S;
    pthread_mutex_lock(&pool->lock);
    bool late = false;
    while (pool->idle == NULL && pool->count == pool->max && !late)
        late = pthread_cond_timedwait(&pool->returned, &pool->lock, &until) != 0;
    struct link *link = pool->idle;
    if (link != NULL)
        pool->idle = link->next;
    else if (pool->count < pool->max)
        link = link_make(pool);
    pthread_mutex_unlock(&pool->lock);
    return link;
}

void pool_return(struct pool *pool, struct link *link)
{
    pthread_mutex_lock(&pool->lock);
    link->next = pool->idle;
    pool->idle = link;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}
