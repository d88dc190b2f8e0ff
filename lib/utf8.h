/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8 (RFC 3629) that comes from others: looked at, and made safe to hand on.
 */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"

/* The length of the character that S begins with: 1 to 4; 0: S is empty, or it is not UTF-8. */
unsigned utf8_length(struct span s);

/* Clean: UTF-8, and only characters that XML 1.0 allows (section 2.2): no controls but HTAB, LF and
 * CR, no U+FFFE, no U+FFFF. Every byte or character that is not becomes U+FFFD. */
bool utf8_is_clean(struct span text);
void utf8_clean(struct buf *out, struct span text);

#endif
