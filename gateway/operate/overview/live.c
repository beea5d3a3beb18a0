/* live: the issuances that are under way, those first that want somebody to look. Found by their jobs, of which there
 * are as many as things are alive, and not in the table of all that ever was. */
#include <stdlib.h>
#include <string.h>

#include "gateway/operate/overview/rows.h"
#include "gateway/operate/view.h"
#include "gateway/tables.h"

/* Of more than that are alive the jobs that are due first are looked at. */
enum { LOOKED_AT_MAX = 20000 };

struct found {
    unsigned urgency;
    char id[ISSUANCE_ID_MAX + 1];
};

struct search {
    struct store_txn *txn;
    enum issuance_state wanted; /* 0: all */
    struct found *list;         /* owned */
    size_t count, capacity;
    bool more, failed;
};

/* What waits for a person comes first, what goes on by itself last. */
static unsigned urgency_of(enum issuance_state state)
{
    static const unsigned urgencies[ISSUANCE_STATES] = {
        [ISSUANCE_HELD] = 1,       [ISSUANCE_BLOCKED] = 2,   [ISSUANCE_UNKNOWN] = 3,
        [ISSUANCE_CANCELLING] = 4, [ISSUANCE_PREPARED] = 5,  [ISSUANCE_PUBLISHED] = 5,
        [ISSUANCE_SUBMITTING] = 6, [ISSUANCE_SUBMITTED] = 7, [ISSUANCE_QUEUED] = 8};
    return urgencies[state];
}

static bool keep(struct search *search, unsigned urgency, const struct store_job *job)
{
    if (search->count == search->capacity) {
        size_t capacity = search->capacity ? 2 * search->capacity : 64;
        struct found *list = realloc(search->list, capacity * sizeof *list);
        if (!list)
            return false;
        search->list = list;
        search->capacity = capacity;
    }
    struct found *found = &search->list[search->count++];
    found->urgency = urgency;
    memcpy(found->id, job->subject, job->subject_len);
    found->id[job->subject_len] = '\0';
    return true;
}

static bool look_at(void *ctx, const struct store_job *job)
{
    struct search *search = ctx;
    struct store_slice record;
    if (job->kind != JOB_ISSUANCE || job->subject_len > ISSUANCE_ID_MAX ||
        store_get(search->txn, ISSUE_ISSUANCES, job->subject, job->subject_len, &record) != STORE_OK)
        return true;
    enum issuance_state state = issuance_state_of(record);
    if (state == 0 || issuance_ended(state) || (search->wanted && state != search->wanted))
        return true;
    search->more = search->count == LOOKED_AT_MAX;
    search->failed = !search->more && !keep(search, urgency_of(state), job);
    return !search->more && !search->failed;
}

static int compare_urgency(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return x->urgency != y->urgency ? (x->urgency > y->urgency) - (x->urgency < y->urgency) : strcmp(x->id, y->id);
}

static json_t *live_row(struct store_txn *txn, const struct issuance *is)
{
    char order[ACME_ID_TEXT + 1] = "";
    uint64_t due_ms = 0;
    json_t *row = view_issuance_row(txn, is);
    if (is->order_count > 0)
        acme_id_text(&is->orders[0], order);
    store_job_get(txn, JOB_ISSUANCE, is->id, strlen(is->id), &due_ms);
    struct object o = {.json = row, .failed = !row};
    object_text(&o, "order", order);
    object_time(&o, "due_ms", due_ms);
    return object_end(&o);
}

static void show_found(struct rows *rows, const struct search *search, unsigned limit)
{
    for (size_t i = 0; i < search->count && i < limit; i++) {
        struct issuance is;
        if (issuance_load(search->txn, search->list[i].id, &is) == STORE_OK)
            rows_add(rows, live_row(search->txn, &is));
        issuance_clear(&is);
    }
    rows->more = search->more || search->count > limit;
    rows->failed = rows->failed || search->failed;
}

/* False, and answered: no such state is alive. */
static bool read_state(struct request *request, enum issuance_state *wanted)
{
    *wanted = 0;
    if (!request->state[0])
        return true;
    for (int state = 1; state < ISSUANCE_STATES; state++) {
        if (!issuance_ended((enum issuance_state)state) &&
            strcmp(issuance_state_text((enum issuance_state)state), request->state) == 0)
            *wanted = (enum issuance_state)state;
    }
    if (*wanted == 0)
        answer_error(request->answer, 400, "\"%s\" is no state of an issuance that is under way", request->state);
    return *wanted != 0;
}

void live_get(struct request *request)
{
    struct search search = {0};
    struct rows rows;
    if (!read_state(request, &search.wanted))
        return;
    rows_begin(&rows);
    enum store_status status = store_read(request->admin->store, &search.txn);
    if (status == STORE_OK) {
        status = store_jobs(search.txn, look_at, &search);
        if (search.count > 0)
            qsort(search.list, search.count, sizeof *search.list, compare_urgency);
        if (status == STORE_OK)
            show_found(&rows, &search, request->limit);
        store_read_end(search.txn);
    }
    free(search.list);
    rows_answer(&rows, request, status, "issuances");
}
