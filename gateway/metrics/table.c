/* table: every metric, in the order in which it is shown. The one place where a name, a help text or a label is
 * written: the text of a scrape and the manual's table are made of it. */
#include "gateway/metrics/table.h"

#include <string.h>

#include "acme/acme.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/metrics/names.h"
#include "gateway/removed.h"
#include "sectigo/sectigo.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define WORDS(function, ...)                                                                                           \
    static const char *function(unsigned value)                                                                        \
    {                                                                                                                  \
        static const char *const words[] = {__VA_ARGS__};                                                              \
        return value < COUNT(words) ? words[value] : NULL;                                                             \
    }

/* ---- what the values of labels are called ---- */

WORDS(listener_text, "acme", "public", "admin", "metrics", "api")
WORDS(other_resource_text, "push", "dcv_file", "admin", "metrics", "health", "nowhere")
WORDS(status_text, "200", "201", "202", "204", "400", "401", "403", "404", "405", "409", "413", "415", "417", "429",
      "500", "502", "503", "other")
WORDS(push_text, "taken", "unreadable", "address_refused", "credentials_refused")
WORDS(validation_text, "valid", "invalid", "failed_here")
WORDS(look_text, "http", "cname", "caa")
WORDS(dcv_text, "update", "hook")
WORDS(success_text, "failed", "well")
WORDS(learned_text, "push", "push_then_poll", "poll")
WORDS(expiry_text, "expired", "7", "14", "30", "90", "later")
WORDS(answer_text, "good", "refused", "login_refused", "no_credit", "unreadable", "lost", "never_left")
WORDS(saved_text, "replacement", "meeting")
WORDS(window_text, "day", "month")
WORDS(way_text, "webhook", "mail", "program")
WORDS(level_text, "debug", "info", "warning", "error")
WORDS(version_text, ACMEGATE_VERSION)
WORDS(agent_text, "certbot", "cert-manager", "lego", "acme.sh", "Caddy", "mod_md", "win-acme", "Posh-ACME",
      "dehydrated", "acmetool", "uacme", "other")

enum { OTHER_RESOURCES = 6, STATUSES = 18, AGENTS = 12 };

static const char *resource_text(unsigned value)
{
    return value < ACME_RESOURCES ? acme_resource_text(value) : other_resource_text(value - ACME_RESOURCES);
}

static const char *problem_text(unsigned value)
{
    return value == ACME_PROBLEM_NONE ? NULL : strrchr(acme_problem_urn(value), ':') + 1;
}

static const char *challenge_text(unsigned value)
{
    return value == 0 ? NULL : acme_challenge_type_text(value);
}

static const char *state_text(unsigned value)
{
    return value == 0 ? NULL : issuance_state_text(value);
}

static const char *order_text(unsigned value)
{
    return acme_order_status_text(value + 1);
}

static const char *call_text(unsigned value)
{
    return sectigo_call_info(value)->name;
}

static const struct metric_label listener = {"listener", 5, listener_text},
                                 resource = {"resource", ACME_RESOURCES + OTHER_RESOURCES, resource_text},
                                 status = {"code", STATUSES, status_text},
                                 problem = {"type", ACME_PROBLEM_TYPES, problem_text}, push = {"result", 4, push_text},
                                 challenge = {"type", ACME_CHALLENGE_TYPES, challenge_text},
                                 validation = {"result", 3, validation_text}, look = {"method", 3, look_text},
                                 dcv = {"method", 2, dcv_text}, removed = {"kind", REMOVED_KINDS, removed_kind_text},
                                 success = {"result", 2, success_text}, state = {"state", ISSUANCE_STATES, state_text},
                                 order = {"status", ACME_ORDER_INVALID, order_text},
                                 learned = {"learned", 3, learned_text}, agent = {"client", AGENTS, agent_text},
                                 expiry = {"days", METRIC_EXPIRIES, expiry_text},
                                 login = {"login", NAMES_MAX + 1, names_login},
                                 policy = {"policy", NAMES_MAX + 1, names_policy},
                                 call = {"call", SECTIGO_CALLS, call_text}, answer = {"answer", 7, answer_text},
                                 saved = {"by", 2, saved_text}, window = {"window", 2, window_text},
                                 way = {"by", 3, way_text}, level = {"level", 4, level_text},
                                 version = {"version", 1, version_text};

/* ---- upper ends of histograms, in microseconds ---- */

#define MS 1000ull
#define S (1000 * MS)

