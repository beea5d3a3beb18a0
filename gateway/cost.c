#include "gateway/cost.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/audit.h"
#include "gateway/counters.h"
#include "gateway/log.h"
#include "gateway/tables.h"

/* Four texts behind it, each with a NUL. */
static const char PREFIX[] = "cost";

enum { PREFIX_LEN = sizeof PREFIX - 1, KEY_TEXTS = 4 };

/* The lines that are counted; the others of the audit cost nothing. */
static const struct {
    const char *what;
    enum cost_number number;
} counted[] = {{"purchase", COST_PURCHASES},
               {"import", COST_PURCHASES},
               {"adoption", COST_PURCHASES},
               {"replacement", COST_REPLACEMENTS},
               {"refund", COST_REFUNDS}};

static const char *line_text(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static bool append_part(char key[static STORE_KEY_MAX], size_t *len, const char *text)
{
    size_t size = strlen(text) + 1;
    if (size > STORE_KEY_MAX - *len)
        return false;
    memcpy(key + *len, text, size);
    *len += size;
    return true;
}

/* The length of the key, 0 where it is too long or the time is none. */
static size_t sum_key(const json_t *line, char key[static STORE_KEY_MAX])
{
    char month[16];
    struct tm day;
    size_t len = PREFIX_LEN;
    time_t at = (time_t)(audit_ordered_ms(line) / 1000);
    if (!gmtime_r(&at, &day) || strftime(month, sizeof month, "%Y-%m", &day) == 0)
        return 0;
    memcpy(key, PREFIX, PREFIX_LEN);
    bool fits = append_part(key, &len, month) && append_part(key, &len, line_text(line, "policy")) &&
                append_part(key, &len, line_text(line, "profile")) && append_part(key, &len, line_text(line, "login"));
    return fits ? len : 0;
}

bool cost_of_line(const json_t *line, int64_t by[static COST_NUMBERS])
{
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (strcmp(line_text(line, "what"), counted[i].what) == 0) {
            by[counted[i].number] = 1;
            by[COST_AMOUNT_CENTS] = json_integer_value(json_object_get(line, "amount_cents"));
            return true;
        }
    }
    return false;
}

enum store_status cost_add(struct store_txn *txn, const json_t *line)
{
    char key[STORE_KEY_MAX];
    int64_t by[COST_NUMBERS] = {0};
    size_t len = cost_of_line(line, by) ? sum_key(line, key) : 0;
    return len > 0 ? counters_add(txn, key, len, by, COST_NUMBERS) : STORE_OK; /* the audit has it */
}

/* ---- a store whose audit was not summed up ---- */

struct recount {
    struct store_txn *txn;
    enum store_status status;
};

static bool add_line(void *ctx, struct store_slice key, struct store_slice value)
{
    struct recount *r = ctx;
    json_t *line = audit_read(key, value);
    if (line)
        r->status = cost_add(r->txn, line);
    else
        log_error(
            "a line of the audit cannot be read, and is missing in what acmegatectl cost shows: compare with what "
            "Sectigo charged");
    json_decref(line);
    return r->status == STORE_OK;
}

enum store_status cost_recount(struct store_txn *txn)
{
    struct recount r = {.txn = txn};
    enum store_status status = counters_drop(txn, PREFIX, PREFIX_LEN);
    if (status == STORE_OK)
        status = store_visit(txn, ISSUE_AUDIT, NULL, 0, add_line, &r);
    return status == STORE_OK ? r.status : status;
}

/* ---- read ---- */

struct visit {
    cost_visit_fn *fn;
    void *ctx;
    enum store_status status;
};

/* False where the key is none of ours. */
static bool split(struct store_slice key, struct cost_key *out)
{
    const char *texts[KEY_TEXTS], *at = (const char *)key.data + PREFIX_LEN, *end = (const char *)key.data + key.len;
    for (unsigned i = 0; i < KEY_TEXTS; i++) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (!nul)
            return false;
        texts[i] = at;
        at = nul + 1;
    }
    int len = snprintf(out->month, sizeof out->month, "%s", texts[0]);
    out->policy = texts[1];
    out->profile = texts[2];
    out->login = texts[3];
    return at == end && len > 0 && (size_t)len < sizeof out->month;
}

static bool visit_sum(void *ctx, struct store_slice key, struct store_slice value)
{
    struct visit *visit = ctx;
    struct cost_key of;
    int64_t numbers[COST_NUMBERS];
    visit->status = split(key, &of) ? counters_decode(value, numbers, COST_NUMBERS) : STORE_INVALID;
    return visit->status == STORE_OK && visit->fn(visit->ctx, &of, numbers);
}

enum store_status cost_visit(struct store_txn *txn, cost_visit_fn *fn, void *ctx)
{
    struct visit visit = {fn, ctx, STORE_OK};
    enum store_status status = store_visit_prefix(txn, ISSUE_COUNTERS, PREFIX, PREFIX_LEN, visit_sum, &visit);
    return status == STORE_OK ? visit.status : status;
}
