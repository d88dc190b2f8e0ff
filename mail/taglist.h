/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tag=value list that DKIM fields, DKIM keys and DMARC records share (RFC 6376 section 3.2).
 *
 *   tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
 *   tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *
 * One walker for all of them. It only splits: which tags exist, and what their values may be, is
 * the caller's.
 */
#ifndef MAIL_TAGLIST_H
#define MAIL_TAGLIST_H

#include "lib/span.h"
#include "lib/why.h"

enum { TAGLIST_MAX = 64 }; /* tags in one list */

struct tag {
	struct span name;  /* case matters */
	struct span value; /* without the blanks around it; those inside are kept */
	struct span whole; /* from the first byte of the name to the ";" or the end */
};

struct taglist {
	struct tag tags[TAGLIST_MAX];
	unsigned count;
};

/*
 * -1 with a reason: a tag without "=" or with an impossible name, an empty tag-spec that is not the
 * last, more than TAGLIST_MAX tags, the same name twice (section 3.2: the list is then invalid).
 * Values are not limited to VALCHAR here: see taglist_value_ok.
 */
int taglist_parse(struct taglist *list, struct span text, struct why *why);

/* Whether TEXT begins with VERSION, blanks, and a ";": what tells the TXT records of MTA-STS and
 * TLS-RPT from others at the same name (RFC 8461 section 3.1, RFC 8460 section 3). Case matters. */
bool taglist_begins(struct span text, const char *version);

/* NULL when there is no such tag. */
const struct tag *taglist_find(const struct taglist *list, const char *name);

/* tag-value of section 3.2: printable ASCII without ";", with FWS inside. EAI: bytes over 127 pass
 * when UTF8 is set (RFC 8616). */
bool taglist_value_ok(struct span value, bool utf8);

/* i= of an ARC field: 1*2DIGIT, 1 to 50 (RFC 8617 sections 3.9 and 4.2.1); 0 when it is not. */
enum { TAGLIST_INSTANCE_MAX = 50 };
unsigned taglist_instance(struct span text);

#endif
