/* slow_disk: to be loaded before libc (LD_PRELOAD): every flush takes SLOW_DISK_US microseconds more, as a disk's would
 * where that of a virtual machine takes next to nothing. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait(void)
{
    const char *us = getenv("SLOW_DISK_US");
    usleep(us ? (useconds_t)atoi(us) : 0);
}

static int flush(const char *name, int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name); /* as dlsym(3) has it: ISO C knows no such conversion */
    wait();
    return real(fd);
}

int fdatasync(int fd)
{
    return flush("fdatasync", fd);
}

int fsync(int fd)
{
    return flush("fsync", fd);
}
