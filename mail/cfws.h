/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Comments, folding white space and quoted strings of structured header fields (RFC 5322 section
 * 3.2.2), for fields that must be read strictly: From, Authentication-Results, Received-SPF.
 *
 * Each function moves *REST past what it read. False: the text is not readable there (a bare CR, a
 * fold without a blank, a control character, an end that is missing, comments nested deeper than
 * CFWS_DEPTH_MAX); *REST is then of no use but for its position.
 */
#ifndef MAIL_CFWS_H
#define MAIL_CFWS_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { CFWS_DEPTH_MAX = 32 }; /* readers that recurse stop somewhere */

bool cfws_is_control(int c); /* a control character other than HTAB */

bool cfws_skip_fws(struct span *rest); /* [FWS] */

/* [CFWS]. *ANY (NULL: not wanted): there was some. */
bool cfws_skip(struct span *rest, bool *any);

/* A comment (which may hold comments) or a quoted-string: *REST begins with its opening character,
 * CLOSE is the one that ends it. Its text, unescaped, is appended to OUT (NULL: not wanted). */
bool cfws_take_enclosed(struct span *rest, char close, struct buf *out);

#endif
