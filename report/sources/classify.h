/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where mail in a domain's name comes from, decided from one row of a received aggregate report and
 * from what this site knows about itself. No look-ups: the facts are handed in.
 */
#ifndef REPORT_SOURCES_CLASSIFY_H
#define REPORT_SOURCES_CLASSIFY_H

#include "lib/ip.h"
#include "lib/name.h"
#include "report/json.h"
#include "store/received.h"

/* The first that fits, in this order. */
enum source_class {
	SOURCE_OURS,      /* an address of this site */
	SOURCE_FORWARDED, /* signed by our key, sent by another host: forwarded as it was */
	SOURCE_MODIFIED,  /* our signature is broken, and a list or forwarder says who it is */
	SOURCE_PARTNER,   /* signed by a key in our DNS that is not in our keyring */
	SOURCE_SPF_ONLY,  /* authorised by our SPF record, not signed */
	SOURCE_OLD_KEY,   /* signed with one of our selectors that is revoked or gone */
	SOURCE_UNKNOWN,   /* nothing of it is ours */
	SOURCE_CLASSES
};
extern const struct name_code source_class_names[];
const char *source_class_text(enum source_class class);

/* Mail that its domain's owner wants to arrive. */
bool source_is_legitimate(enum source_class class);

enum source_selector {
	SELECTOR_OURS,      /* in the keyring */
	SELECTOR_PUBLISHED, /* not there, but in DNS */
	SELECTOR_GONE,      /* in neither, or revoked */
	SELECTOR_UNKNOWN    /* DNS did not answer, or the report does not name one */
};

/* What is asked about a row. */
struct source_facts {
	void *arg;
	bool (*is_own)(void *arg, const struct ip *ip);
	enum source_selector (*selector)(void *arg, const char *domain, const char *selector);
	bool (*spf_allows)(void *arg, const char *domain, const struct ip *ip);
	const char *(*host_name)(void *arg, const struct ip *ip); /* its verified name's domain */
};

struct source {
	enum source_class class;
	const char *flow;     /* who it is: "own", a domain, "example.com/s1", "192.0.2.0/24" */
	const char *selector; /* of SOURCE_PARTNER and SOURCE_OLD_KEY */
	bool passes;          /* DMARC */
	bool strict;          /* it passes with strict alignment, too */
};

/* A row of a report about POLICY_DOMAIN. Texts live in ARENA. */
void source_classify(const char *policy_domain, const struct received_row *row,
		     const struct source_facts *facts, struct arena *arena, struct source *source);

#endif
