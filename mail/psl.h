/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public suffix list (libpsl, used here and nowhere else), for `dmarc.discovery = "psl"`.
 */
#ifndef MAIL_PSL_H
#define MAIL_PSL_H

#include "lib/why.h"

struct psl;

/* PATH: a list in the publicsuffix.org format, or NULL: the one libpsl was built with or finds. */
struct psl *psl_load(const char *path, struct why *why);
void psl_unload(struct psl *psl); /* NULL is OK; psl_free is libpsl's own name */

/* The organizational domain of DOMAIN (a pointer into it): one label below its public suffix;
 * DOMAIN itself when it is a public suffix. Thread-safe. */
const char *psl_org_domain(const struct psl *psl, const char *domain);

#endif
