/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processes of a server have used so far: those given and all that come from them.
 */
#ifndef T_BENCH_USAGE_H
#define T_BENCH_USAGE_H

#include <sys/types.h>

struct usage {
	double user, system; /* seconds of CPU, ended threads and reaped children included */
	long resident;       /* KiB now, of all of them */
	long peak;           /* KiB, the sum of each one's peak */
};

void usage_read(struct usage *usage, const pid_t *pids, unsigned count);

#endif
