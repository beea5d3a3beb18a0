#include "sectigo/departure.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = -1, SECOND_MS = 1000, MS_NS = 1000000 };

/* Of each thread that writes; the handler runs on it. */
static _Thread_local volatile sig_atomic_t armed_fd = NOBODY;
static _Thread_local uint64_t written;
static _Thread_local timer_t timer;
static _Thread_local bool has_timer;

static pthread_once_t handled = PTHREAD_ONCE_INIT;

uint64_t departure_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * SECOND_MS + (uint64_t)now.tv_nsec / MS_NS;
}

/* Octets that were handed to the socket, sent or not; false: the kernel does not tell. */
static bool count_written(int fd, uint64_t *octets)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent)
        return false;
    *octets = info.tcpi_bytes_sent + info.tcpi_notsent_bytes;
    return true;
}

static void on_time(int number)
{
    int error = errno, fd = armed_fd;
    uint64_t now;
    (void)number;
    armed_fd = NOBODY;
    if (fd != NOBODY && count_written(fd, &now) && now == written)
        shutdown(fd, SHUT_RDWR);
    errno = error;
}

static int signal_of_ours(void)
{
    return SIGRTMIN + 1;
}

static void handle(void)
{
    struct sigaction action = {.sa_handler = on_time, .sa_flags = SA_RESTART};
    sigaction(signal_of_ours(), &action, NULL);
}

/* The signal is this thread's alone. */
static bool make_timer(void)
{
    struct sigevent event;
    sigset_t set;
    if (has_timer)
        return true;
    pthread_once(&handled, handle);
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal_of_ours();
    event._sigev_un._tid = gettid(); /* sigev_notify_thread_id, a name that this C library does not have */
    sigemptyset(&set);
    sigaddset(&set, signal_of_ours());
    has_timer = pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0 && timer_create(CLOCK_BOOTTIME, &event, &timer) == 0;
    return has_timer;
}

static void set_timer(uint64_t by_ms)
{
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(by_ms / SECOND_MS),
                                         .tv_nsec = (long)(by_ms % SECOND_MS) * MS_NS}};
    timer_settime(timer, TIMER_ABSTIME, &at, NULL);
}

void departure_arm(int fd, uint64_t by_ms)
{
    armed_fd = NOBODY;
    if (!make_timer() || !count_written(fd, &written))
        return;
    armed_fd = fd;
    set_timer(by_ms);
}

void departure_disarm(void)
{
    if (armed_fd == NOBODY)
        return;
    armed_fd = NOBODY;
    set_timer(0);
}
