#include "bench.h"

#include <stdio.h>

static const char *const names[STEPS] = {
    [NEW_NONCE] = "newNonce",  [NEW_ACCOUNT] = "newAccount", [NEW_ORDER] = "newOrder",
    [AUTHORIZATION] = "authz", [CHALLENGE] = "challenge",    [AUTHORIZATION_POLL] = "authz poll",
    [FINALIZE] = "finalize",   [ORDER_POLL] = "order poll",  [CERTIFICATE] = "certificate",
};

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

static void row(const char *name, const char *kind, struct tally *tally)
{
    if (tally->count == 0)
        return;
    printf("%-13s %-5s %8zu %10.2f %10.2f %10.2f\n", name, kind, tally->count, ms(tally_quantile(tally, 0.5)),
           ms(tally_quantile(tally, 0.99)), ms(tally_quantile(tally, 1)));
}

static void report_steps(struct bench *bench)
{
    struct tally all = {0};
    printf("%-13s %-5s %8s %10s %10s %10s\n", "", "", "count", "p50 ms", "p99 ms", "max ms");
    for (int i = 0; i < STEPS; i++) {
        row(names[i], "", &bench->plain[i]);
        row(names[i], "held", &bench->held[i]);
        /* The orders alone: accounts are made while all connections are opened. */
        if (i != NEW_NONCE && i != NEW_ACCOUNT)
            tally_merge(&all, &bench->plain[i]);
    }
    row("not held, all", "", &all);
    row("client wait", "", &bench->wait);
    row("whole order", "", &bench->order);
    row("begun late", "", &bench->late);
    tally_free(&all);
}

static void report_cpu(const char *who, uint64_t user_us, uint64_t system_us, unsigned orders)
{
    double n = orders > 0 ? orders : 1;
    printf("%s: %.3f ms CPU per order (user %.3f, system %.3f)\n", who, ms(user_us + system_us) / n, ms(user_us) / n,
           ms(system_us) / n);
}

static void report_usage(const char *who, const struct observation *o, unsigned orders)
{
    report_cpu(who, o->after.user_us - o->before.user_us, o->after.system_us - o->before.system_us, orders);
}

void report(struct bench *bench, uint64_t took_us, const struct observation *server, const struct observation *self)
{
    report_steps(bench);
    printf("\n%u orders done, %u failed, %u bad nonces, in %.2f s: %.1f orders/s\n", bench->done, bench->failed,
           bench->bad_nonces, (double)took_us / 1e6, bench->done * 1e6 / (double)(took_us > 0 ? took_us : 1));
    if (server != NULL) {
        report_usage("server", server, bench->done);
        printf("server: RssAnon %.1f MiB before, %.1f MiB after\n", (double)server->before.anonymous / (1 << 20),
               (double)server->after.anonymous / (1 << 20));
    }
    report_usage("acmebench itself", self, bench->done);
}
