/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is found about a logo, a mark certificate or a domain's BIMI: facts, and findings, each with
 * its remedy. They are written as lines of text, in the process without rights that finds them, and
 * read again in the one that wants to know.
 */
#ifndef BIMI_FINDING_H
#define BIMI_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/name.h"
#include "policy/bimi/known.h"

enum bimi_rule {
	BIMI_LOGO_GZIP,
	BIMI_LOGO_SIZE,
	BIMI_LOGO_XML,
	BIMI_LOGO_ENCODING,
	BIMI_LOGO_DOCTYPE,
	BIMI_LOGO_INSTRUCTION,
	BIMI_LOGO_DEPTH,
	BIMI_LOGO_ROOT,
	BIMI_LOGO_VERSION,
	BIMI_LOGO_PROFILE,
	BIMI_LOGO_TITLE,
	BIMI_LOGO_VIEWBOX,
	BIMI_LOGO_NAMESPACE,
	BIMI_LOGO_ELEMENT,
	BIMI_LOGO_PLACE,
	BIMI_LOGO_TEXT,
	BIMI_LOGO_ATTRIBUTE,
	BIMI_LOGO_VALUE,
	BIMI_LOGO_REFERENCE,
	BIMI_LOGO_USE,
	BIMI_CERTIFICATE_PEM,
	BIMI_CERTIFICATE_PRIVATE_KEY,
	BIMI_CERTIFICATE_ORDER,
	BIMI_CERTIFICATE_DATES,
	BIMI_CERTIFICATE_PURPOSE,
	BIMI_CERTIFICATE_NAME,
	BIMI_CERTIFICATE_LOGO,
	BIMI_CERTIFICATE_SAME_LOGO,
	BIMI_CERTIFICATE_MARK,
	BIMI_CERTIFICATE_CRL,
	BIMI_CERTIFICATE_SCT,
	BIMI_CERTIFICATE_NO_LOGS,
	BIMI_CERTIFICATE_CHAIN,
	BIMI_CERTIFICATE_REVOKED,
	BIMI_CERTIFICATE_NO_CRL,
	BIMI_CERTIFICATE_NO_ROOTS,
	BIMI_CERTIFICATE_NO_DOMAIN,
	BIMI_LOGO_FETCH,
	BIMI_LOGO_UNREACHABLE,
	BIMI_CERTIFICATE_FETCH,
	BIMI_CERTIFICATE_UNREACHABLE,
	BIMI_RECORD_MISSING,
	BIMI_RECORD_SEVERAL,
	BIMI_RECORD_SYNTAX,
	BIMI_RECORD_DECLINED,
	BIMI_RECORD_NO_CERTIFICATE,
	BIMI_RECORD_LOCAL_PART,
	BIMI_RECORD_UNKNOWN,
	BIMI_DMARC_POLICY,
	BIMI_READER,
	BIMI_RULES
};

enum bimi_weight {
	BIMI_FAULT,    /* receivers may or must refuse it */
	BIMI_ADVICE,   /* it is allowed, but something else is better */
	BIMI_UNCHECKED /* the caller did not say what it takes to know */
};

const char *bimi_rule_name(enum bimi_rule rule);   /* "logo.title" */
const char *bimi_rule_remedy(enum bimi_rule rule); /* a sentence without its full stop */
enum bimi_weight bimi_rule_weight(enum bimi_rule rule);
extern const struct name_code bimi_weight_names[];

struct bimi_finding {
	enum bimi_rule rule;
	unsigned line; /* in the file; 0: not of one line */
	const char *text;
};

struct bimi_fact {
	const char *name, *text; /* "title", "Example" */
};

enum { BIMI_FINDINGS_MAX = 100, BIMI_FACTS_MAX = 64, BIMI_TEXT_MAX = 400 };

/* What is found beyond the limits is dropped, and FULL set. Texts are clean UTF-8 of one line, cut
 * after BIMI_TEXT_MAX bytes, whatever they are made of. */
struct bimi_findings {
	struct arena *arena;
	struct bimi_finding items[BIMI_FINDINGS_MAX];
	unsigned count;
	struct bimi_fact facts[BIMI_FACTS_MAX];
	unsigned fact_count;
	const char *indicator; /* a logo without faults, in base 64; or NULL */
	int64_t until; /* when the first of what vouches for it ends, seconds since 1970; or 0 */
	bool full;
};

void bimi_findings_init(struct bimi_findings *findings, struct arena *arena);
void bimi_found(struct bimi_findings *findings, enum bimi_rule rule, unsigned line,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
void bimi_fact(struct bimi_findings *findings, const char *name, struct span text);
void bimi_findings_add(struct bimi_findings *findings, const struct bimi_findings *more);
void bimi_findings_limit(struct bimi_findings *findings, int64_t until); /* not after it */
unsigned bimi_count(const struct bimi_findings *findings, enum bimi_weight weight);

/* As lines, and back: false where TEXT is not what bimi_findings_write() writes. */
void bimi_findings_write(const struct bimi_findings *findings, struct buf *out);
bool bimi_findings_read(struct bimi_findings *findings, struct span text);

#endif
