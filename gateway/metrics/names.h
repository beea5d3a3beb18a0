/* names: values of labels that people choose. Inside this room only; metrics.h has what others call. */
#ifndef GATEWAY_METRICS_NAMES_H
#define GATEWAY_METRICS_NAMES_H

#include "gateway/metrics/table.h"

/* The value's name, "other" for the one behind the last; NULL where there is none yet. Lives for ever. Any thread. */
const char *names_login(unsigned value);
const char *names_policy(unsigned value);

#endif
