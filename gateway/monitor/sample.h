/* sample: gauges whose values are looked up. On the monitor's thread. Inside this room only. */
#ifndef GATEWAY_MONITOR_SAMPLE_H
#define GATEWAY_MONITOR_SAMPLE_H

#include "gateway/monitor/monitor.h"
#include "gateway/scan.h"

/* When the process started; once. */
void sample_start(void);
/* Processor time, memory, descriptors, log lines, the clock. */
void sample_process(void);
/* What single records tell: the store itself, jobs that are due, logins, limits. */
void sample_store(const struct monitor_config *at);
/* What takes whole tables, in short snapshots with rests between them: issuances, orders, certificates. What a rest
 * that returned false has stopped stays as it was found before. */
void sample_tables(const struct monitor_config *at, scan_rest_fn *rest, void *ctx);

#endif
