/* dcv: the operator's hook is run without a shell, watched, and never waited for longer than its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "gateway/dcv/hook.h"

#include "egress_world.h"

static const struct dns_row rows[] = {{NULL, 0, NULL, 0}};
static struct world world;
static char path[64];

struct call {
    struct config_dcv_hook config;
    struct egress_post post;
    struct ending ending;
    bool refused;
    char reason[HOOK_REASON_MAX];
};

static void on_done(void *ctx, const char *reason)
{
    struct call *call = ctx;
    snprintf(call->reason, sizeof call->reason, "%s", reason ? reason : "");
    ending_come(&call->ending);
}

static void on_start(void *ctx)
{
    static const struct dcv_record record = {"example.com", "_0.example.com", "a.b; exit 9 #.sectigo.com"};
    struct call *call = ctx;
    call->refused = !hook_run(world.egress, &call->config, "publish", &record, on_done, call, call->reason);
    if (call->refused)
        ending_come(&call->ending);
}

static void run(struct call *call, const char *script, uint32_t timeout_ms)
{
    *call = (struct call){.config = {.program = path, .timeout_ms = timeout_ms}};
    unlink(path);
    if (script) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "#!/bin/sh\n%s\n", script);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0700), 0);
    }
    ending_start(&call->ending);
    world_post(&world, &call->post, on_start, call);
    ending_wait(&call->ending);
    assert_int_equal(call->ending.times, 1);
}

static void its_status_is_the_outcome(void **state)
{
    (void)state;
    struct call call;
    run(&call, "exit 0", 10000);
    assert_string_equal(call.reason, "");
    run(&call, "echo 'no such'; echo zone >&2; exit 3", 10000);
    assert_string_equal(call.reason, "the DCV hook (publish) ended with status 3: no such zone");
    run(&call, "kill -9 $$", 10000);
    assert_string_equal(call.reason, "the DCV hook (publish) ended with signal 9: ");
}

static void arguments_are_passed_as_they_are(void **state)
{
    (void)state;
    struct call call;
    run(&call, "echo \"$#|$1|$2|$3|$4\"; exit 1", 10000);
    assert_non_null(strstr(call.reason, ": 4|publish|_0.example.com|a.b; exit 9 #.sectigo.com|example.com"));
}

/* The shell itself has its script as descriptor 10. */
static void inherits_nothing_but_the_environment(void **state)
{
    (void)state;
    struct call call;
    run(&call,
        "for fd in /proc/self/fd/*; do n=${fd##*/}; [ $n -gt 10 ] && echo open $n; done; read line || echo end; "
        "exit 1",
        10000);
    assert_string_equal(call.reason, "the DCV hook (publish) ended with status 1: end");
}

static void one_that_hangs_is_killed_with_its_children(void **state)
{
    (void)state;
    struct call call;
    uint64_t began_ms = egress_now_ms();
    run(&call, "echo waiting; sleep 600 & sleep 600", 300);
    assert_string_equal(call.reason, "the DCV hook (publish) was killed after 300 ms: waiting");
    assert_true(egress_now_ms() - began_ms < 20000);
}

static void one_that_writes_without_end_harms_nobody(void **state)
{
    (void)state;
    struct call call;
    run(&call, "head -c 1000000 /dev/zero | tr '\\0' x; exit 4", 10000);
    assert_non_null(strstr(call.reason, "status 4: xxxx"));
}

static void one_that_cannot_be_run_is_named(void **state)
{
    (void)state;
    struct call call;
    run(&call, NULL, 1000);
    assert_true(call.refused);
    assert_non_null(strstr(call.reason, path));
    assert_non_null(strstr(call.reason, "cannot be run: No such file or directory"));
}

static int start(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/acmegate-hook-%d", (int)getpid());
    world_start(&world, rows);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop(&world);
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_status_is_the_outcome),
        cmocka_unit_test(arguments_are_passed_as_they_are),
        cmocka_unit_test(inherits_nothing_but_the_environment),
        cmocka_unit_test(one_that_hangs_is_killed_with_its_children),
        cmocka_unit_test(one_that_writes_without_end_harms_nobody),
        cmocka_unit_test(one_that_cannot_be_run_is_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
