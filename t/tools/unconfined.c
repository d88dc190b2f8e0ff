/* SPDX-License-Identifier: BSD-2-Clause */
/* unconfined.so, for LD_PRELOAD: a system that lets no process confine itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/prctl.h>

int prctl(int option, ...)
{
	int (*real)(int, ...) = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
	unsigned long arguments[4];
	va_list ap;

	va_start(ap, option);
	for (unsigned i = 0; i < 4; i++)
		arguments[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (option == PR_SET_NO_NEW_PRIVS) {
		errno = EINVAL;
		return -1;
	}
	return real(option, arguments[0], arguments[1], arguments[2], arguments[3]);
}
