/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What OpenSSL gives back of its memory, overwritten. By itself it wipes the numbers of a key, but
 * not all that they were read from: a decoder frees copies of the whole DER form as they are.
 */
#ifndef LIB_CRYPTO_WIPE_H
#define LIB_CRYPTO_WIPE_H

#include <stdbool.h>

/* Before anything else of a program uses OpenSSL: later it has no effect. Nothing is overwritten by
 * that yet. */
void wipe_prepare(void);

/* From now on, in this process. False: it cannot be done, because wipe_prepare() came too late, or
 * the system does not tell the size of what is freed (malloc_usable_size). */
bool wipe_begin(void);

#endif
