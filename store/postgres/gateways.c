/* gateways: who waits for the store, for people to see. A row each in @gateways, with the server's time; what was not
 * renewed for a minute is not there any more. */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_MAX = 1024 };

/* Nobody waits for disks or standbys. */
static void run_quietly(PGconn *pg, const char *command)
{
    PQclear(link_run(pg, "SET synchronous_commit TO off", ANSWER_MS));
    PQclear(link_run(pg, command, ANSWER_MS));
    PQclear(link_run(pg, "RESET synchronous_commit", ANSWER_MS));
}

void gateways_show(struct postgres *p)
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command,
             "INSERT INTO %s (word, name, seen) VALUES (%" PRId64 ", '%s', now()) ON CONFLICT (word) DO UPDATE SET "
             "seen = now()",
             name_behind(p, NAME_GATEWAYS), p->owner.word, p->owner.name);
    run_quietly(p->owner.pg, command);
}

void gateways_leave(struct postgres *p)
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command, "DELETE FROM %s WHERE word = %" PRId64 " OR seen < now() - interval '1 day'",
             name_behind(p, NAME_GATEWAYS), p->owner.word);
    if (p->owner.pg != NULL && PQstatus(p->owner.pg) == CONNECTION_OK)
        run_quietly(p->owner.pg, command);
}

static PGresult *ask_gateways(struct postgres *p, struct link *link, char reason[static STORE_REASON_SIZE])
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command,
             "SELECT name, epoch, 0 FROM %s UNION ALL (SELECT name, 0, (extract(epoch FROM now() - seen) * 1000)::bigint "
             "FROM %s WHERE seen > now() - interval '1 minute' ORDER BY name LIMIT %d)",
             name_behind(p, NAME_OWNER), name_behind(p, NAME_GATEWAYS), STORE_GATEWAYS_MAX - 1);
    PGresult *result = link_ready(p, link, reason) ? link_run(link->pg, command, ANSWER_MS) : NULL;
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    if (link->pg != NULL)
        explain_result(link->pg, result, reason);
    PQclear(result);
    return NULL;
}

enum store_status postgres_gateways(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                    unsigned *count)
{
    struct postgres *p = postgres_of(store);
    struct link *link = pool_take(&p->readers);
    char reason[STORE_REASON_SIZE] = "all connections for reading are in use";
    PGresult *result = link != NULL ? ask_gateways(p, link, reason) : NULL;
    int rows = result != NULL ? PQntuples(result) : 0;
    for (int row = 0; row < rows && *count < STORE_GATEWAYS_MAX; row++) {
        struct store_gateway *one = &list[(*count)++];
        snprintf(one->name, sizeof one->name, "%s", PQgetvalue(result, row, 0));
        one->epoch = strtoull(PQgetvalue(result, row, 1), NULL, 10);
        long long ago_ms = strtoll(PQgetvalue(result, row, 2), NULL, 10);
        one->seen_ms_ago = ago_ms > 0 ? (uint64_t)ago_ms : 0;
    }
    if (link != NULL)
        pool_return(&p->readers, link);
    enum store_status status =
        result != NULL ? STORE_OK : status_report(store, "looking who waits for the store", STORE_AWAY, reason);
    PQclear(result);
    return status;
}
