#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "exchange.h"

static char *url_of(const json_t *directory, const char *key)
{
    const char *url = json_string_value(json_object_get(directory, key));
    return url != NULL ? strdup(url) : NULL;
}

bool directory_read(struct bench *bench)
{
    struct exchange e;
    bool good = false;
    if (!exchange_make(&e, bench->options.ca_file))
        goto out;
    exchange_set_get(&e, bench->options.directory);
    CURLcode code = curl_easy_perform(e.easy);
    exchange_finish(&e);
    if (code != CURLE_OK || e.status != 200) {
        fprintf(stderr, "acmebench: %s: %s, HTTP status %ld\n", bench->options.directory, curl_easy_strerror(code),
                e.status);
        goto out;
    }
    json_t *directory = json_loadb(e.body, e.len, JSON_REJECT_DUPLICATES, NULL);
    bench->new_nonce = url_of(directory, "newNonce");
    bench->new_account = url_of(directory, "newAccount");
    bench->new_order = url_of(directory, "newOrder");
    json_decref(directory);
    good = bench->new_nonce != NULL && bench->new_account != NULL && bench->new_order != NULL;
    if (!good)
        fprintf(stderr, "acmebench: %s is not an ACME directory\n", bench->options.directory);
out:
    exchange_free(&e);
    return good;
}
