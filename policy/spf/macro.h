/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF macros, RFC 7208 section 7: in the domain-spec of a term, and in the text that exp= names.
 */
#ifndef POLICY_SPF_MACRO_H
#define POLICY_SPF_MACRO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/span.h"

enum spf_macro_place {
	SPF_MACRO_TERM, /* macro-string: visible characters; letters s l o d i p v h */
	SPF_MACRO_TEXT  /* explain-string: blanks too; also the letters c r t */
};

/* What the letters stand for (section 7.2). Texts are borrowed and end with NUL. */
struct spf_macro_values {
	const char *sender;        /* s */
	const char *local;         /* l */
	const char *sender_domain; /* o */
	const char *domain;        /* d: of the record that is evaluated */
	const char *helo;          /* h */
	const char *validated;     /* p, or NULL: "unknown" */
	const char *receiver;      /* r, or NULL: "unknown" */
	struct ip client;          /* i, c, v */
	int64_t now;               /* t */
	bool local_is_eai;         /* the local part has bytes over 127 */
};

/* Checks the syntax. Returns NULL when it is right, else the fault, with *AT where it is. */
const char *spf_macro_fault(struct span text, enum spf_macro_place place, const char **at);

/* The same for a domain-spec (section 7.1): a macro-string with a proper end. */
const char *spf_macro_domain_fault(struct span text, const char **at);

/* Does the text, whose syntax is right, have a macro with one of LETTERS (lower case)? */
bool spf_macro_uses(struct span text, const char *letters);

/* Expands text whose syntax is right into OUT. False when OUT or the work bound is exceeded. */
bool spf_macro_expand(struct buf *out, struct span text, enum spf_macro_place place,
		      const struct spf_macro_values *values);

enum spf_name {
	SPF_NAME_OK,
	SPF_NAME_MALFORMED, /* no DNS name: an empty label, one over 63, a control character */
	SPF_NAME_NO_MATCH   /* RFC 8616 section 4: %{s} or %{l} of a local part that is not ASCII */
};

/* Expands a domain-spec to the name to ask for, in OUT (empty at the start): lower case, no final
 * dot, cut on the left to 253 characters at a label (section 7.3). */
enum spf_name spf_macro_name(struct buf *out, struct span spec,
			     const struct spf_macro_values *values);

/* Is it a name DNS can carry: no empty label, none over 63, at most 253, no control character? */
bool spf_macro_name_ok(struct span name);

#endif
