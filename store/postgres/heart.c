/* heart: the thread that shows that this gateway lives. That of an owner beats (owner.c); that of a front watches for
 * its turn, and for the end of its rows (front.c). Both say what others are to be told, and hear what they tell
 * (tell.c). */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    BEAT_MS = 1000,
    LOOK_MS = 500,   /* of a front */
    SHOW_MS = 5000,  /* what others see of it */
    TIDY_MS = 60000,
    GHOST_BEATS = 5, /* then whoever still holds the lock is a connection of old */
    COMMAND_MAX = 1024,
};

struct heart {
    struct postgres *p;
    struct watch watch;
    unsigned beats_without; /* the lock */
    uint64_t show_ms, tidy_ms; /* monotonic: when it is time */
};

/* A beat that is lost in a crash of the server is none that anybody misses. */
static void wait_for_no_disk(struct owner *owner)
{
    owner_run(owner, "SET synchronous_commit TO off", ANSWER_MS);
}

static bool connect_to_beat(struct postgres *p)
{
    char why[STORE_REASON_SIZE];
    if (owner_is_connected(&p->owner))
        return true;
    if (!owner_connect(p, why))
        return false;
    wait_for_no_disk(&p->owner);
    return true;
}

/* At once once more where the server has ended the connection meanwhile. */
static bool beat(struct postgres *p)
{
    struct owner *owner = &p->owner;
    char command[COMMAND_MAX];
    bool answered = false;
    snprintf(command, sizeof command, "UPDATE %s SET beat = beat + 1 WHERE id = 1 AND owner = %" PRId64,
             name_behind(p, NAME_OWNER), owner->word);
    for (int attempt = 0; attempt < 2 && !answered && connect_to_beat(p); attempt++) {
        PGresult *result = link_run(owner->pg, command, ANSWER_MS);
        answered = PQresultStatus(result) == PGRES_COMMAND_OK;
        if (answered && strcmp(PQcmdTuples(result), "0") == 0)
            owner_replaced(p);
        PQclear(result);
    }
    note_answer(p, answered);
    return answered && !atomic_load(&owner->replaced);
}

/* It went with a connection of old, whose other end the server may believe in yet. */
static void keep_lock(struct heart *heart)
{
    struct postgres *p = heart->p;
    heart->beats_without = p->owner.locked ? 0 : heart->beats_without + 1;
    if (heart->beats_without > GHOST_BEATS)
        owner_end_ghosts(p);
    owner_try_lock(p);
}

static bool is_time(uint64_t *at_ms, unsigned every_ms)
{
    uint64_t now_ms = monotonic_ms();
    if (now_ms < *at_ms)
        return false;
    *at_ms = now_ms + every_ms;
    return true;
}

/* Jobs that others have set are looked for each time, whether it was told of them or not. */
static void go_on_owning(struct heart *heart)
{
    struct postgres *p = heart->p;
    if (!beat(p))
        return;
    keep_lock(heart);
    writer_hear_jobs(&p->store, 0);
}

static void become_owner(struct postgres *p)
{
    wait_for_no_disk(&p->owner);
    beat(p);
    if (p->share.at.owned != NULL)
        p->share.at.owned(p->share.at.ctx);
}

static void watch_owner(struct heart *heart)
{
    struct postgres *p = heart->p;
    char why[STORE_REASON_SIZE];
    bool known = false;
    if (!connect_to_beat(p) || !front_is_in(p, &known)) {
        note_answer(p, known);
        heart->watch = (struct watch){.anew = true};
        if (known)
            owner_replaced(p);
        return;
    }
    enum store_status status = owner_look(p, NULL, NULL, &heart->watch, why);
    note_answer(p, owner_is_connected(&p->owner));
    if (status == STORE_OK)
        become_owner(p);
}

/* At once what is new. */
static void show_itself(struct heart *heart)
{
    struct postgres *p = heart->p;
    if (!owner_is_connected(&p->owner) ||
        (!atomic_exchange(&p->share.fresh, false) && !is_time(&heart->show_ms, SHOW_MS)))
        return;
    gateways_show(p, true);
    gateways_compare(p);
    if (is_time(&heart->tidy_ms, TIDY_MS))
        front_tidy(p);
}

static void empty_bell(const struct owner *owner)
{
    uint64_t rings;
    while (read(owner->bell, &rings, sizeof rings) == sizeof rings)
        continue;
}

/* Until then, telling and hearing what there is. */
static void talk_until(struct postgres *p, uint64_t until_ms)
{
    struct owner *owner = &p->owner;
    for (uint64_t now_ms; !atomic_load(&owner->ending) && (now_ms = monotonic_ms()) < until_ms;) {
        bool connected = owner_is_connected(owner) && !atomic_load(&owner->replaced);
        if (connected) {
            tell_listen(p);
            tell_send(p);
            tell_hear(p);
            connected = owner_is_connected(owner);
        }
        struct pollfd ends[] = {{.fd = owner->bell, .events = POLLIN},
                                {.fd = connected ? PQsocket(owner->pg) : -1, .events = POLLIN}};
        if (poll(ends, 2, (int)(until_ms - now_ms)) > 0 && ends[1].revents != 0)
            PQconsumeInput(owner->pg);
        if (ends[0].revents != 0)
            empty_bell(owner);
    }
}

static void *heart_main(void *arg)
{
    struct postgres *p = arg;
    struct owner *owner = &p->owner;
    struct heart heart = {.p = p};
    wait_for_no_disk(owner);
    while (!atomic_load(&owner->ending)) {
        uint64_t began_ms = monotonic_ms();
        bool owns = atomic_load(&owner->claimed);
        if (!atomic_load(&owner->replaced) && owns)
            go_on_owning(&heart);
        else if (!atomic_load(&owner->replaced))
            watch_owner(&heart);
        if (!atomic_load(&owner->replaced))
            show_itself(&heart);
        talk_until(p, began_ms + (owns ? BEAT_MS : LOOK_MS));
    }
    return NULL;
}

bool heart_start(struct postgres *p)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for the thread that waits for them */
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    p->owner.beating = pthread_create(&p->owner.heart, NULL, heart_main, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (p->owner.beating)
        pthread_setname_np(p->owner.heart, "store-heart");
    return p->owner.beating;
}

void heart_ring(struct postgres *p)
{
    uint64_t one = 1;
    if (write(p->owner.bell, &one, sizeof one) != sizeof one)
        return; /* it rings already */
}

void heart_stop(struct postgres *p)
{
    if (!p->owner.beating)
        return;
    atomic_store(&p->owner.ending, true);
    heart_ring(p);
    pthread_join(p->owner.heart, NULL);
    p->owner.beating = false;
}
