/* metrics: what Prometheus is told: numbers that other rooms count, and their text.
 *
 * table.c is the one list of them; names, help and labels of the text and of the manual come from there. A number is an
 * atomic in static memory: counting takes no lock, allocates nothing and never fails. Any thread. A label has few
 * values, which are known beforehand; where people choose them (logins, policies) the first NAMES_MAX count, others as
 * "other".
 *
 * A store_fn counts nothing, since it may be run again: who waits for its commit does.
 */
#ifndef GATEWAY_METRICS_METRICS_H
#define GATEWAY_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric {
    /* requests */
    METRIC_REQUESTS, /* counter: enum metric_listener, enum metric_resource or less, HTTP status by metrics_status */
    METRIC_REQUEST_DURATION, /* histogram: listener */
    METRIC_PROBLEMS,         /* counter: enum acme_problem_type */
    METRIC_CONNECTIONS,      /* level: listener */
    METRIC_TURNED_AWAY,      /* counter: listener */
    METRIC_HELD_REPLIES,     /* level */
    METRIC_COMMIT_DURATION,  /* histogram */
    METRIC_PUSHES,           /* counter: enum metric_push */
    /* validation, domain control */
    METRIC_VALIDATIONS, /* counter: enum acme_challenge_type, enum metric_validation */
    METRIC_PREFLIGHTS,  /* counter: enum metric_look, 1 for well */
    METRIC_DCV_RECORDS, /* counter: enum metric_dcv, 1 for well */
    /* issuance */
    METRIC_ISSUANCE_MOVES,    /* counter: enum issuance_state that was entered */
    METRIC_ISSUANCE_DURATION, /* histogram: enum metric_learned */
    METRIC_ISSUANCES,         /* gauge: state */
    METRIC_ISSUANCE_OLDEST,   /* gauge in ms: state */
    METRIC_ORDERS,            /* gauge: enum acme_order_status - 1 */
    METRIC_ORDER_OLDEST,      /* gauge in ms: the same */
    METRIC_JOBS_DUE,          /* gauge */
    METRIC_JOBS_LATE,         /* gauge */
    METRIC_JOBS_RUNNING,      /* gauge */
    METRIC_OWNER,             /* gauge */
    METRIC_DIFFERS,           /* gauge */
    METRIC_GAVE_UP,           /* gauge: family of the user agent by metrics_agent */
    METRIC_CERTIFICATES,      /* gauge: enum metric_expiry */
    METRIC_UNRENEWED,         /* gauge: the same */
    /* Sectigo */
    METRIC_CALLS,         /* counter: login by metrics_login, enum sectigo_call_kind, enum metric_answer */
    METRIC_CALL_DURATION, /* histogram: enum sectigo_call_kind */
    METRIC_CALLS_WAITING, /* level: login */
    METRIC_LOGIN_REFUSED, /* gauge: login */
    METRIC_LOGIN_RESTING, /* gauge: login */
    METRIC_LOGIN_PAUSED,  /* gauge: login */
    METRIC_LAST_PUSH,     /* gauge in ms: login; 0: never */
    METRIC_CREDIT,        /* gauge in hundredths: login */
    METRIC_LOW_CREDIT,    /* gauge in hundredths: login */
    /* money */
    METRIC_PURCHASES,    /* counter: login */
    METRIC_REPLACEMENTS, /* counter: login */
    METRIC_REFUNDS,      /* counter: login */
    METRIC_REVOCATIONS,  /* counter: login */
    METRIC_SAVED,        /* counter: enum metric_saved */
    METRIC_SPENT,        /* counter in hundredths: login */
    METRIC_COUNTED,      /* gauge: policy by metrics_policy, enum metric_window */
    METRIC_COUNT_LIMIT,  /* gauge: the same */
    METRIC_AMOUNT,       /* gauge in hundredths: the same */
    METRIC_AMOUNT_LIMIT, /* gauge in hundredths: the same */
    /* being told */
    METRIC_NOTIFICATIONS, /* counter: webhook, mail, program (notify/send.h), 1 for taken */
    METRIC_NOTICES,       /* gauge */
    /* the gateway itself */
    METRIC_TLS_EXPIRY,           /* gauge in s: listener */
    METRIC_STORE_USED,           /* gauge */
    METRIC_STORE_SIZE,           /* gauge */
    METRIC_STORE_COMMITS,        /* counter */
    METRIC_STORE_FAILED,         /* counter */
    METRIC_BACKUPS,              /* counter: 1 for well */
    METRIC_BACKUP_LAST,          /* gauge in ms; 0: never */
    METRIC_BACKUP_EVERY,         /* gauge in ms */
    METRIC_HOUSEKEEPING_REMOVED, /* counter: enum removed_kind */
    METRIC_CLOCK_DOUBT,          /* gauge */
    METRIC_LOG_LINES,            /* counter: enum log_level */
    METRIC_BUILD,                /* gauge: 0 */
    METRIC_PROCESS_CPU,          /* counter in ms */
    METRIC_PROCESS_MEMORY,       /* gauge */
    METRIC_PROCESS_FDS,          /* gauge */
    METRIC_PROCESS_FDS_MAX,      /* gauge */
    METRIC_PROCESS_START,        /* gauge in ms */
    METRIC_END
};

