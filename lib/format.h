/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsnprintf() for what our texts are made of: %s %.*s %c %u %d %%, and %u and %d with l, ll or z.
 * It is several times faster at these; a format with anything else is given to vsnprintf() whole.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf(): the length of the whole text; what fits into ROOM with its NUL is in OUT. */
size_t format_text(char *out, size_t room, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0)));

#endif
