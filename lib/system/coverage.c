/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only in a build with --enable-coverage: the daemon's processes end with _exit(), which would lose
 * their counts; and processes of several users add to the same files.
 */
#include <sys/stat.h>

/* Of <gcov.h>, which only gcc has. */
void __gcov_dump(void);

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status); /* what _exit() is linked to (ld --wrap) */

_Noreturn void __wrap__exit(int status)
{
	umask(0);
	__gcov_dump();
	__real__exit(status);
}

/* Runs before gcov's own, which writes the counts at exit(). */
__attribute__((destructor)) static void open_counts(void)
{
	umask(0);
}
