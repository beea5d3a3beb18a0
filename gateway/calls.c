#include "gateway/calls.h"

#include <stddef.h>

const char *const calls_own[] = {
    /* Files: the store, the configuration at a reload, secrets, certificates, key lists, backups, the audit's archive. */
    "open", "openat", "openat2", "creat", "close", "close_range", "read", "write", "readv", "writev", "pread64",
    "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek", "_llseek", "sendfile", "sendfile64",
    "copy_file_range", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "fstatat64", "newfstatat", "statx",
    "statfs", "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
    "getdents", "getdents64", "getcwd", "umask",
    /* Files that are made, made durable, put in place and removed. */
    "fsync", "fdatasync", "sync_file_range", "msync", "ftruncate", "ftruncate64", "truncate", "truncate64", "fallocate",
    "fadvise64", "fadvise64_64", "readahead", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
    "renameat2", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat",
    "utime", "utimes",
    /* Locks of the store, and descriptors. */
    "flock", "fcntl", "fcntl64", "dup", "dup2", "dup3", "pipe", "pipe2", "memfd_create", "ioctl",
    /* Memory. mprotect and mmap: confine.c. */
    "brk", "munmap", "mremap", "madvise", "mincore", "mmap_pgoff", "remap_file_pages", "mlock", "mlock2", "munlock",
    "membarrier",
    /* Threads: those of the daemon, of libunbound, of getaddrinfo in libcurl, of a copy of the store. clone: confine.c. */
    "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid",
    "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler", "arch_prctl",
    "prctl", "exit", "exit_group", "restart_syscall", "getcpu", "set_thread_area", "get_thread_area",
    /* Signals: sigwait on the main thread, and to itself (abort, the tests' stop). */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigpending",
    "rt_sigsuspend", "sigreturn", "sigaltstack", "tgkill", "tkill", "kill", "pause",
    /* Time. */
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
    "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "timerfd_create", "timerfd_settime",
    "timerfd_settime64", "timerfd_gettime", "timer_create", "timer_settime", "timer_settime64",
    /* The network: listeners, calls to Sectigo, resolvers, the admin socket, systemd and the journal. socket:
     * confine.c. */
    "socketpair", "socketcall", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg",
    "recvmmsg", "recvmmsg_time64",
    /* Waiting for descriptors. */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "eventfd", "eventfd2",
    /* Who and what the process is, what it may use, random numbers. */
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32",
    "getresuid", "getresgid", "getgroups", "getgroups32", "getpgrp", "getpgid", "getsid", "getrlimit", "ugetrlimit",
    "setrlimit", "prlimit64", "getrusage", "times", "sysinfo", "uname", "getrandom", "capget",
    NULL};

const char *const calls_of_programs[] = {
    /* To run one, and to see how it ended. */
    "execve", "execveat", "fork", "vfork", "wait4", "waitid", "waitpid", "pidfd_open", "pidfd_send_signal", "setpgid",
    "setsid",
    /* What shells, curl, nsupdate, Python and the like make beyond our own. None of it gives a right that the process
     * has not: there is no capability left, and no_new_privs holds. */
    "chdir", "fchdir", "nice", "getpriority", "setpriority", "ioprio_get", "ioprio_set", "personality", "alarm",
    "setitimer", "getitimer", "timer_gettime", "timer_delete",
    "timer_getoverrun", "signalfd", "signalfd4", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "inotify_init",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "tee", "splice", "vmsplice", "sync", "syncfs", "mknod",
    "mknodat", "chown", "fchown", "lchown", "fchownat", "chown32", "fchown32", "lchown32", "getxattr", "lgetxattr",
    "fgetxattr", "listxattr", "llistxattr", "flistxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr",
    "lremovexattr", "fremovexattr", "mlockall", "munlockall", "get_mempolicy", "sched_getattr",
    "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_get_priority_max", "sched_get_priority_min",
    "sched_rr_get_interval", "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget",
    "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "setuid", "setgid",
    "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "setuid32", "setgid32",
    "setresuid32", "setresgid32", "setgroups32", "capset", "seccomp", "landlock_create_ruleset",
    "landlock_add_rule", "landlock_restrict_self", "pkey_alloc", "pkey_free", "pkey_mprotect", "name_to_handle_at",
    "process_mrelease", "map_shadow_stack",
    NULL};
