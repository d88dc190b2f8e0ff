/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The logo in a certificate: the logotype extension (RFC 3709 section 4.1, in DER), with the
 * picture in a data: URI (RFC 6170 section 4, RFC 2397).
 */
#ifndef BIMI_LOGOTYPE_H
#define BIMI_LOGOTYPE_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

#define LOGOTYPE_OID "1.3.6.1.5.5.7.1.12"

/* *LOGO: the picture as it is in the extension DER, SVG or SVGZ, in ARENA or in DER. The
 * hash that stands beside it is that of the picture. -1 with WHY. */
int logotype_read(struct arena *arena, struct span der, struct span *logo, struct why *why);

#endif
