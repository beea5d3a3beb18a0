/* sectigo-sandbox: a stand-in for Sectigo's partner API. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/server.h"

/* Until SIGTERM or SIGINT, which were blocked before any thread began. */
static void serve_until(const sigset_t *ends)
{
    int signal_number;
    while (sigwait(ends, &signal_number) != 0)
        ;
}

static int run_sandbox(struct sandbox *sandbox, const sigset_t *ends)
{
    struct server *server = NULL;
    int status = EXIT_FAILURE;
    if (!sandbox_open(sandbox))
        goto out;
    if (!worker_start(sandbox))
        goto out;
    progress_resume(sandbox);
    server = server_start(sandbox);
    if (!server)
        goto out;
    printf("ready %s\n", server_url(server));
    if (*server_plain_url(server))
        printf("plain %s\n", server_plain_url(server));
    fflush(stdout);
    serve_until(ends);
    status = EXIT_SUCCESS;
out:
    server_stop(server);
    worker_stop(sandbox);
    sandbox_close(sandbox);
    return status;
}

int main(int argc, char **argv)
{
    static struct sandbox sandbox;
    sigset_t ends;
    int status;
    if (!options_read(&sandbox.options, argc, argv))
        return 2;
    if (sandbox.options.help) {
        options_usage();
        return EXIT_SUCCESS;
    }
    if (!now_open())
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    status = run_sandbox(&sandbox, &ends);
    curl_global_cleanup();
    options_clear(&sandbox.options);
    return status;
}
