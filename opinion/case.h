/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case: one inbound message with all that it takes to judge SPF and DKIM again, and what was made
 * of it. It is handed to the process of the second opinion, which answers with a case that has only
 * results, and it is what second_opinion.keep keeps.
 *
 *     case    = "countersign-case 1" LF *line
 *     line    = name SP length SP *length OCTET LF
 *
 * length is the number of octets, in decimal digits. What a name means is in the table in case.c.
 * Lines that belong to one thing (a lookup and its records, a result and its reason) follow it.
 * Both ends distrust each other: the parser is exact, and bounds what it makes.
 */
#ifndef OPINION_CASE_H
#define OPINION_CASE_H

#include <stdint.h>

#include "dns/dns.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/why.h"
#include "policy/result/verdict.h"

enum {
	CASE_BYTES_MAX = 8 << 20, /* of a case as text */
	CASE_REPLY_MAX = 96 << 10,
	CASE_FIELDS_MAX = 20000,
	CASE_LOOKUPS_MAX = 2000,
	CASE_RECORDS_MAX = 20000, /* of all lookups */
	CASE_RESULTS_MAX = DKIM_VERDICTS_MAX + 2,
	CASE_WHY_MAX = 600 /* octets of a reason */
};

/* Which mechanism a result is of. */
enum case_subject { CASE_SPF_MFROM, CASE_SPF_HELO, CASE_DKIM };
extern const struct name_code case_subject_names[];

struct case_result {
	enum case_subject subject;
	enum auth_result result;
	const char *name; /* SPF: the domain; DKIM: "d= s= b=" of the signature */
	const char *why;
};

/* In the order of enum case_subject; signatures in the order of the verdict. */
struct case_results {
	struct case_result *items;
	unsigned count;
};

/* A copy of FROM and its texts in ARENA. */
struct case_results case_copy_results(const struct case_results *from, struct arena *arena);

/* Whose lookups: the same question may have had two answers. */
enum case_part { CASE_ENVELOPE, CASE_KEYS, CASE_PARTS };

struct case_lookups {
	struct dns_seen *items;
	unsigned count;
};

struct case_rules {
	int64_t max_signatures, min_rsa_bits, clock_drift;
	bool accept_partial_body, accept_testing_keys, accept_added_fields;
};

struct opinion_case {
	const char *id; /* the queue ID */
	int64_t now;    /* wall seconds */
	struct ip client;
	const char *helo, *mail_from;
	const char *receiver; /* or NULL */
	const char *author;   /* the From domain, or NULL */
	bool spf[2];          /* of enum spf_scope: it is to be judged */
	struct case_rules rules;
	struct span *fields; /* "Name:value" with folds as CRLF, from the top */
	unsigned field_count;
	struct span body;
	struct case_lookups lookups[CASE_PARTS];
	struct case_results native, library; /* what was made of it */
};

/* A case without anything; its lists have no place. */
void case_init(struct opinion_case *c);

/* OUT may be limited; it has then failed. */
void case_write(const struct opinion_case *c, struct buf *out);

/* What it finds lives in ARENA and in TEXT. What is not there is as case_init() leaves it. -1: it
 * is not a case. */
int case_parse(struct span text, struct arena *arena, struct opinion_case *c, struct why *why);

#endif
