/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few forms of DER (X.690) that keys come in, read on spans and written to a buffer: definite
 * lengths in their shortest form, up to 65535 bytes.
 */
#ifndef LIB_CRYPTO_DER_H
#define LIB_CRYPTO_DER_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"

enum {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30
};

/* Takes one element with this tag off *IN; false (and *IN as it was) when there is none. */
bool der_take(struct span *in, unsigned tag, struct span *content);

/* Takes a positive INTEGER off *IN: its bytes, biggest first, without the leading zero byte. */
bool der_take_positive(struct span *in, struct span *bytes);

void der_put(struct buf *out, unsigned tag, struct span content);

#endif
