/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which name a TLS server must prove.
 */
#ifndef LIB_CRYPTO_HOST_H
#define LIB_CRYPTO_HOST_H

/* CONTEXT, OpenSSL's SSL_CTX as libcurl hands it out, accepts no certificate that lacks HOST among
 * the DNS names of its subjectAltName (RFC 6125 DNS-ID); what the subject says does not count, and
 * a wildcard stands for a whole label. 0 or -1. */
int crypto_require_host(void *context, const char *host);

#endif
