/*
 * SHA-256 of a few bytes, for keys of caches and rows (OpenSSL's, fetched once).
 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SHA256_LEN = 32 };

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_SHA256_LEN]);

#endif
