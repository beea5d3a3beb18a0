#include "gateway/confine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <seccomp.h>

#include "gateway/calls.h"
#include "gateway/log.h"

/* What a sanitizer's runtime calls at its end, and when it has found something, is not for us to list. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

enum { NAMED = 600 }; /* beyond it a call is told by its number */

static atomic_bool no_programs;
static char *call_names[NAMED]; /* of calls, for the handler; never freed */

bool confine_runs_programs(const struct config *config)
{
    bool any = config->dcv.hook.program != NULL;
    for (unsigned i = 0; i < config->notify.target_count; i++)
        any = any || config->notify.targets[i].program;
    return any;
}

bool confine_forbids_programs(void)
{
    return atomic_load(&no_programs);
}

static bool say(char reason[static CONFINE_REASON_MAX], const char *what, int error)
{
    snprintf(reason, CONFINE_REASON_MAX, "confine: %s: %s", what, strerror(error));
    return false;
}

/* ---- capabilities ---- */

/* Without CAP_SETPCAP none can be taken from the bounding set: then no_new_privs alone keeps them from programs. */
static bool bound_capabilities(char reason[static CONFINE_REASON_MAX])
{
    for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (i != CAP_NET_BIND_SERVICE && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0 && errno != EPERM)
            return say(reason, "a capability cannot be taken from the bounding set", errno);
    }
    return true;
}

/* Empty ambient and inheritable sets: a program that is run has none. Where a unit forbids capset and has left no other
 * capability, there is nothing to give up: without the ambient set the inheritable one gives a program nothing. */
static bool keep_one_capability(char reason[static CONFINE_REASON_MAX])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &header, sets) != 0)
        return say(reason, "the capabilities cannot be read", errno);
    uint32_t kept = sets[0].permitted & (1u << CAP_NET_BIND_SERVICE);
    bool more = sets[0].permitted != kept || sets[1].permitted != 0;
    memset(sets, 0, sizeof sets);
    sets[0].permitted = sets[0].effective = kept;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return say(reason, "the ambient capabilities cannot be given up", errno);
    return syscall(SYS_capset, &header, sets) == 0 || (errno == EPERM && !more) ||
           say(reason, "the capabilities cannot be given up", errno);
}

bool confine_capabilities(char reason[static CONFINE_REASON_MAX])
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return say(reason, "no_new_privs cannot be set", errno);
    return bound_capabilities(reason) && keep_one_capability(reason);
}

/* ---- system calls ---- */

/* In a thread that made a call which the filter forbids, perhaps while it held a lock: a log entry takes none, and no
 * memory. */
static void on_forbidden(int number, siginfo_t *info, void *context)
{
    int call = info->si_syscall;
    char text[16];
    (void)context;
    snprintf(text, sizeof text, "%d", call);
    log_error("ends, because a system call was made that the filter forbids: see who attacks; if nobody does, report it, "
              "and set confine to false until it is mended",
              "call", call >= 0 && call < NAMED && call_names[call] ? call_names[call] : text, "number", text);
    signal(number, SIG_DFL);
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), number);
}

static bool watch_forbidden(char reason[static CONFINE_REASON_MAX])
{
    for (int i = 0; i < NAMED; i++)
        call_names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
    struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) == 0 || say(reason, "SIGSYS cannot be caught", errno);
}

/* 0 or a negative errno. A name that this libseccomp does not know is no error: its call stays forbidden. */
static int allow(scmp_filter_ctx filter, const char *const *names)
{
    int status = 0;
    for (; *names && status == 0; names++) {
        int call = seccomp_syscall_resolve_name(*names);
        if (call != __NR_SCMP_ERROR)
            status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
    }
    return status;
}

/* Threads and processes, and no namespaces. The flags of clone3 are in memory, where a filter cannot look: glibc takes
 * clone instead. */
static int allow_clone(scmp_filter_ctx filter)
{
    const scmp_datum_t spaces =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    int status =
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
    return status ? status : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Netlink is how getaddrinfo sees which families there are. */
static int allow_sockets(scmp_filter_ctx filter)
{
    static const scmp_datum_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    int status = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, families[i]));
    if (status == 0) /* above the last: what else a program tries, it may do without */
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
    return status;
}

/* Memory that is written is not executed. Libraries that are loaded late (of getaddrinfo, of OpenSSL) are mapped to be
 * executed, and never both. */
static int allow_memory(scmp_filter_ctx filter, bool programs)
{
    static const scmp_datum_t both = PROT_WRITE | PROT_EXEC, rights[] = {0, PROT_WRITE, PROT_EXEC};
    int status = 0;
    if (programs) { /* some of which compile at run time */
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 0);
        return status ? status : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 0);
    }
    for (size_t i = 0; i < sizeof rights / sizeof *rights && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, both, rights[i]));
    return status ? status
                  : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* 0 or a negative errno. */
static int install(scmp_filter_ctx filter, bool programs)
{
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads */
    status = status ? status : seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    status = status ? status : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    status = status ? status : allow(filter, calls_own);
    if (programs)
        status = status ? status : allow(filter, calls_of_programs);
    status = status ? status : allow_clone(filter);
    status = status ? status : allow_sockets(filter);
    status = status ? status : allow_memory(filter, programs);
    return status ? status : seccomp_load(filter);
}

bool confine_calls(bool programs, char reason[static CONFINE_REASON_MAX])
{
    if (SANITIZED) {
        log_info("system calls are not confined: this build has a sanitizer, which needs others");
        return true;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    if (!filter)
        return say(reason, "no filter of system calls can be made", ENOMEM);
    int status = watch_forbidden(reason) ? install(filter, programs) : 0;
    seccomp_release(filter);
    if (status != 0)
        return say(reason,
                   "the filter of system calls cannot be put in place (a unit of its own has to allow the call seccomp, or "
                   "set confine to false)",
                   -status);
    atomic_store(&no_programs, !programs);
    log_info("system calls are confined", "programs", programs ? "may be run" : "none can be run");
    return true;
}
