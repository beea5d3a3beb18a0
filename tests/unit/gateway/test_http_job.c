/* job: who owns it when, seen with an ACME room that does as it is told. */
#include "gateway/http/job.c"

#include <semaphore.h>

#include "http_server.h"

struct acme_task {
    struct acme_reply reply;
    bool settled;
};

static struct http_server *server;
static const struct acme_id topic = {{1, 2, 3}};
static atomic_uint freed;
static enum acme_step first_step; /* of every request */
static unsigned workers;          /* of the server */
static sem_t may_change;          /* where that is a note */

/* ---- the room ---- */

struct acme_thread *acme_thread_make(void)
{
    static char thread;
    return (struct acme_thread *)&thread;
}

void acme_thread_free(struct acme_thread *thread)
{
    (void)thread;
}

void acme_thread_age(struct acme_thread *thread)
{
    (void)thread;
}

enum acme_step acme_begin(struct acme *acme, struct acme_thread *thread, const struct acme_request *request,
                          struct acme_task **task)
{
    (void)acme, (void)thread, (void)request;
    *task = calloc(1, sizeof **task);
    assert_non_null(*task);
    (*task)->reply.status = 200;
    return first_step;
}

enum store_status acme_change(struct store_txn *txn, void *task)
{
    (void)txn, (void)task;
    if (first_step == ACME_NOTE)
        sem_wait(&may_change);
    return STORE_OK;
}

/* The worst moment: the topic is settled and notified after the room has looked, before the reply is in the table. */
enum acme_step acme_committed(struct acme_task *task, struct acme_thread *thread, enum store_status status,
                              uint64_t now)
{
    (void)thread, (void)status, (void)now;
    task->settled = true;
    http_notify(server, &topic);
    return ACME_HOLD;
}

const struct acme_id *acme_hold_topic(const struct acme_task *task)
{
    (void)task;
    return &topic;
}

uint32_t acme_hold_ms(const struct acme_task *task)
{
    (void)task;
    return 60 * 1000;
}

unsigned acme_patience_ms(const struct acme_task *task)
{
    (void)task;
    return 0;
}

enum acme_step acme_resume(struct acme_task *task, struct acme_thread *thread, bool expired, uint64_t now)
{
    (void)thread, (void)now;
    return task->settled || expired ? ACME_DONE : ACME_HOLD;
}

const struct acme_reply *acme_task_reply(const struct acme_task *task)
{
    return &task->reply;
}

unsigned acme_task_resource(const struct acme_task *task)
{
    (void)task;
    return 0;
}

size_t acme_body_max(const char *path, size_t len)
{
    (void)path, (void)len;
    return ACME_BODY_MAX;
}

const char *acme_resource_text(unsigned resource)
{
    (void)resource;
    return "directory";
}

enum acme_problem_type acme_task_problem(const struct acme_task *task)
{
    (void)task;
    return ACME_PROBLEM_NONE;
}

const char *acme_task_subject(const struct acme_task *task)
{
    (void)task;
    return "";
}

bool acme_task_remark(struct acme_task *task, struct acme_remark *remark)
{
    (void)task, (void)remark;
    return false;
}

void acme_task_free(struct acme_task *task)
{
    free(task);
    atomic_fetch_add(&freed, 1);
}

/* ---- tests ---- */

static int prepare(void **state)
{
    atomic_store(&freed, 0);
    first_step = ACME_COMMIT;
    return world_prepare(state);
}

static void start_with_store(struct world *w)
{
    static const char *const tables[] = {"table"};
    char path[128], reason[STORE_REASON_SIZE];
    snprintf(path, sizeof path, "%s/store", w->folder);
    struct store_config store = {
        .path = path, .map_size = 16 << 20, .tables = tables, .table_count = 1, .schema = 1, .nosync = true};
    assert_int_equal(store_open(&store, &w->config.store, reason), STORE_OK);
    w->config.acme = (struct acme *)w; /* never looked into */
    w->config.workers = workers;
    w->config.acme_listen = any_port;
    w->config.acme_listen_count = 1;
    world_start(w);
    server = w->server;
}

static void stop_with_store(struct world *w)
{
    world_stop(w);
    store_close(w->config.store);
}

static void test_notice_between_look_and_table(void **state)
{
    struct world *w = *state;
    start_with_store(w);
    struct client *client = client_open(w->acme);
    assert_true(client_send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
    free(expect(client, 200)); /* and not after a minute */
    client_close(client);
    stop_with_store(w);
    assert_int_equal(atomic_load(&freed), 1);
}

/* The change can only be made once the client has its reply; the second time it is gone by then. */
static void test_a_note_holds_no_reply_up(void **state)
{
    struct world *w = *state;
    first_step = ACME_NOTE;
    sem_init(&may_change, 0, 0);
    start_with_store(w);
    struct client *client = client_open(w->acme);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(client_send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
        free(expect(client, 200));
        if (i == 0)
            sem_post(&may_change);
    }
    client_close(client);
    sem_post(&may_change);
    stop_with_store(w);
    sem_destroy(&may_change);
    assert_int_equal(atomic_load(&freed), 2);
}

static void make_loop(struct loop *loop, h2o_req_t *req)
{
    static struct http_server no_workers;
    memset(loop, 0, sizeof *loop);
    memset(req, 0, sizeof *req);
    loop->server = &no_workers;
    holds_init(&loop->holds);
    h2o_mem_init_pool(&req->pool);
}

static struct job *make_job(struct loop *loop, h2o_req_t *req)
{
    struct job *job = job_make(loop, req);
    assert_non_null(job);
    job->task = calloc(1, sizeof *job->task);
    assert_non_null(job->task);
    return job;
}

static void test_request_ends_while_the_store_has_the_job(void **state)
{
    struct loop loop;
    h2o_req_t req;
    (void)state;
    make_loop(&loop, &req);
    struct job *job = make_job(&loop, &req);
    job->away = true;
    loop.submitted = 1;
    h2o_mem_clear_pool(&req.pool);
    assert_int_equal(atomic_load(&freed), 0);
    job_on_committed(&loop, &job->message);
    assert_int_equal(atomic_load(&freed), 1);
    assert_int_equal(loop.submitted, 0);
}

static void test_request_ends_while_the_reply_is_held(void **state)
{
    struct loop loop;
    h2o_req_t req;
    (void)state;
    make_loop(&loop, &req);
    struct job *job = make_job(&loop, &req);
    job->step = ACME_HOLD;
    job_advance(job);
    assert_true(holds_mark(&loop.holds, &topic));
    job_on_notice(&loop); /* not settled: it stays */
    assert_true(holds_mark(&loop.holds, &topic));
    h2o_mem_clear_pool(&req.pool);
    assert_int_equal(atomic_load(&freed), 1);
    assert_false(holds_mark(&loop.holds, &topic));
    assert_null(holds_due(&loop.holds, UINT64_MAX));
}

#define JOB_TEST(test) cmocka_unit_test_setup_teardown(test, prepare, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOB_TEST(test_notice_between_look_and_table),
        JOB_TEST(test_a_note_holds_no_reply_up),
        JOB_TEST(test_request_ends_while_the_store_has_the_job),
        JOB_TEST(test_request_ends_while_the_reply_is_held),
    };
    const struct CMUnitTest read_elsewhere[] = {
        JOB_TEST(test_notice_between_look_and_table),
        JOB_TEST(test_a_note_holds_no_reply_up),
    };
    int failed = cmocka_run_group_tests_name("http_job", tests, NULL, NULL);
    workers = 2;
    return failed + cmocka_run_group_tests_name("http_job with workers", read_elsewhere, NULL, NULL);
}