static const uint64_t request_buckets[] = {MS / 2,   MS,       2 * MS, 5 * MS, 10 * MS, 25 * MS, 50 * MS,
                                           100 * MS, 250 * MS, S,      5 * S,  30 * S,  0};
static const uint64_t commit_buckets[] = {MS / 2,   MS,       2 * MS,   5 * MS, 10 * MS, 25 * MS, 50 * MS,
                                          100 * MS, 250 * MS, 500 * MS, S,      5 * S,   0};
static const uint64_t call_buckets[] = {50 * MS, 100 * MS, 250 * MS, 500 * MS, S,       2 * S,
                                        5 * S,   10 * S,   30 * S,   60 * S,   120 * S, 0};
static const uint64_t issuance_buckets[] = {
    S,        5 * S,        15 * S,        60 * S,        300 * S,           900 * S,
    3600 * S, 4 * 3600 * S, 12 * 3600 * S, 24 * 3600 * S, 7 * 24 * 3600 * S, 0};

#define HUNDREDTHS 100
#define MILLISECONDS 1000

const struct metric_row metric_rows[METRIC_END] = {
    [METRIC_REQUESTS] = {"acmegate_http_requests_total",
                         METRIC_COUNTER,
                         0,
                         {&listener, &resource, &status},
                         NULL,
                         "Requests that were answered."},
    [METRIC_REQUEST_DURATION] =
        {"acmegate_http_request_duration_seconds",
         METRIC_HISTOGRAM,
         0,
         {&listener},
         request_buckets,
         "From the request's head to its answer; replies that are held back on purpose included."},
    [METRIC_PROBLEMS] = {"acmegate_acme_problems_total",
                         METRIC_COUNTER,
                         0,
                         {&problem},
                         NULL,
                         "Requests of clients that were answered with a problem (badNonce: the client tries again by "
                         "itself)."},
    [METRIC_CONNECTIONS] = {"acmegate_connections", METRIC_LEVEL, 0, {&listener}, NULL, "Connections that are open."},
    [METRIC_TURNED_AWAY] = {"acmegate_connections_refused_total",
                            METRIC_COUNTER,
                            0,
                            {&listener},
                            NULL,
                            "Connections closed at once: their address had as many as it may, or memory was short."},
    [METRIC_HELD_REPLIES] = {"acmegate_held_replies",
                             METRIC_LEVEL,
                             0,
                             {0},
                             NULL,
                             "Replies to finalize and challenges that are held back until there is news."},
    [METRIC_COMMIT_DURATION] = {"acmegate_store_commit_duration_seconds",
                                METRIC_HISTOGRAM,
                                0,
                                {0},
                                commit_buckets,
                                "How long requests wait until their change is on the disk."},
    [METRIC_PUSHES] =
        {"acmegate_pushes_total", METRIC_COUNTER, 0, {&push}, NULL, "Pushes that came, by what became of them."},
    [METRIC_VALIDATIONS] = {"acmegate_validations_total",
                            METRIC_COUNTER,
                            0,
                            {&challenge, &validation},
                            NULL,
                            "Validations of clients' control; failed_here: for a reason of this machine, done again."},
    [METRIC_PREFLIGHTS] = {"acmegate_preflight_looks_total",
                           METRIC_COUNTER,
                           0,
                           {&look, &success},
                           NULL,
                           "Looks at the gateway's own answers and at CAA records before Sectigo is asked."},
    [METRIC_DCV_RECORDS] = {"acmegate_dcv_records_total",
                            METRIC_COUNTER,
                            0,
                            {&dcv, &success},
                            NULL,
                            "CNAME records published or removed, by an update of the zone or by the hook."},
    [METRIC_ISSUANCE_MOVES] = {"acmegate_issuance_moves_total",
                               METRIC_COUNTER,
                               0,
                               {&state},
                               NULL,
                               "Moves of issuances, by the state that was entered."},
    [METRIC_ISSUANCE_DURATION] = {"acmegate_issuance_duration_seconds",
                                  METRIC_HISTOGRAM,
                                  0,
                                  {&learned},
                                  issuance_buckets,
                                  "From finalize to the certificate, by how it was learned of."},
    [METRIC_ISSUANCES] =
        {"acmegate_issuances", METRIC_GAUGE, 0, {&state}, NULL, "Issuances under way (sampled), by state."},
    [METRIC_ISSUANCE_OLDEST] = {"acmegate_issuance_oldest_seconds",
                                METRIC_GAUGE,
                                MILLISECONDS,
                                {&state},
                                NULL,
                                "Age of the oldest issuance under way (sampled), by state; 0 where there is none."},
    [METRIC_ORDERS] = {"acmegate_orders", METRIC_GAUGE, 0, {&order}, NULL, "ACME orders in the store (sampled)."},
    [METRIC_ORDER_OLDEST] = {"acmegate_order_oldest_seconds",
                             METRIC_GAUGE,
                             MILLISECONDS,
                             {&order},
                             NULL,
                             "Age of the oldest order of that status (sampled); 0 where there is none."},
    [METRIC_JOBS_DUE] = {"acmegate_jobs_due", METRIC_GAUGE, 0, {0}, NULL, "Jobs that are due (sampled)."},
    [METRIC_JOBS_LATE] =
        {"acmegate_jobs_late", METRIC_GAUGE, 0, {0}, NULL, "Jobs that have been due for more than a minute (sampled)."},
    [METRIC_JOBS_RUNNING] =
        {"acmegate_jobs_running", METRIC_GAUGE, 0, {0}, NULL, "Jobs that are being done (sampled)."},
    [METRIC_OWNER] = {"acmegate_owner", METRIC_GAUGE, 0, {0}, NULL,
                      "1 where this gateway owns the store, and does all that is to be done in its time; 0 where it serves "
                      "beside the one that does (sampled)."},
    [METRIC_DIFFERS] = {"acmegate_configuration_differs", METRIC_GAUGE, 0, {0}, NULL,
                        "1 where another gateway of the same store has a configuration or a key file that is not this "
                        "one's."},
    [METRIC_GAVE_UP] = {"acmegate_unfetched_certificates",
                        METRIC_GAUGE,
                        0,
                        {&agent},
                        NULL,
                        "Certificates of the last 30 days that nobody has fetched for an hour (sampled): clients that "
                        "gave up, by family."},
    [METRIC_CERTIFICATES] = {"acmegate_certificates",
                             METRIC_GAUGE,
                             0,
                             {&expiry},
                             NULL,
                             "Certificates in the store (sampled), by days until they expire: at most so many."},
    [METRIC_UNRENEWED] = {"acmegate_certificates_unrenewed",
                          METRIC_GAUGE,
                          0,
                          {&expiry},
                          NULL,
                          "Of these the newest of their names, not revoked, which nothing has replaced (sampled)."},
    [METRIC_CALLS] = {"acmegate_sectigo_calls_total",
                      METRIC_COUNTER,
                      0,
                      {&login, &call, &answer},
                      NULL,
                      "Calls to Sectigo that ended, by the class of the answer."},
    [METRIC_CALL_DURATION] = {"acmegate_sectigo_call_duration_seconds",
                              METRIC_HISTOGRAM,
                              0,
                              {&call},
                              call_buckets,
                              "How long Sectigo takes to answer."},
    [METRIC_CALLS_WAITING] = {"acmegate_sectigo_calls_waiting",
                              METRIC_LEVEL,
                              0,
                              {&login},
                              NULL,
                              "Calls that wait for their turn (calls_per_minute, the breaker)."},
    [METRIC_LOGIN_REFUSED] =
        {"acmegate_login_refused", METRIC_GAUGE, 0, {&login}, NULL, "1 while Sectigo refuses this login (-16)."},
    [METRIC_LOGIN_RESTING] = {"acmegate_login_breaker_open",
                              METRIC_GAUGE,
                              0,
                              {&login},
                              NULL,
                              "1 while calls rest, because they failed one after another."},
    [METRIC_LOGIN_PAUSED] = {"acmegate_login_paused",
                             METRIC_GAUGE,
                             0,
                             {&login},
                             NULL,
                             "1 while the login may not buy, whatever the reason (acmegatectl upstream status)."},
    [METRIC_LAST_PUSH] = {"acmegate_login_last_push_timestamp_seconds",
                          METRIC_GAUGE,
                          MILLISECONDS,
                          {&login},
                          NULL,
                          "When a push about an order of this login last came, to the hour; 0: never."},
    [METRIC_CREDIT] = {"acmegate_login_credit",
                       METRIC_GAUGE,
                       HUNDREDTHS,
                       {&login},
                       NULL,
                       "Credit of the account in its currency, as Sectigo last told it."},
    [METRIC_LOW_CREDIT] = {"acmegate_login_low_credit",
                           METRIC_GAUGE,
                           HUNDREDTHS,
                           {&login},
                           NULL,
                           "What the configuration calls low (low_credit)."},
    [METRIC_PURCHASES] = {"acmegate_purchases_total", METRIC_COUNTER, 0, {&login}, NULL, "Orders bought at Sectigo."},
    [METRIC_REPLACEMENTS] = {"acmegate_replacements_total",
                             METRIC_COUNTER,
                             0,
                             {&login},
                             NULL,
                             "Certificates asked for within a term that is paid for."},
    [METRIC_REFUNDS] = {"acmegate_refunds_total", METRIC_COUNTER, 0, {&login}, NULL, "Refunds that Sectigo confirmed."},
    [METRIC_REVOCATIONS] =
        {"acmegate_revocations_total", METRIC_COUNTER, 0, {&login}, NULL, "Revocations that Sectigo confirmed."},
    [METRIC_SAVED] = {"acmegate_purchases_saved_total",
                      METRIC_COUNTER,
                      0,
                      {&saved},
                      NULL,
                      "Orders that cost nothing: by a replacement, or by meeting another order of the same key."},
    [METRIC_SPENT] = {"acmegate_spent_total",
                      METRIC_COUNTER,
                      HUNDREDTHS,
                      {&login},
                      NULL,
                      "What purchases cost, in the currency of the account."},
    [METRIC_COUNTED] = {"acmegate_purchases_counted",
                        METRIC_GAUGE,
                        0,
                        {&policy, &window},
                        NULL,
                        "Purchases of this UTC day and month that count against the limit (policy \"\": all)."},
    [METRIC_COUNT_LIMIT] = {"acmegate_purchases_limit",
                            METRIC_GAUGE,
                            0,
                            {&policy, &window},
                            NULL,
                            "Most purchases in a UTC day and month, where there is a limit."},
    [METRIC_AMOUNT] = {"acmegate_spending_counted",
                       METRIC_GAUGE,
                       HUNDREDTHS,
                       {&policy, &window},
                       NULL,
                       "Spending of this UTC day and month that counts against the limit (policy \"\": all)."},
    [METRIC_AMOUNT_LIMIT] = {"acmegate_spending_limit",
                             METRIC_GAUGE,
                             HUNDREDTHS,
                             {&policy, &window},
                             NULL,
                             "Most spending in a UTC day and month, where there is a limit."},
    [METRIC_NOTIFICATIONS] = {"acmegate_notifications_total",
                              METRIC_COUNTER,
                              0,
                              {&way, &success},
                              NULL,
                              "Messages to the targets of notify; what failed is sent again."},
    [METRIC_NOTICES] =
        {"acmegate_notices_waiting", METRIC_GAUGE, 0, {0}, NULL, "Events that wait to be told (sampled)."},
    [METRIC_TLS_EXPIRY] = {"acmegate_tls_certificate_expiry_timestamp_seconds",
                           METRIC_GAUGE,
                           0,
                           {&listener},
                           NULL,
                           "When the listener's own certificate expires."},
    [METRIC_STORE_USED] = {"acmegate_store_used_bytes",
                           METRIC_GAUGE,
                           0,
                           {0},
                           NULL,
                           "What the store has in use, pages kept for reuse included."},
    [METRIC_STORE_SIZE] =
        {"acmegate_store_size_bytes", METRIC_GAUGE, 0, {0}, NULL, "How far the store may grow (store.map_size)."},
    [METRIC_STORE_COMMITS] = {"acmegate_store_commits_total",
                              METRIC_COUNTER,
                              0,
                              {0},
                              NULL,
                              "Commits since the start; one carries many changes."},
    [METRIC_STORE_FAILED] = {"acmegate_store_failed_total",
                             METRIC_COUNTER,
                             0,
                             {0},
                             NULL,
                             "Changes that were not stored: refused by their own check, or by the disk."},
    [METRIC_BACKUPS] =
        {"acmegate_backups_total", METRIC_COUNTER, 0, {&success}, NULL, "Scheduled backups (backup.every), by result."},
    [METRIC_BACKUP_LAST] = {"acmegate_backup_last_success_timestamp_seconds",
                            METRIC_GAUGE,
                            MILLISECONDS,
                            {0},
                            NULL,
                            "When a scheduled backup was last written and read whole; 0: never. Absent where none is "
                            "scheduled."},
    [METRIC_BACKUP_EVERY] =
        {"acmegate_backup_every_seconds", METRIC_GAUGE, MILLISECONDS, {0}, NULL, "How often a backup is scheduled."},
    [METRIC_HOUSEKEEPING_REMOVED] = {"acmegate_housekeeping_removed_total",
                                     METRIC_COUNTER,
                                     0,
                                     {&removed},
                                     NULL,
                                     "Records that housekeeping removed from the store, by kind."},
    [METRIC_CLOCK_DOUBT] =
        {"acmegate_clock_in_doubt", METRIC_GAUGE, 0, {0}, NULL, "1 while the time is in doubt, and nothing is bought."},
    [METRIC_LOG_LINES] = {"acmegate_log_lines_total",
                          METRIC_COUNTER,
                          0,
                          {&level},
                          NULL,
                          "Log lines by level, those that were held back as repetitions included."},
    [METRIC_BUILD] = {"acmegate_build_info", METRIC_GAUGE, 0, {&version}, NULL, "1; the version is its label."},
    [METRIC_PROCESS_CPU] = {"process_cpu_seconds_total",
                            METRIC_COUNTER,
                            MILLISECONDS,
                            {0},
                            NULL,
                            "Processor time of the process, of user and system."},
    [METRIC_PROCESS_MEMORY] = {"process_resident_memory_bytes",
                               METRIC_GAUGE,
                               0,
                               {0},
                               NULL,
                               "Memory in use, the store's pages that are in memory included."},
    [METRIC_PROCESS_FDS] = {"process_open_fds", METRIC_GAUGE, 0, {0}, NULL, "Open descriptors."},
    [METRIC_PROCESS_FDS_MAX] = {"process_max_fds", METRIC_GAUGE, 0, {0}, NULL, "Most descriptors that may be open."},
    [METRIC_PROCESS_START] =
        {"process_start_time_seconds", METRIC_GAUGE, MILLISECONDS, {0}, NULL, "When the process started."},
};

