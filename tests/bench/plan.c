/* plan: names and CSRs of all orders, made before the clock runs. Names differ from run to run and from order to order,
 * so that each order is a purchase of its own. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "csr.h"

/* "r1-0.bench.example,r1-0-1.bench.example"; malloc'd. */
static char *names_of(const struct options *options, uint32_t run, unsigned order)
{
    char *names = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&names, &size);
    if (out == NULL)
        return NULL;
    fprintf(out, "r%08x-%u.%s", (unsigned)run, order, options->domain);
    for (unsigned i = 1; i < options->names; i++)
        fprintf(out, ",r%08x-%u-%u.%s", (unsigned)run, order, i, options->domain);
    return fclose(out) == 0 ? names : NULL;
}

static char *identifiers_of(const char *names)
{
    char *payload = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&payload, &size);
    if (out == NULL)
        return NULL;
    fputs("{\"identifiers\":[{\"type\":\"dns\",\"value\":\"", out);
    for (; *names != '\0'; names++)
        *names == ',' ? fputs("\"},{\"type\":\"dns\",\"value\":\"", out) : fputc(*names, out);
    fputs("\"}]}", out);
    return fclose(out) == 0 ? payload : NULL;
}

static bool plan_make(struct plan *plan, const struct options *options, uint32_t run, unsigned order)
{
    char *names = names_of(options, run, order), *csr = NULL;
    if (names != NULL) {
        plan->name = strndup(names, strcspn(names, ","));
        plan->identifiers = identifiers_of(names);
        csr = csr_make(names);
    }
    if (csr != NULL && asprintf(&plan->csr, "{\"csr\":\"%s\"}", csr) < 0)
        plan->csr = NULL;
    free(csr);
    free(names);
    return plan->name != NULL && plan->identifiers != NULL && plan->csr != NULL;
}

bool plans_make(struct bench *bench)
{
    uint32_t run;
    bench->plans = calloc(bench->options.orders + 1, sizeof *bench->plans);
    if (bench->plans == NULL || getrandom(&run, sizeof run, 0) != sizeof run)
        return false;
    for (unsigned i = 0; i < bench->options.orders; i++)
        if (!plan_make(&bench->plans[i], &bench->options, run, i)) {
            fprintf(stderr, "acmebench: no CSR can be made for names under %s\n", bench->options.domain);
            return false;
        }
    return true;
}

void plans_free(struct bench *bench)
{
    for (unsigned i = 0; bench->plans != NULL && i < bench->options.orders; i++) {
        free(bench->plans[i].name);
        free(bench->plans[i].identifiers);
        free(bench->plans[i].csr);
    }
    free(bench->plans);
    bench->plans = NULL;
}
