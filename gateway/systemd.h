/* systemd: what the daemon tells its service manager, and what it is given by it (sd_notify(3), sd_listen_fds(3)).
 *
 * The protocol is a datagram to the socket that NOTIFY_SOCKET names, and descriptors from 3 upwards. Without a service
 * manager everything here does nothing.
 */
#ifndef GATEWAY_SYSTEMD_H
#define GATEWAY_SYSTEMD_H

#include <stdint.h>

#include <sys/socket.h>

/* Reads what the environment says, and takes it out of there, so that no child believes it is meant. Main thread, first
 * of all: before other threads, and before any descriptor is opened. */
void systemd_open(void);
/* "READY=1", "STATUS=..."; several are lines of one message. Any thread after systemd_open; never waits. */
void systemd_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How long it waits for WATCHDOG=1 before it ends this process, in milliseconds; 0: it does not. */
uint64_t systemd_watchdog_ms(void);

/* The listening socket that was handed over for this address, or -1. kind: "acme", "public", "admin", "metrics"; a
 * socket that is named as one of these (FileDescriptorName=) is of that kind alone, any other name serves all. It stays
 * open as long as the process, and another manager's after that: to be duplicated. Any thread after systemd_open. */
int systemd_socket(const char *kind, const struct sockaddr *where);
/* The address of the index-th socket that nobody has asked for ("[::]:443", or a path); "" beyond the last. */
enum { SYSTEMD_ADDRESS_MAX = 128 };
void systemd_left_over(unsigned index, char text[static SYSTEMD_ADDRESS_MAX]);

#endif
