/* Connections that are cut at COMMIT, by a proxy between the store and its server: what was answered was kept, and
 * nothing was done twice. Or those that write are cut, and no new one is taken: a change does not wait for ever. */
#include "tests/postgresql/processes.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CHANGES = 80, THREADS = 4, LATE_MS = 500 };

enum cut {
    CUT_NOTHING,
    CUT_BEFORE, /* the COMMIT never arrives */
    CUT_AFTER,  /* its answer never arrives */
    CUT_LATE,   /* the store is cut off at once, and the COMMIT arrives once it asks what became of it */
    CUTS
};

struct proxy {
    char server[108]; /* its socket */
    int listener;
    pthread_t thread;
    atomic_bool cutting, refusing, cutting_snapshot;
    atomic_uint commits, cut[CUTS];
    struct event asked; /* a look-up has been sent */
};

struct pass {
    struct proxy *proxy;
    int client, server;
    bool writes;
};

static int unix_socket(const char *path, bool listening)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
    int failed = listening ? bind(fd, (struct sockaddr *)&where, sizeof where) || listen(fd, 64)
                           : connect(fd, (struct sockaddr *)&where, sizeof where);
    return failed ? -1 : fd;
}

static bool has(const char *data, ssize_t len, const char *words)
{
    return memmem(data, (size_t)len, words, strlen(words)) != NULL;
}

static bool send_all(int to, const char *data, ssize_t len)
{
    return send(to, data, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Until the look-up has been sent, which must wait for this COMMIT; bounded, for a store that makes none. */
static void await_question(struct proxy *proxy, unsigned before)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)LATE_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&proxy->asked.lock);
    while (proxy->asked.count == before &&
           pthread_cond_timedwait(&proxy->asked.changed, &proxy->asked.lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&proxy->asked.lock);
}

/* False: this connection is over. */
static bool pass_commit(struct pass *pass, const char *data, ssize_t len)
{
    struct proxy *proxy = pass->proxy;
    enum cut cut = atomic_fetch_add(&proxy->commits, 1) % CUTS;
    unsigned asked = event_count(&proxy->asked);
    char answer[4096];
    atomic_fetch_add(&proxy->cut[cut], 1);
    if (cut == CUT_LATE) {
        close(pass->client);
        pass->client = -1;
        await_question(proxy, asked);
    }
    if (cut == CUT_BEFORE)
        return false;
    bool sent = send_all(pass->server, data, len);
    if (cut != CUT_NOTHING && sent)
        sent = recv(pass->server, answer, sizeof answer, 0) > 0;
    return sent && cut == CUT_NOTHING;
}

static bool pass_on(struct pass *pass, int from, int to)
{
    char data[65536];
    ssize_t len = recv(from, data, sizeof data, 0);
    if (len <= 0)
        return false;
    pass->writes |= from == pass->client && has(data, len, "SERIALIZABLE");
    if (pass->writes && atomic_load(&pass->proxy->refusing))
        return false;
    if (from == pass->client && has(data, len, "REPEATABLE READ") &&
        atomic_exchange(&pass->proxy->cutting_snapshot, false))
        return false;
    if (from == pass->client && has(data, len, "FOR UPDATE"))
        event_add(&pass->proxy->asked);
    /* A snapshot ends by the same word, but as a simple query: only what changed something is cut. */
    if (from == pass->client && data[0] != 'Q' && has(data, len, "COMMIT") && atomic_load(&pass->proxy->cutting))
        return pass_commit(pass, data, len);
    return send_all(to, data, len);
}

static void *pass_main(void *arg)
{
    struct pass *pass = arg;
    struct pollfd ends[2] = {{.fd = pass->client, .events = POLLIN}, {.fd = pass->server, .events = POLLIN}};
    bool open = pass->server >= 0;
    while (open && poll(ends, 2, -1) > 0)
        open = (!ends[0].revents || pass_on(pass, pass->client, pass->server)) &&
               (!ends[1].revents || pass_on(pass, pass->server, pass->client));
    if (pass->client >= 0)
        close(pass->client);
    if (pass->server >= 0)
        close(pass->server);
    free(pass);
    return NULL;
}

