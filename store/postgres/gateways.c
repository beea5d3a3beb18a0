/* gateways: who has the store open or waits for it, for people to see. A row each in @members, with the server's time;
 * what was not renewed for a minute is not there any more. */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_MAX = 1024 };

void gateways_run_quietly(PGconn *pg, const char *command)
{
    PQclear(link_run(pg, "SET synchronous_commit TO off", ANSWER_MS));
    PQclear(link_run(pg, command, ANSWER_MS));
    PQclear(link_run(pg, "RESET synchronous_commit", ANSWER_MS));
}

/* ---- what others see ---- */

void gateways_quotable(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
    for (char *c = to; *c != '\0'; c++)
        if (*c == '\'' || *c == '\\' || *c < ' ' || *c > '~')
            *c = '?';
}

void postgres_present(struct store *store, const char *address, const char *digest)
{
    struct share *share = &postgres_of(store)->share;
    pthread_mutex_lock(&share->lock);
    gateways_quotable(share->address, sizeof share->address, address);
    gateways_quotable(share->digest, sizeof share->digest, digest);
    pthread_mutex_unlock(&share->lock);
    atomic_store(&share->fresh, true);
    heart_ring(postgres_of(store));
}

void gateways_show(struct postgres *p, bool serves)
{
    struct share *share = &p->share;
    char command[COMMAND_MAX];
    pthread_mutex_lock(&share->lock);
    snprintf(command, sizeof command,
             "INSERT INTO %s (word, name, address, digest, serves, started, seen) VALUES (%" PRId64 ", '%s', '%s', '%s', "
             "%s, now(), now()) ON CONFLICT (word) DO UPDATE SET address = EXCLUDED.address, digest = EXCLUDED.digest, "
             "serves = EXCLUDED.serves, seen = now()",
             name_behind(p, NAME_GATEWAYS), p->owner.word, p->owner.name, share->address, share->digest,
             serves ? "true" : "false");
    pthread_mutex_unlock(&share->lock);
    if (serves)
        owner_run(&p->owner, command, ANSWER_MS); /* of the heart, which waits for no disk anyhow */
    else
        gateways_run_quietly(p->owner.pg, command);
}

void gateways_leave(struct postgres *p)
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command, "DELETE FROM %s WHERE word = %" PRId64 " OR seen < now() - interval '1 day'",
             name_behind(p, NAME_GATEWAYS), p->owner.word);
    if (p->owner.pg != NULL && PQstatus(p->owner.pg) == CONNECTION_OK)
        gateways_run_quietly(p->owner.pg, command);
}

void gateways_forget(struct postgres *p, int64_t word)
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command, "DELETE FROM %s WHERE word = %" PRId64 " AND word <> %" PRId64,
             name_behind(p, NAME_GATEWAYS), word, p->owner.word);
    gateways_run_quietly(p->owner.pg, command);
}

/* ---- what must be equal ---- */

void gateways_compare(struct postgres *p)
{
    struct share *share = &p->share;
    char command[COMMAND_MAX], other[sizeof share->differs];
    pthread_mutex_lock(&share->lock);
    snprintf(command, sizeof command,
             "SELECT name FROM %s WHERE seen > now() - interval '1 minute' AND digest <> '' AND digest <> '%s' ORDER BY name "
             "LIMIT 1",
             name_behind(p, NAME_GATEWAYS), share->digest);
    bool presented = share->digest[0] != '\0';
    pthread_mutex_unlock(&share->lock);
    if (!presented || share->at.differs == NULL || !owner_is_connected(&p->owner))
        return;
    PGresult *result = link_run(p->owner.pg, command, ANSWER_MS);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        snprintf(other, sizeof other, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
        if (strcmp(other, share->differs) != 0)
            share->at.differs(share->at.ctx, other[0] != '\0' ? other : NULL);
        memcpy(share->differs, other, sizeof other);
    }
    PQclear(result);
}

/* ---- seeing them ---- */

static PGresult *ask_gateways(struct postgres *p, struct link *link, char reason[static STORE_REASON_SIZE])
{
    char command[2 * COMMAND_MAX];
    const char *owner = name_behind(p, NAME_OWNER), *members = name_behind(p, NAME_GATEWAYS);
    snprintf(command, sizeof command,
             "SELECT o.name, o.epoch, true, 0, (extract(epoch FROM m.started) * 1000)::bigint, m.address, m.digest FROM %s "
             "AS o LEFT JOIN %s AS m ON m.word = o.owner UNION ALL (SELECT name, 0, serves, (extract(epoch FROM now() - "
             "seen) * 1000)::bigint, (extract(epoch FROM started) * 1000)::bigint, address, digest FROM %s WHERE seen > "
             "now() - interval '1 minute' AND word NOT IN (SELECT owner FROM %s) ORDER BY name LIMIT %d)",
             owner, members, members, owner, STORE_GATEWAYS_MAX - 1);
    PGresult *result = link_ready(p, link, reason) ? link_run(link->pg, command, ANSWER_MS) : NULL;
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    if (link->pg != NULL)
        explain_result(link->pg, result, reason);
    PQclear(result);
    return NULL;
}

static uint64_t number_at(const PGresult *result, int row, int column)
{
    long long number = strtoll(PQgetvalue(result, row, column), NULL, 10);
    return number > 0 ? (uint64_t)number : 0;
}

static void read_gateway(const PGresult *result, int row, struct store_gateway *one)
{
    snprintf(one->name, sizeof one->name, "%s", PQgetvalue(result, row, 0));
    one->epoch = number_at(result, row, 1);
    one->serves = PQgetvalue(result, row, 2)[0] == 't';
    one->seen_ms_ago = number_at(result, row, 3);
    one->started_ms = number_at(result, row, 4);
    snprintf(one->address, sizeof one->address, "%s", PQgetvalue(result, row, 5));
    snprintf(one->digest, sizeof one->digest, "%s", PQgetvalue(result, row, 6));
}

enum store_status postgres_gateways(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                    unsigned *count)
{
    struct postgres *p = postgres_of(store);
    struct link *link = pool_take(&p->readers);
    char reason[STORE_REASON_SIZE] = "all connections for reading are in use";
    PGresult *result = link != NULL ? ask_gateways(p, link, reason) : NULL;
    int rows = result != NULL ? PQntuples(result) : 0;
    for (int row = 0; row < rows && *count < STORE_GATEWAYS_MAX; row++)
        read_gateway(result, row, &list[(*count)++]);
    if (link != NULL)
        pool_return(&p->readers, link);
    enum store_status status =
        result != NULL ? STORE_OK : status_report(store, "looking who has the store", STORE_AWAY, reason);
    PQclear(result);
    return status;
}