unsigned metric_bucket_count(const struct metric_row *row)
{
    unsigned count = 0;
    while (row->buckets && row->buckets[count])
        count++;
    return count;
}

unsigned metric_series_count(const struct metric_row *row)
{
    unsigned count = 1;
    for (unsigned i = 0; i < METRIC_LABELS_MAX && row->labels[i]; i++)
        count *= row->labels[i]->count;
    return count;
}

/* Of a histogram one for each bucket, one for what is beyond, and the sum. */
unsigned metric_cells_each(const struct metric_row *row)
{
    return row->kind == METRIC_HISTOGRAM ? metric_bucket_count(row) + 2 : 1;
}

/* ---- numbers of labels that come as something else ---- */

static unsigned find(const char *(*text)(unsigned), unsigned count, const char *wanted)
{
    for (unsigned i = 0; i < count - 1; i++) {
        const char *word = text(i);
        if (word && strcmp(word, wanted) == 0)
            return i;
    }
    return count - 1;
}

unsigned metrics_status(int http_status)
{
    static const int statuses[STATUSES - 1] = {200, 201, 202, 204, 400, 401, 403, 404, 405,
                                               409, 413, 415, 417, 429, 500, 502, 503};
    for (unsigned i = 0; i < STATUSES - 1; i++) {
        if (statuses[i] == http_status)
            return i;
    }
    return STATUSES - 1;
}

unsigned metrics_resource(const char *name)
{
    return ACME_RESOURCES + find(other_resource_text, OTHER_RESOURCES, name);
}

/* As the clients name themselves; "lego" stands in those of many that use its library, so the others come first. */
unsigned metrics_agent(const char *user_agent)
{
    static const struct {
        const char *sign, *family;
    } signs[] = {{"CertbotACMEClient", "certbot"},
                 {"cert-manager", "cert-manager"},
                 {"Caddy", "Caddy"},
                 {"acme.sh", "acme.sh"},
                 {"mod_md", "mod_md"},
                 {"win-acme", "win-acme"},
                 {"Posh-ACME", "Posh-ACME"},
                 {"dehydrated", "dehydrated"},
                 {"acmetool", "acmetool"},
                 {"uacme", "uacme"},
                 {"lego", "lego"}};
    for (size_t i = 0; user_agent && i < COUNT(signs); i++) {
        if (strstr(user_agent, signs[i].sign))
            return find(agent_text, AGENTS, signs[i].family);
    }
    return AGENTS - 1;
}
