/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process of the daemon measures about itself (memory, descriptors, time, caches, ledger,
 * keys), stored with the counters (metrics/counters.h).
 */
#ifndef DAEMON_MEASURE_H
#define DAEMON_MEASURE_H

#include "lib/why.h"
#include "milter/service.h"

/* This process's memory, descriptors, threads and processor time. */
void measure_process(void);

/* Starts the thread of a worker that measures every few seconds. SERVICE must stay. */
int measure_start(struct service *service, struct why *why);

#endif
