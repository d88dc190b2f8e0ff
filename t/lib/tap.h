/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Test Anything Protocol, for the unit tests. A test program calls the checks, then
 * return tap_done(). Each check is one line; a failed one says where and what.
 */
#ifndef T_LIB_TAP_H
#define T_LIB_TAP_H

#include <stdbool.h>

#define ok(condition, ...) tap_ok(__FILE__, __LINE__, (condition), __VA_ARGS__)
#define is_int(have, want, ...)                                                                    \
	tap_int(__FILE__, __LINE__, (long long)(have), (long long)(want), __VA_ARGS__)
#define is_text(have, want, ...) tap_text(__FILE__, __LINE__, (have), (want), __VA_ARGS__)

bool tap_ok(const char *file, int line, bool good, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool tap_int(const char *file, int line, long long have, long long want, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
bool tap_text(const char *file, int line, const char *have, const char *want, const char *format,
	      ...) __attribute__((format(printf, 5, 6))); /* NULL equals only NULL */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *tap_directory(void); /* for files; tap_done() takes it and them away */
bool tap_hurried(void); /* false under a sanitizer: there, how long it takes says nothing */
void tap_skip_all(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int tap_done(void); /* prints the plan; the exit code */

#endif
