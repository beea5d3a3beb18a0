#include "gateway/dcv/hook.h"

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

/* Its output goes to sealed memory of this size: it never waits for a reader, and cannot fill anything. */
enum { OUTPUT_MAX = 4096, SHOWN_MAX = 300 };

struct run {
    struct egress *egress;
    const struct config_dcv_hook *config;
    const char *verb;
    hook_done_fn *done;
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

static void describe(const struct run *run, const siginfo_t *info, char reason[static HOOK_REASON_MAX])
{
    char said[SHOWN_MAX + 1];
    read_output(run->output, said);
    if (run->killed)
        snprintf(reason, HOOK_REASON_MAX, "the DCV hook (%s) was killed after %u ms: %s", run->verb,
                 run->config->timeout_ms, said);
    else
        snprintf(reason, HOOK_REASON_MAX, "the DCV hook (%s) ended with %s %d: %s", run->verb,
                 info->si_code == CLD_EXITED ? "status" : "signal", info->si_status, said);
}

static void reap(struct run *run)
{
    char reason[HOOK_REASON_MAX];
    siginfo_t info = {0};
    waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED);
    bool good = !run->killed && info.si_code == CLD_EXITED && info.si_status == 0;
    describe(run, &info, reason);
    hook_done_fn *done = run->done;
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
    int fd = memfd_create("dcv-hook", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && (ftruncate(fd, OUTPUT_MAX) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A process group of its own, no descriptor of ours, and the signals that the gateway blocks or ignores as usual. */
static int spawn(const char *program, char *const argv[], int output, pid_t *pid)
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
    int error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    error = error ? error : posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    error = error ? error : posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = error ? error : posix_spawn(pid, program, &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static bool start_program(struct run *run, const struct dcv_record *record)
{
    struct dcv_record names = *record; /* argv wants what may be written to */
    char verb[16];
    snprintf(verb, sizeof verb, "%s", run->verb);
    char *argv[] = {run->config->program, verb, names.owner, names.target, names.zone, NULL};
    run->output = open_output();
    if (run->output < 0)
        return false;
    int error = spawn(run->config->program, argv, run->output, &run->pid);
    if (!error && (run->pidfd = pidfd_open(run->pid, 0)) < 0) {
        error = errno;
        kill(-run->pid, SIGKILL);
        waitpid(run->pid, NULL, 0);
    }
    if (error)
        close(run->output);
    errno = error;
    return error == 0;
}

bool hook_run(struct egress *egress, const struct config_dcv_hook *config, const char *verb,
              const struct dcv_record *record, hook_done_fn *done, void *ctx, char reason[static HOOK_REASON_MAX])
{
    struct run *run = calloc(1, sizeof *run);
    if (run)
        *run = (struct run){.egress = egress, .config = config, .verb = verb, .done = done, .ctx = ctx};
    if (!run || !start_program(run, record)) {
        snprintf(reason, HOOK_REASON_MAX, "the DCV hook %.200s cannot be run: %s", config->program, strerror(errno));
        free(run);
        return false;
    }
    run->watch = (struct egress_watch){.fd = run->pidfd,
                                       .events = EGRESS_READABLE,
                                       .deadline_ms = egress_now_ms() + config->timeout_ms,
                                       .fn = on_program_event,
                                       .ctx = run};
    egress_watch(egress, &run->watch);
    return true;
}
