/* What a process that is confined may do: each case in a process of its own, whose log is read. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/confine.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { CONFINED = 0 };
#else
enum { CONFINED = 1 };
#endif

enum { GOOD = 0, BAD = 1 };

/* What a child does once it is confined; its exit status. */
typedef int deed(void);

/* Returns what waitpid says; text is what the child wrote into its log. */
static int run_confined(bool programs, deed *fn, char text[static 4096])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char reason[CONFINE_REASON_MAX];
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        _exit(confine_calls(programs, reason) ? fn() : BAD);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t got;
    while (len < 4095 && (got = read(ends[0], text + len, 4095 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void check_forbidden(bool programs, deed *fn, const char *call)
{
    char text[4096], wanted[64];
    int status = run_confined(programs, fn, text);
    snprintf(wanted, sizeof wanted, "\"call\":\"%s\"", call);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    assert_non_null(strstr(text, wanted));
}

static void check_allowed(bool programs, deed *fn)
{
    char text[4096];
    int status = run_confined(programs, fn, text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? GOOD : BAD;
}

static void *trace_in_thread(void *arg)
{
    (void)pthread_barrier_wait(arg);
    trace();
    return NULL;
}

static int leave_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0 ? GOOD : BAD;
}

static int clone_namespace(void)
{
    return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL) == 0 ? GOOD : BAD;
}

static int map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED
               ? GOOD
               : BAD;
}

static int turn_into_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ? GOOD : BAD;
}

static int run_program(void)
{
    execl("/bin/true", "true", NULL);
    return BAD;
}

static int open_raw_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT ? GOOD : BAD;
}

static void *add_one(void *count)
{
    ++*(int *)count;
    return NULL;
}

/* Threads, memory, files, sockets. */
static int live(void)
{
    pthread_t thread;
    int count = 0, fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0 || close(fd) != 0 || pthread_create(&thread, NULL, add_one, &count) != 0 || pthread_join(thread, NULL))
        return BAD;
    void *big = malloc(64 << 20), *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FILE *file = tmpfile();
    bool good = count == 1 && big && code != MAP_FAILED && file && fputs("x", file) >= 0 && fclose(file) == 0;
    free(big);
    return good ? GOOD : BAD;
}

static void a_build_with_a_sanitizer_says_so(void **state)
{
    char text[4096];
    (void)state;
    int status = run_confined(false, leave_namespace, text);
    assert_true(WIFEXITED(status));
    assert_non_null(strstr(text, "this build has a sanitizer"));
}

static void forbidden_calls_end_the_process_and_are_named(void **state)
{
    (void)state;
    check_forbidden(false, trace, "ptrace");
    check_forbidden(true, trace, "ptrace");
    check_forbidden(true, leave_namespace, "unshare");
    check_forbidden(true, clone_namespace, "clone");
}

static void without_programs_nothing_is_run_and_nothing_written_is_executed(void **state)
{
    (void)state;
    check_forbidden(false, run_program, "execve");
    check_forbidden(false, map_code, "mmap");
    check_forbidden(false, turn_into_code, "mprotect");
    check_allowed(true, run_program);
    check_allowed(true, map_code);
    check_allowed(true, turn_into_code);
}

static void what_the_daemon_does_is_allowed(void **state)
{
    (void)state;
    check_allowed(false, live);
    check_allowed(true, live);
    check_allowed(false, open_raw_socket);
}

static pthread_barrier_t barrier;

/* A thread that was made before. */
static void threads_of_before_are_confined_too(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char reason[CONFINE_REASON_MAX];
        pthread_t thread;
        pthread_barrier_init(&barrier, NULL, 2);
        if (pthread_create(&thread, NULL, trace_in_thread, &barrier) != 0 || !confine_calls(false, reason))
            _exit(BAD);
        pthread_barrier_wait(&barrier);
        pthread_join(thread, NULL);
        _exit(GOOD);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void no_capability_is_kept_but_one(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char reason[CONFINE_REASON_MAX], line[256];
        bool good = confine_capabilities(reason) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
        FILE *file = fopen("/proc/self/status", "r");
        unsigned seen = 0;
        while (good && fgets(line, sizeof line, file)) {
            unsigned long long set;
            if (sscanf(line, "CapPrm: %llx", &set) == 1 || sscanf(line, "CapEff: %llx", &set) == 1 ||
                sscanf(line, "CapInh: %llx", &set) == 1 || sscanf(line, "CapAmb: %llx", &set) == 1) {
                seen++;
                good = (set & ~(1ull << 10)) == 0; /* CAP_NET_BIND_SERVICE */
            }
        }
        _exit(good && seen == 4 ? GOOD : BAD);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_end_the_process_and_are_named),
        cmocka_unit_test(without_programs_nothing_is_run_and_nothing_written_is_executed),
        cmocka_unit_test(what_the_daemon_does_is_allowed),
        cmocka_unit_test(threads_of_before_are_confined_too),
        cmocka_unit_test(no_capability_is_kept_but_one),
    };
    const struct CMUnitTest sanitized[] = {
        cmocka_unit_test(a_build_with_a_sanitizer_says_so),
        cmocka_unit_test(no_capability_is_kept_but_one),
    };
    return CONFINED ? cmocka_run_group_tests(tests, NULL, NULL) : cmocka_run_group_tests(sanitized, NULL, NULL);
}