static void *proxy_main(void *arg)
{
    struct proxy *proxy = arg;
    int client;
    while ((client = accept(proxy->listener, NULL, NULL)) >= 0) {
        struct pass *pass = malloc(sizeof *pass);
        pthread_t thread;
        bool takes = !atomic_load(&proxy->refusing);
        *pass = (struct pass){proxy, client, takes ? unix_socket(proxy->server, false) : -1, false};
        if (pthread_create(&thread, NULL, pass_main, pass) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static void proxy_start(struct proxy *proxy, const char *folder)
{
    char real[96] = "", path[108];
    assert_int_equal(sscanf(getenv("ACMEGATE_POSTGRESQL"), "host=%95s", real), 1);
    snprintf(proxy->server, sizeof proxy->server, "%s/.s.PGSQL.5432", real);
    snprintf(path, sizeof path, "%.90s/.s.PGSQL.5432", folder);
    pthread_mutex_init(&proxy->asked.lock, NULL);
    pthread_cond_init(&proxy->asked.changed, NULL);
    proxy->listener = unix_socket(path, true);
    assert_true(proxy->listener >= 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_main, proxy), 0);
}

static void proxy_stop(struct proxy *proxy)
{
    shutdown(proxy->listener, SHUT_RDWR);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
}

static void open_behind(struct fixture *f, struct proxy *proxy, char connection[static 160])
{
    proxy_start(proxy, f->folder);
    snprintf(connection, 160, "host=%s user=acmegate dbname=postgres", f->folder);
    f->config.connection = connection;
    fixture_open(f);
}

/* ---- changes ---- */

static void *change_many(void *arg)
{
    struct fixture *f = arg;
    uintptr_t failures = 0;
    for (int i = 0; i < CHANGES / THREADS; i++)
        failures += store_call(f->store, count_up, NULL) != STORE_OK;
    return (void *)failures;
}

static void change_in(struct fixture *f, unsigned threads)
{
    pthread_t running[THREADS];
    for (unsigned i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&running[i], NULL, change_many, f), 0);
    for (unsigned i = 0; i < threads; i++) {
        void *failures;
        assert_int_equal(pthread_join(running[i], &failures), 0);
        assert_null(failures);
    }
}

/* The store is open behind the proxy meanwhile; it has been made without a cut. */
static void cut_with(struct fixture *f, unsigned threads, bool owns)
{
    static struct proxy proxy;
    char connection[160];
    const char *direct = f->config.connection;
    proxy = (struct proxy){0};
    f->config.writers = threads;
    open_behind(f, &proxy, connection);
    assert_int_equal(store_owns(f->store), owns);
    atomic_store(&proxy.cutting, true);
    change_in(f, threads);
    assert_int_equal(store_owns(f->store), owns);
    fixture_close(f);
    proxy_stop(&proxy);
    f->config.connection = direct;
    for (int cut = 0; cut < CUTS; cut++)
        assert_true(atomic_load(&proxy.cut[cut]) >= 4);
}

static void assert_counted(struct fixture *f, unsigned threads)
{
    f->config.share = NULL;
    f->config.wait = NULL;
    fixture_open(f);
    assert_int_equal(counted(f), threads * (CHANGES / THREADS));
}

static void cut_owner(struct fixture *f, unsigned threads)
{
    fixture_open(f);
    fixture_close(f);
    cut_with(f, threads, true);
    assert_counted(f, threads);
}

/* Its owner is another process, which nobody cuts, and which changes the store, too. */
static void cut_front(struct fixture *f, unsigned threads)
{
    static const struct store_share share = {0};
    struct child owner;
    f->config.writers = threads; /* its rows are as many */
    child_start(f, &owner);
    f->config.share = &share;
    f->config.wait = child_waits;
    cut_with(f, threads, false);
    assert_int_equal(child_asked(&owner, '1'), STORE_OK);
    assert_int_equal(child_end(&owner), 0);
    assert_counted(f, threads);
    assert_record(f, FRUIT, "a", "1");
}

static void test_cut_at_commit(void **state)
{
    cut_owner(*state, 1);
}

static void test_cut_at_commits_of_many(void **state)
{
    cut_owner(*state, THREADS);
}

static void test_front_that_is_cut_at_commit(void **state)
{
    cut_front(*state, 1);
}

static void test_front_that_is_cut_at_commits_of_many(void **state)
{
    cut_front(*state, THREADS);
}

/* It has seen nothing yet. */
static void test_snapshot_that_is_cut_as_it_begins(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    char connection[160];
    const char *direct = f->config.connection;
    open_behind(f, &proxy, connection);
    assert_int_equal(put(f, FRUIT, "a", "b"), STORE_OK);
    atomic_store(&proxy.cutting_snapshot, true);
    assert_record(f, FRUIT, "a", "b");
    assert_false(atomic_load(&proxy.cutting_snapshot));
    fixture_close(f);
    proxy_stop(&proxy);
    f->config.connection = direct;
}

static void *change_once(void *arg)
{
    return (void *)(uintptr_t)store_call(arg, count_up, NULL);
}

/* As one that has given all its connections away: its owner's heart beats all the while. */
static void test_server_that_takes_no_new_connection(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    struct timespec until;
    char connection[160];
    pthread_t changing;
    void *status = NULL;
    const char *direct = f->config.connection;
    open_behind(f, &proxy, connection);
    assert_int_equal(store_call(f->store, count_up, NULL), STORE_OK);
    atomic_store(&proxy.refusing, true);
    assert_int_equal(pthread_create(&changing, NULL, change_once, f->store), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    bool answered = pthread_timedjoin_np(changing, &status, &until) == 0;
    atomic_store(&proxy.refusing, false);
    if (!answered)
        pthread_join(changing, NULL);
    assert_true(answered);
    assert_int_equal((uintptr_t)status, STORE_AWAY);
    assert_int_equal(store_call(f->store, count_up, NULL), STORE_OK);
    assert_int_equal(counted(f), 2);
    fixture_close(f);
    proxy_stop(&proxy);
    f->config.connection = direct;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cut_at_commit, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cut_at_commits_of_many, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_front_that_is_cut_at_commit, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_front_that_is_cut_at_commits_of_many, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_snapshot_that_is_cut_as_it_begins, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_server_that_takes_no_new_connection, fixture_prepare, fixture_teardown),
    };
    return cmocka_run_group_tests_name("cuts", tests, NULL, NULL);
}
