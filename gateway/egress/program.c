#include "gateway/egress/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/shortage.h"

enum { OUTPUT_MAX = 4096, SHOWN_MAX = 300, WHAT_MAX = 64 };

struct run {
    struct egress *egress;
    char what[WHAT_MAX]; /* "the DCV hook (publish)" */
    uint32_t timeout_ms;
    program_done_fn *done;
    void *ctx;
    pid_t pid;
    int pidfd, output;
    bool killed;
    struct egress_watch watch;
};

/* ---- the end ---- */

/* The first octets it wrote, as one line. */
static void read_output(int output, char text[static SHOWN_MAX + 1])
{
    ssize_t got = pread(output, text, SHOWN_MAX, 0);
    size_t len = strnlen(text, got > 0 ? (size_t)got : 0);
    while (len > 0 && (unsigned char)text[len - 1] <= ' ')
        len--;
    text[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
            text[i] = ' ';
    }
}

static void describe(const struct run *run, const siginfo_t *info, char reason[static PROGRAM_REASON_MAX])
{
    char said[SHOWN_MAX + 1];
    read_output(run->output, said);
    if (run->killed)
        snprintf(reason, PROGRAM_REASON_MAX, "%s was killed after %u ms: %s", run->what, run->timeout_ms, said);
    else
        snprintf(reason, PROGRAM_REASON_MAX, "%s ended with %s %d%s: %s", run->what,
                 info->si_code == CLD_EXITED ? "status" : "signal", info->si_status,
                 info->si_code != CLD_EXITED && info->si_status == SIGSYS
                     ? " (it made a system call that is forbidden to it: see confine)"
                     : "",
                 said);
}

static void reap(struct run *run)
{
    char reason[PROGRAM_REASON_MAX];
    siginfo_t info = {0};
    waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED);
    bool good = !run->killed && info.si_code == CLD_EXITED && info.si_status == 0;
    describe(run, &info, reason);
    program_done_fn *done = run->done;
    void *ctx = run->ctx;
    close(run->pidfd);
    close(run->output);
    free(run);
    done(ctx, good ? NULL : reason);
}

/* After SIGKILL the end is a matter of the kernel, so reaping waits for next to nothing. */
static void on_program_event(void *ctx, int event)
{
    struct run *run = ctx;
    if (!(event & EGRESS_READABLE)) {
        run->killed = true;
        kill(-run->pid, SIGKILL);
    }
    reap(run);
}

/* ---- the start ---- */

static int open_output(void)
{
    int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && (ftruncate(fd, OUTPUT_MAX) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* All of it in memory, to be read from its beginning, so that nobody has to feed a pipe. -1: errno. */
static int open_input(const struct program *program)
{
    if (!program->input)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd >= 0 && pwrite(fd, program->input, program->input_len, 0) != (ssize_t)program->input_len) {
        close(fd);
        return -1;
    }
    return fd;
}

/* 0 or an errno. */
static int spawn(char *const argv[], int input, int output, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    int error = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    error = error ? error : posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = error ? error : posix_spawn(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* 0 or an errno. */
static int start_program(struct run *run, const struct program *program)
{
    int error = 0, input = open_input(program);
    run->output = input >= 0 ? open_output() : -1;
    if (run->output < 0)
        error = errno;
    if (!error)
        error = spawn(program->argv, input, run->output, &run->pid);
    if (!error && (run->pidfd = pidfd_open(run->pid, 0)) < 0) {
        error = errno;
        kill(-run->pid, SIGKILL);
        waitpid(run->pid, NULL, 0);
    }
    if (input >= 0)
        close(input);
    if (error && run->output >= 0)
        close(run->output);
    return error;
}

bool program_run(struct egress *egress, const struct program *program, program_done_fn *done, void *ctx,
                 char reason[static PROGRAM_REASON_MAX])
{
    struct run *run = shortage_calloc(1, sizeof *run);
    int error = run ? 0 : ENOMEM;
    if (run) {
        *run = (struct run){.egress = egress, .timeout_ms = program->timeout_ms, .done = done, .ctx = ctx};
        snprintf(run->what, sizeof run->what, "%s%s%s%s", program->what, program->verb ? " (" : "",
                 program->verb ? program->verb : "", program->verb ? ")" : "");
        error = start_program(run, program);
    }
    if (error) {
        snprintf(reason, PROGRAM_REASON_MAX, "%s %.200s cannot be run: %s", program->what, program->argv[0],
                 strerror(error));
        free(run);
        return false;
    }
    run->watch = (struct egress_watch){.fd = run->pidfd,
                                       .events = EGRESS_READABLE,
                                       .deadline_ms = egress_now_ms() + program->timeout_ms,
                                       .fn = on_program_event,
                                       .ctx = run};
    egress_watch(egress, &run->watch);
    return true;
}
