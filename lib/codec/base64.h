/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base 64 (RFC 4648 section 4) as DKIM writes it: blanks and folds may stand between any two
 * characters (base64string, RFC 6376 section 2.10).
 */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/span.h"

/*
 * DATA lives in ARENA and is never NULL on success; an empty text gives zero bytes. False for a
 * byte outside the alphabet, missing or wrong padding, anything after the padding. Unused bits of
 * the last character are not looked at (RFC 4648 section 3.5 leaves that open).
 */
bool base64_decode(struct arena *arena, struct span text, const uint8_t **data, size_t *length);

void base64_encode(struct buf *out, const uint8_t *data, size_t length); /* one line, padded */

#endif
