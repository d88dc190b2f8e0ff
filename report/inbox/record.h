/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a received report says, as plain structs: DMARC aggregate reports (RFC 9990, RFC 7489),
 * failure reports (RFC 9991, 6591), complaints (RFC 5965, 6650, 9477), TLS reports (RFC 8460) and
 * delivery status notifications (RFC 3464).
 *
 * A report is a head, followed by lists of records. Each kind of record is one struct and one table
 * of its members, from which JSON is printed (admin/inbox/) and a record crosses the pipe between
 * the helper process and its parent (report/inbox/wire.c).
 *
 * Texts are clean (inbox_text): one line of UTF-8 without control or bidirectional characters.
 * NULL: the report does not say. Times are seconds since 1970 (UTC), INBOX_NO_TIME: not known.
 * Domains have the form of domain_to_ascii() where they are valid, else they are as they stood.
 */
#ifndef REPORT_INBOX_RECORD_H
#define REPORT_INBOX_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"

#define INBOX_NO_TIME INT64_MIN

enum inbox_kind {
	INBOX_NOTHING, /* no report could be read; struct inbox_end says why */
	INBOX_AGGREGATE,
	INBOX_FAILURE,
	INBOX_COMPLAINT,
	INBOX_TLS,
	INBOX_BOUNCE
};
const char *inbox_kind_text(enum inbox_kind kind); /* "unreadable" "aggregate" "failure" ... */

/* The message that brought the report; all is unknown for a bare file. */
struct inbox_mail {
	const char *from; /* domain of the From field */
	const char *message_id;
	int64_t date;
	const char *authres; /* its first Authentication-Results field */
};

/* ---- DMARC aggregate ---- */

struct inbox_aggregate {
	const char *version, *org_name, *email, *contact, *report_id, *generator;
	int64_t begin, end;
	const char *domain, *p, *sp, *np, *adkim, *aspf, *fo, *testing, *discovery, *pct;
	int64_t rows, messages; /* rows: without the refused ones */
	int64_t refused;        /* rows that cannot be used, see the notes */
};

struct inbox_row {
	const char *source_ip;   /* canonical, or NULL for a row without messages */
	int64_t count;           /* 0: a null report (the row adds nothing) */
	const char *disposition; /* "none" "pass" "quarantine" "reject" */
	const char *dkim, *spf;  /* aligned: "pass" "fail" */
	const char *header_from, *envelope_from, *envelope_to;
};

struct inbox_reason {
	const char *type, *comment;
	const char *arc; /* the result in a comment "arc=pass ...", or NULL */
};

struct inbox_dkim {
	const char *domain, *selector, *result, *human_result;
	const char *raw; /* the word that stood for RESULT, where that is another */
};

struct inbox_spf {
	const char *domain, *scope, *result, *human_result, *raw;
};

/* ---- failure reports and complaints ---- */

struct inbox_feedback {
	const char *feedback_type; /* "abuse" "fraud" "virus" "not-spam" "auth-failure" ... */
	const char *user_agent, *version;
	int64_t arrival_date, incidents;
	const char *original_mail_from, *original_rcpt_to, *original_envelope_id;
	const char *reporting_mta, *source_ip;
	const char *auth_failure; /* "dmarc" "bodyhash" "revoked" "signature" "spf" "adsp" */
	const char *delivery_result, *identity_alignment;
	const char *dkim_domain, *dkim_identity, *dkim_selector, *spf_dns;
	/* of the message that the report is about */
	const char *header_from, *message_id, *cfbl_feedback_id;
	int64_t message_date;
};

/* One of a list of texts: errors, notes, reported domains ... */
struct inbox_item {
	const char *text;
};

/* A DKIM signature of the message that the report is about. */
struct inbox_signature {
	const char *domain, *selector;
};

/* ---- TLS ---- */

struct inbox_tls {
	const char *org_name, *contact, *report_id;
	int64_t begin, end;
	int64_t successful, failed; /* sessions, over all policies */
};

struct inbox_tls_policy {
	const char *type, *domain; /* "tlsa" "sts" "no-policy-found" */
	const char *strings;       /* the policy's lines, each ended by "; " but the last */
	const char *mx_host;       /* patterns, with ", " between them */
	int64_t successful, failed;
};

struct inbox_tls_failure {
	const char *result_type;
	int64_t failed;
	const char *sending_ip, *mx_hostname, *mx_helo, *receiving_ip, *information, *reason_code;
};

/* ---- DSN ---- */

struct inbox_bounce {
	const char *bounce; /* "permanent" "temporary" "none" */
	const char *status, *text;
};

/* ---- the end of a report ---- */

/* REASON: why nothing could be read, or NULL. REPAIRED: the report broke a rule of its form, and
 * what was done about it is in the notes. */
struct inbox_end {
	int64_t kind; /* enum inbox_kind */
	const char *reason;
	int64_t repaired;
};

/* ---- records ---- */

enum inbox_part {
	INBOX_PART_END, /* comes last, and is the only part of what could not be read */
	INBOX_PART_AGGREGATE,
	INBOX_PART_FEEDBACK,
	INBOX_PART_TLS,
	INBOX_PART_BOUNCE,
	INBOX_PART_MAIL,
	INBOX_PART_ERROR,     /* item: the reporter's own <error> */
	INBOX_PART_NOTE,      /* item: what was repaired or refused */
	INBOX_PART_AUTHRES,   /* item: an Authentication-Results field of a feedback report */
	INBOX_PART_DOMAIN,    /* item: Reported-Domain */
	INBOX_PART_URI,       /* item: Reported-URI */
	INBOX_PART_SIGNATURE, /* of the message that the report is about */
	INBOX_PART_ROW,
	INBOX_PART_REASON, /* of the row before, as the next two */
	INBOX_PART_DKIM,
	INBOX_PART_SPF,
	INBOX_PART_TLS_POLICY,
	INBOX_PART_TLS_FAILURE, /* of the policy before */
	INBOX_PARTS,
	INBOX_PART_RESTART /* on the pipe only: forget what came since the last end */
};

enum inbox_type { INBOX_TEXT, INBOX_NUMBER, INBOX_TIME };

struct inbox_field {
	const char *name; /* of the JSON member */
	enum inbox_type type;
	size_t offset;
};

enum { INBOX_FIELDS_MAX = 24, INBOX_RECORD_MAX = 512 };

/* LIST: the JSON list in which these records are; NULL: their members are the report's own.
 * DEPTH: 0 the report, 1 a list of it, 2 a list of a record. A table of fields ends with a NULL
 * name. */
struct inbox_shape {
	const char *list;
	unsigned depth;
	size_t size;
	const struct inbox_field *fields;
};
extern const struct inbox_shape inbox_shapes[INBOX_PARTS];

/* The member of RECORD that FIELD describes. */
const char *inbox_field_text(const void *record, const struct inbox_field *field);
int64_t inbox_field_number(const void *record, const struct inbox_field *field);

/* Receives records in order. RECORD is the struct of PART, and lives during the call. A value other
 * than 0 ends the reading. */
typedef int inbox_visit(void *arg, enum inbox_part part, const void *record);

#endif