enum metric_listener { METRIC_ACME, METRIC_PUBLIC, METRIC_ADMIN, METRIC_METRICS };
/* Resources of the ACME listener are the routes of acme.h, by number; those of the others follow. */
enum metric_push { METRIC_PUSH_TAKEN, METRIC_PUSH_UNREADABLE, METRIC_PUSH_ADDRESS, METRIC_PUSH_CREDENTIALS };
enum metric_validation { METRIC_VALID, METRIC_INVALID, METRIC_OURS };
enum metric_look { METRIC_LOOK_HTTP, METRIC_LOOK_CNAME, METRIC_LOOK_CAA };
enum metric_dcv { METRIC_DCV_UPDATE, METRIC_DCV_HOOK };
enum metric_learned { METRIC_BY_PUSH, METRIC_BY_PUSH_THEN_POLL, METRIC_BY_POLL };
enum metric_expiry {
    METRIC_EXPIRED,
    METRIC_WEEK,
    METRIC_FORTNIGHT,
    METRIC_MONTH,
    METRIC_QUARTER,
    METRIC_LATER,
    METRIC_EXPIRIES
};
enum metric_answer {
    METRIC_ANSWER_GOOD,    /* 0 or more */
    METRIC_ANSWER_REFUSED, /* less than 0 */
    METRIC_ANSWER_LOGIN,   /* -16 */
    METRIC_ANSWER_CREDIT,  /* -15 */
    METRIC_ANSWER_OTHER,   /* answered, and no code in it */
    METRIC_ANSWER_LOST,
    METRIC_ANSWER_NEVER_LEFT
};
enum metric_saved { METRIC_SAVED_REPLACEMENT, METRIC_SAVED_MEETING };
enum metric_window { METRIC_DAY, METRIC_MONTH_WINDOW };

enum { METRIC_LABELS_MAX = 3 };

void metrics_add(enum metric metric, int64_t n, const unsigned labels[static METRIC_LABELS_MAX]);
void metrics_put(enum metric metric, int64_t value, const unsigned labels[static METRIC_LABELS_MAX]);
/* A counter: one more. The labels' numbers follow, in the order of the enum's comment; 0 where it has none. */
#define metrics_count(metric, ...) metrics_add((metric), 1, (const unsigned[METRIC_LABELS_MAX]){__VA_ARGS__})
/* A level goes up (or down), a counter grows by n. */
#define metrics_change(metric, n, ...) metrics_add((metric), (n), (const unsigned[METRIC_LABELS_MAX]){__VA_ARGS__})
/* A gauge's value, in the unit of the enum's comment. */
#define metrics_set(metric, value, ...) metrics_put((metric), (value), (const unsigned[METRIC_LABELS_MAX]){__VA_ARGS__})
/* Of a histogram: microseconds. */
#define metrics_observe(metric, us, ...) metrics_time((metric), (us), (const unsigned[METRIC_LABELS_MAX]){__VA_ARGS__})
void metrics_time(enum metric metric, uint64_t us, const unsigned labels[static METRIC_LABELS_MAX]);
/* Of a gauge: no series of it is shown until it is set again. */
void metrics_forget(enum metric metric);

/* The label's number of what is counted by name, at its first use taken into the list. */
unsigned metrics_login(const char *name);
unsigned metrics_policy(const char *name);
unsigned metrics_status(int http_status);
/* The family of a client, by its User-Agent. */
unsigned metrics_agent(const char *user_agent);
/* The number of what is no ACME resource: "push", "dcv_file", "other". */
unsigned metrics_resource(const char *name);
/* Number of the ACME resources; what comes after them is of other listeners. */
unsigned metrics_acme_resource(unsigned route);

enum { METRIC_BUCKETS_MAX = 16 };

/* One series of a histogram, as it is now. */
struct metric_histogram {
    const char *of; /* its first label's value, "" where it has none; static */
    unsigned buckets;
    const uint64_t *end_us;                /* their upper ends; static */
    int64_t count[METRIC_BUCKETS_MAX + 1]; /* in each; at last, of what is beyond them */
    int64_t all, sum_us;
};
/* The series-th of a histogram with one label or none; false behind the last, and where the metric is none. */
bool metrics_histogram(enum metric metric, unsigned series, struct metric_histogram *out);

/* Monotonic microseconds. */
uint64_t metrics_now_us(void);

/* The text that a scrape gets (Prometheus text format 0.0.4): malloc'd, NULL when out of memory. */
char *metrics_render(size_t *len);
/* The manual's table, in Markdown: malloc'd, NULL when out of memory. */
char *metrics_manual(void);

#endif
