/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What OpenSSL gives back of its memory, overwritten. By itself it wipes the numbers of a key, but
 * not all that they were read from: a decoder frees copies of the whole DER form as they are.
 */
#ifndef LIB_CRYPTO_WIPE_H
#define LIB_CRYPTO_WIPE_H

/* Before anything else of a program uses OpenSSL; ends the process if that has happened already.
 * Nothing is overwritten by that yet. */
void wipe_prepare(void);

/* From now on, in this process, after wipe_prepare(). Does nothing where the system does not tell
 * the size of what is freed (malloc_usable_size). */
void wipe_begin(void);

#endif
