/* check_internal: what the files of this room share. Each look returns false with look->reason. */
#ifndef GATEWAY_CHECK_INTERNAL_H
#define GATEWAY_CHECK_INTERNAL_H

#include "gateway/check/check.h"

struct look {
    const struct config *config;
    enum check_occasion occasion;
    check_warn_fn *warn;
    void *ctx;
    char *reason; /* CONFIG_REASON_MAX octets */
    long owner;   /* process that has the store open; 0: none */
    bool ports;   /* that ports are the unit's to allow has been said */
};

/* Says a warning about what stands at path; true, so that it can end a chain. */
bool look_warn(const struct look *look, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* place.c: folders and files that the daemon makes. Finds look->owner. */
bool look_at_store(struct look *look);
bool look_at_folders(struct look *look);
bool look_at_socket(struct look *look);
/* Whether a store may lie on a filesystem of this kind (statfs's f_type): its name where not, else NULL. */
const char *place_unfit(unsigned long type);

/* ports.c */
bool look_at_ports(struct look *look);

#endif
