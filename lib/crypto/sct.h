/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signed certificate timestamps inside of a certificate: a certificate log's promise that anybody
 * can find the certificate there (RFC 6962 sections 3.2 and 3.3).
 */
#ifndef LIB_CRYPTO_SCT_H
#define LIB_CRYPTO_SCT_H

#include "lib/crypto/certificate.h"

enum { SCT_LOGS_MAX = 64, SCT_LOG_ID_LEN = 32 };

struct sct_logs; /* their public keys */

/* PEM: public keys ("-----BEGIN PUBLIC KEY-----"); what is between them does not matter. Lives in
 * ARENA. -1 with WHY: none, more than SCT_LOGS_MAX, or one of them cannot be read. */
int sct_logs_read(struct arena *arena, struct span pem, struct sct_logs **out, struct why *why);
unsigned sct_logs_count(const struct sct_logs *logs);
void sct_log_id(const struct sct_logs *logs, unsigned i, uint8_t id[SCT_LOG_ID_LEN]);

/* Whether the first certificate, issued by the second, has a timestamp that one of LOGS signed, not
 * of the future; with LOGS NULL, whether it has any that is well-formed. -1 with WHY. */
int sct_check(const struct certificates *list, const struct sct_logs *logs, int64_t now,
	      struct why *why);

#endif
