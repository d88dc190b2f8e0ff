/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/tap.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run, failed;
static char directory[80];

__attribute__((format(printf, 4, 0))) static bool report(const char *file, int line, bool good,
							 const char *format, va_list ap)
{
	printf("%sok %d - ", good ? "" : "not ", ++run);
	vprintf(format, ap);
	printf("\n");
	if (!good) {
		failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

bool tap_ok(const char *file, int line, bool good, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(file, line, good, format, ap);
	va_end(ap);
	return good;
}

bool tap_int(const char *file, int line, long long have, long long want, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(file, line, have == want, format, ap);
	va_end(ap);
	if (have != want)
		tap_note("have %lld, want %lld", have, want);
	return have == want;
}

bool tap_text(const char *file, int line, const char *have, const char *want, const char *format,
	      ...)
{
	bool same = have == want || (have != NULL && want != NULL && strcmp(have, want) == 0);
	va_list ap;

	va_start(ap, format);
	report(file, line, same, format, ap);
	va_end(ap);
	if (!same)
		tap_note("have \"%s\", want \"%s\"", have == NULL ? "(null)" : have,
			 want == NULL ? "(null)" : want);
	return same;
}

void tap_note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("# ");
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
	(void)info;
	(void)type;
	(void)at;
	if (remove(path) != 0)
		tap_note("%s is left over", path);
	return 0;
}

static void remove_directory(void)
{
	if (directory[0] != '\0')
		nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *tap_directory(void)
{
	const char *tmp = getenv("TMPDIR");

	if (directory[0] != '\0')
		return directory;
	snprintf(directory, sizeof directory, "%s/countersign.XXXXXX",
		 tmp != NULL && strlen(tmp) < 50 ? tmp : "/tmp");
	if (mkdtemp(directory) == NULL) {
		directory[0] = '\0';
		tap_skip_all("no directory can be made in TMPDIR or /tmp");
	}
	return directory;
}

bool tap_hurried(void)
{
	const char *sanitizer = getenv("COUNTERSIGN_SANITIZER");

	return sanitizer == NULL || sanitizer[0] == '\0';
}

void tap_skip_all(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("1..0 # SKIP ");
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	remove_directory();
	exit(77); /* automake's status for a test that was not run */
}

int tap_done(void)
{
	remove_directory();
	printf("1..%d\n", run);
	if (failed > 0)
		printf("# %d of %d failed\n", failed, run);
	return failed > 0;
}
