/* acmebench: whole ACME orders against any directory, and what each step took. See README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"

enum { WAIT_MAX_MS = 1000 };

/* ---- the loop ---- */

static void take_ended(struct bench *bench)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(bench->multi, &left)) != NULL;) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct exchange *exchange = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
        curl_multi_remove_handle(bench->multi, easy);
        client_on_done((struct client *)(void *)((char *)exchange - offsetof(struct client, exchange)), code);
    }
}

/* Returns how long the loop may sleep. */
static int wake_due(struct bench *bench)
{
    uint64_t now = clock_us(), next = now + WAIT_MAX_MS * 1000ull;
    for (unsigned i = 0; i < bench->options.accounts; i++) {
        struct client *client = &bench->clients[i];
        if (client->wake_us > 0 && client->wake_us <= now)
            client_on_wake(client);
        if (client->wake_us > 0 && client->wake_us < next)
            next = client->wake_us;
    }
    return next > now ? (int)((next - now + 999) / 1000) : 0;
}

static bool run(struct bench *bench)
{
    while (bench->active > 0) {
        int running;
        if (curl_multi_perform(bench->multi, &running) != CURLM_OK)
            return false;
        take_ended(bench);
        int wait_ms = wake_due(bench);
        if (bench->active > 0 && curl_multi_poll(bench->multi, NULL, 0, wait_ms, NULL) != CURLM_OK)
            return false;
    }
    return true;
}

/* ---- the measurement ---- */

/* The first line of the key's file; NULL after a message. */
static char *read_key(const char *path)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    bool good = file != NULL && getline(&line, &size, file) > 0;
    if (file != NULL)
        fclose(file);
    if (good) {
        line[strcspn(line, "\r\n")] = '\0';
        return line;
    }
    fprintf(stderr, "acmebench: %s cannot be read\n", path);
    free(line);
    return NULL;
}

static bool open_files(struct bench *bench)
{
    const struct options *o = &bench->options;
    if (o->eab_key_file != NULL && (bench->eab_key = read_key(o->eab_key_file)) == NULL)
        return false;
    if (o->times_file != NULL && (bench->times = fopen(o->times_file, "w")) == NULL) {
        fprintf(stderr, "acmebench: %s cannot be written\n", o->times_file);
        return false;
    }
    return true;
}

static bool prepare(struct bench *bench)
{
    const struct options *o = &bench->options;
    if (!open_files(bench))
        return false;
    bench->multi = curl_multi_init();
    bench->clients = calloc(o->accounts, sizeof *bench->clients);
    if (bench->multi == NULL || bench->clients == NULL)
        return false;
    curl_multi_setopt(bench->multi, CURLMOPT_MAXCONNECTS, (long)o->accounts + 1);
    for (unsigned i = 0; i < o->accounts; i++)
        if (!client_make(&bench->clients[i], bench))
            return false;
    bench->responder = responder_start(o->http01_address, o->http01_port, (size_t)o->orders * o->names);
    return bench->responder != NULL && directory_read(bench) && plans_make(bench);
}

static bool make_accounts(struct bench *bench)
{
    for (unsigned i = 0; i < bench->options.accounts; i++)
        client_begin_account(&bench->clients[i]);
    return run(bench) && bench->failed == 0;
}

static bool run_orders(struct bench *bench)
{
    bench->began_us = clock_us();
    for (unsigned i = 0; i < bench->options.accounts; i++)
        client_begin_orders(&bench->clients[i]);
    return run(bench);
}

static bool make_orders(struct bench *bench)
{
    const pid_t pid = bench->options.pid, own = getpid();
    struct observation server, self;
    if ((pid > 0 && !proc_read(pid, &server.before)) || !proc_read(own, &self.before) || !run_orders(bench))
        return false;
    uint64_t took_us = clock_us() - bench->began_us;
    if ((pid > 0 && !proc_read(pid, &server.after)) || !proc_read(own, &self.after))
        return false;
    report(bench, took_us, pid > 0 ? &server : NULL, &self);
    return bench->failed == 0;
}

static bool hold_idle(const struct bench *bench)
{
    const struct options *o = &bench->options;
    struct proc_usage before = {0}, after = {0};
    if (o->idle == 0)
        return true;
    if (o->pid > 0 && !proc_read(o->pid, &before))
        return false;
    CURLM *connections = idle_open(bench);
    bool good = connections != NULL && (o->pid == 0 || proc_read(o->pid, &after));
    if (good && o->pid > 0)
        printf("server: RssAnon %.1f MiB, and %.1f MiB with %u idle TLS connections\n",
               (double)before.anonymous / (1 << 20), (double)after.anonymous / (1 << 20), o->idle);
    idle_close(connections);
    return good;
}

static void finish(struct bench *bench)
{
    for (unsigned i = 0; bench->clients != NULL && i < bench->options.accounts; i++)
        client_free(&bench->clients[i]);
    free(bench->clients);
    if (bench->multi != NULL)
        curl_multi_cleanup(bench->multi);
    responder_stop(bench->responder);
    plans_free(bench);
    for (int i = 0; i < STEPS; i++) {
        tally_free(&bench->plain[i]);
        tally_free(&bench->held[i]);
    }
    tally_free(&bench->wait);
    tally_free(&bench->order);
    tally_free(&bench->late);
    if (bench->times != NULL)
        fclose(bench->times);
    free(bench->eab_key);
    free(bench->new_nonce);
    free(bench->new_account);
    free(bench->new_order);
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    int status = options_read(argc, argv, &bench.options);
    if (status >= 0)
        return status;
    raise_descriptors();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bool good = prepare(&bench) && make_accounts(&bench) && make_orders(&bench) && hold_idle(&bench);
    finish(&bench);
    curl_global_cleanup();
    return good ? 0 : 1;
}
