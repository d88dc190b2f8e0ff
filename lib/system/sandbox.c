/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/sandbox.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "lib/system/confine.h"
#include "lib/system/memory.h"

/* ---- files ---- */

static void close_from(int first)
{
#ifdef HAVE_CLOSE_RANGE
	if (close_range((unsigned)first, ~0u, 0) == 0)
		return;
#endif
	for (int fd = first, last = (int)sysconf(_SC_OPEN_MAX); fd < last; fd++)
		close(fd);
}

static void keep_files(int in, int out)
{
	int high_in = fcntl(in, F_DUPFD, 10), high_out = fcntl(out, F_DUPFD, 10);
	int null = open("/dev/null", O_RDWR);

	/* a sanitizer's report has to be seen */
	for (int fd = 0; fd < (CONFINE_INSTRUMENTED ? 2 : 3) && null >= 0; fd++)
		dup2(null, fd);
	dup2(high_in, SANDBOX_IN);
	dup2(high_out, SANDBOX_OUT);
	close_from(SANDBOX_OUT + 1);
}

/* ---- limits ---- */

static void limit(int what, int64_t value)
{
	struct rlimit limits = {(rlim_t)value, (rlim_t)value};

	setrlimit(what, &limits);
}

static void set_limits(void)
{
	const int64_t size = memory_now().size;

	if (size > 0)
		limit(RLIMIT_AS, size + SANDBOX_MEMORY);
	limit(RLIMIT_CPU, SANDBOX_CPU_SECONDS);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 0); /* those that are open stay */
}

/* ---- all of it ---- */

void sandbox_enter(int in, int out)
{
	const struct confine_rules nothing = {.may = 0};

	keep_files(in, out);
	limit(RLIMIT_CORE, 0);
	if (CONFINE_INSTRUMENTED)
		return;
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0);
#endif
	set_limits();
	confine_process(&nothing); /* where there is none, the limit on open files stands alone */
}
