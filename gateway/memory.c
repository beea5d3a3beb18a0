#include "gateway/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/log.h"
#include "store/shortage.h"

/* So much more than after the last time has to be free, in octets. */
static const uint64_t worth_while = 4 << 20;

/* Anonymous memory of the process; 0 where it cannot be read. */
static uint64_t anonymous(void)
{
    unsigned long long resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    bool read = fscanf(file, "%*u %llu %llu", &resident, &shared) == 2;
    fclose(file);
    return read && resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* What the process has and nobody uses: free, or no page of its own could be given back. */
static uint64_t spare(void)
{
    struct mallinfo2 info = mallinfo2();
    uint64_t used = info.uordblks + info.hblkhd, have = anonymous();
    return have > used ? have - used : 0;
}

bool memory_tell_shortage(unsigned *told)
{
    unsigned now = shortage_count();
    if (now == *told)
        return false;
    *told = now;
    log_warning("memory was short: what needed it is answered with 503 or tried again; see to this machine's memory");
    return true;
}

void memory_give_back(void)
{
    static uint64_t least; /* what could not be given back */
    uint64_t now = spare();
    if (now > least + worth_while) {
        malloc_trim(0);
        least = spare();
    } else if (now < least) {
        least = now;
    }
}
