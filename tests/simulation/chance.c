/* chance: the seed's numbers. What the world decides, what goes wrong, and what the gateway draws are three streams, so
 * that a fault that is switched off shifts no more than what follows from it. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD is the one way to have libcrypto draw from a seed */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "acme/random.h"
#include "tests/simulation/sim.h"

enum { FAULTS_MAX = 65536, OFTEN = 200000 /* of a million */ };

static uint64_t world, faults, drawn, temper;
static unsigned fault_count;
static unsigned last = UINT32_MAX; /* none from it on */
static bool calm, off[FAULTS_MAX];

/* splitmix64, which is public domain arithmetic of three constants. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int draw(unsigned char *out, int len)
{
    for (int i = 0; i < len; i += 8) {
        uint64_t word = next(&drawn);
        memcpy(out + i, &word, len - i < 8 ? (size_t)(len - i) : 8);
    }
    return 1;
}

static int always(void)
{
    return 1;
}

void chance_begin(uint64_t seed)
{
    static const RAND_METHOD method = {.bytes = draw, .pseudorand = draw, .status = always};
    world = seed;
    faults = next(&world);
    drawn = next(&world);
    temper = next(&world);
    fault_count = 0;
    calm = false;
    srandom((unsigned)seed);
    RAND_set_rand_method(&method);
    acme_random_forget(); /* another seed's */
}

uint64_t chance(void)
{
    return next(&world);
}

unsigned chance_below(unsigned n)
{
    return (unsigned)(chance() % n);
}

uint64_t chance_between(uint64_t from, uint64_t to)
{
    return from + chance() % (to - from + 1);
}

/* In a quarter of the worlds it never happens, in another four times as often, and in one of sixteen there is a storm of
 * it: faults that hide one another meet. What is to happen most times is left as it is. */
static unsigned tempered(const char *what, unsigned of_a_million)
{
    static const unsigned times[] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 4, 30};
    uint64_t sum = temper;
    if (of_a_million >= OFTEN)
        return of_a_million;
    for (const char *c = what; *c; c++)
        sum = (sum ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    unsigned tempered = of_a_million * times[sum >> 60];
    return tempered < OFTEN ? tempered : OFTEN;
}

bool chance_fault(const char *what, unsigned of_a_million)
{
    if (next(&faults) % 1000000 >= tempered(what, of_a_million) || calm)
        return false;
    unsigned number = fault_count++;
    bool happens = number < last && (number >= FAULTS_MAX || !off[number]);
    trace("fault %u: %s%s", number, what, happens ? "" : " (switched off)");
    return happens;
}

uint64_t chance_aside(void)
{
    return drawn;
}

void chance_go_on(uint64_t aside)
{
    drawn = aside;
}

void chance_calm(void)
{
    calm = true;
}

unsigned chance_faults(void)
{
    return fault_count;
}

void chance_leave_out(unsigned number, bool out)
{
    if (number < FAULTS_MAX)
        off[number] = out;
}

void chance_end_at(unsigned number)
{
    last = number;
}
