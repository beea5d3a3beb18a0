/* durable: files that survive a power failure, or were never there. Any thread; waits for the disk. */
#ifndef GATEWAY_DURABLE_H
#define GATEWAY_DURABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a small file (0600) that is whole and durable, or not there: under another name first. False: errno. */
bool durable_write_file(const char *file, const void *octets, size_t len);
/* The name of a new file in the folder is durable once this is done. False: errno. */
bool durable_sync_folder(const char *folder);

#endif
