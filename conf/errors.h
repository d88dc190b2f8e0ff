/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of what is wrong (struct conf_errors of conf/conf.h), as the readers of settings fill
 * it.
 */
#ifndef CONF_ERRORS_H
#define CONF_ERRORS_H

#include <stdarg.h>

#include "conf/conf.h"

void conf_errors_init(struct conf_errors *errors);

/* The errors' own copy of a file's name; errors are sorted in the order of these calls. */
const char *conf_errors_file(struct conf_errors *errors, const char *name);

/* Past a largest number of errors only that is said. */
void conf_errors_add(struct conf_errors *errors, const char *file, unsigned line,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));
void conf_errors_vadd(struct conf_errors *errors, const char *file, unsigned line,
		      const char *format, va_list ap) __attribute__((format(printf, 4, 0)));

void conf_errors_sort(struct conf_errors *errors);

#endif
