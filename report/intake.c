/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of a report come as its head, its remarks, and then its rows; they are read twice:
 * for what the report is, and in the transaction that stores it, for its rows.
 */
#include "report/intake.h"

#include <assert.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "mail/authres_read.h"
#include "report/json.h"
#include "report/keep.h"
#include "store/received.h"

/* ---- the head ---- */

struct storing {
	const struct reader_result *result;
	unsigned i;
	struct arena *arena;     /* of the head */
	struct arena *row_arena; /* of the row */
	struct sql *sql;
	struct why *why;
	struct received_report report;
	struct json_writer remarks, reasons, dkim, spf;
	bool open; /* a row, whose lists are not complete */
	struct received_row row;
	struct received_tls tls;
	int64_t n, policies, failures;
};

static const char *keep_text(struct storing *storing, const char *text)
{
	return arena_string(storing->arena, text);
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static int64_t or_zero(int64_t at)
{
	return at == INBOX_NO_TIME ? 0 : at;
}

static void read_aggregate(struct storing *storing, const struct inbox_aggregate *head)
{
	struct received_report *r = &storing->report;

	r->domain = keep_text(storing, or_empty(head->domain));
	r->org = keep_text(storing, or_empty(head->org_name));
	r->report_id = keep_text(storing, or_empty(head->report_id));
	r->begins = or_zero(head->begin);
	r->ends = or_zero(head->end);
	r->email = keep_text(storing, head->email);
	r->p = keep_text(storing, head->p);
	r->sp = keep_text(storing, head->sp);
	r->np = keep_text(storing, head->np);
	r->adkim = keep_text(storing, head->adkim);
	r->aspf = keep_text(storing, head->aspf);
	r->testing = keep_text(storing, head->testing);
	r->rows = head->rows;
	r->messages = head->messages;
	r->refused = head->refused;
}

static void read_tls(struct storing *storing, const struct inbox_tls *head)
{
	struct received_report *r = &storing->report;

	r->org = keep_text(storing, or_empty(head->org_name));
	r->report_id = keep_text(storing, or_empty(head->report_id));
	r->begins = or_zero(head->begin);
	r->ends = or_zero(head->end);
	r->email = keep_text(storing, head->contact);
	r->messages = head->successful + head->failed;
	r->passed = head->successful;
}

static bool row_passes(const struct inbox_row *row)
{
	return strcmp(row->dkim, "pass") == 0 || strcmp(row->spf, "pass") == 0;
}

/* What the report is, and how many of its messages passed. */
static int visit_head(void *arg, enum inbox_part part, const void *record)
{
	struct storing *storing = arg;
	struct received_report *r = &storing->report;

	if (part == INBOX_PART_AGGREGATE) {
		read_aggregate(storing, record);
	} else if (part == INBOX_PART_TLS) {
		read_tls(storing, record);
	} else if (part == INBOX_PART_NOTE) {
		json_write_object(&storing->remarks);
		json_write_member(&storing->remarks, "text",
				  ((const struct inbox_item *)record)->text);
	} else if (part == INBOX_PART_ROW && row_passes(record)) {
		r->passed += ((const struct inbox_row *)record)->count;
	} else if (part == INBOX_PART_TLS_POLICY) {
		r->rows++;
		if (r->domain == NULL)
			r->domain =
			    keep_text(storing, ((const struct inbox_tls_policy *)record)->domain);
	}
	return 0;
}

static void make_key(struct storing *storing, const uint8_t digest[CRYPT_DIGEST_LEN])
{
	struct received_report *r = &storing->report;
	struct crypt_hash *hash = crypt_hash_new(storing->arena);
	const char *text =
	    arena_printf(storing->arena, "%s\n%s\n%s\n%lld\n%lld\n", r->kind, r->domain, r->org,
			 (long long)r->begins, (long long)r->ends);
	uint8_t key[CRYPT_DIGEST_LEN];

	crypt_hash_add(hash, text, strlen(text));
	crypt_hash_add(hash, digest, CRYPT_DIGEST_LEN);
	crypt_hash_finish(hash, key);
	memcpy(r->key, key, sizeof r->key);
}

/* ---- the rows ---- */

static int end_row(struct storing *storing)
{
	if (!storing->open)
		return 0;
	storing->open = false;
	storing->row.reasons = json_write_end(&storing->reasons);
	storing->row.dkim = json_write_end(&storing->dkim);
	storing->row.spf = json_write_end(&storing->spf);
	if (received_put_row(storing->sql, storing->report.key, storing->n++, &storing->row,
			     storing->why) != 0)
		return -1;
	return received_count_row(storing->sql, &storing->report, &storing->row, storing->why);
}

static int begin_row(struct storing *storing, const struct inbox_row *row)
{
	struct arena *arena = storing->row_arena;

	if (end_row(storing) != 0)
		return -1;
	arena_reset(arena);
	storing->row =
	    (struct received_row){.source_ip = arena_string(arena, row->source_ip),
				  .messages = row->count,
				  .disposition = arena_string(arena, row->disposition),
				  .dkim_aligned = arena_string(arena, row->dkim),
				  .spf_aligned = arena_string(arena, row->spf),
				  .header_from = arena_string(arena, row->header_from),
				  .envelope_from = arena_string(arena, row->envelope_from),
				  .envelope_to = arena_string(arena, row->envelope_to)};
	json_write_begin(&storing->reasons, arena);
	json_write_begin(&storing->dkim, arena);
	json_write_begin(&storing->spf, arena);
	storing->open = true;
	return 0;
}

/* The texts of a record as an object of a list. */
static void write_texts(struct json_writer *writer, enum inbox_part part, const void *record)
{
	json_write_object(writer);
	for (const struct inbox_field *field = inbox_shapes[part].fields; field->name != NULL;
	     field++)
		json_write_member(writer, field->name, inbox_field_text(record, field));
}

static int put_policy(struct storing *storing, const struct inbox_tls_policy *policy)
{
	struct received_tls tls = {policy->type,       policy->domain, policy->mx_host,
				   policy->successful, policy->failed, storing->policies++};

	return received_put_tls(storing->sql, storing->report.key, &tls, storing->why);
}

static int put_failure(struct storing *storing, const struct inbox_tls_failure *f)
{
	struct received_tls_failure failure = {f->result_type,  f->sending_ip,  f->mx_hostname,
					       f->receiving_ip, f->reason_code, f->information,
					       f->failed};

	assert(storing->policies > 0);
	return received_put_tls_failure(storing->sql, storing->report.key, storing->failures++,
					storing->policies - 1, &failure, storing->why);
}

static int visit_row(void *arg, enum inbox_part part, const void *record)
{
	struct storing *storing = arg;

	switch (part) {
	case INBOX_PART_ROW:
		return begin_row(storing, record);
	case INBOX_PART_REASON:
		write_texts(&storing->reasons, part, record);
		return 0;
	case INBOX_PART_DKIM:
		write_texts(&storing->dkim, part, record);
		return 0;
	case INBOX_PART_SPF:
		write_texts(&storing->spf, part, record);
		return 0;
	case INBOX_PART_TLS_POLICY:
		return put_policy(storing, record);
	case INBOX_PART_TLS_FAILURE:
		return put_failure(storing, record);
	default:
		return 0;
	}
}

static int store_rows(void *arg, struct sql *sql, struct why *why)
{
	struct storing *storing = arg;

	storing->sql = sql;
	storing->why = why;
	storing->open = false;
	storing->n = storing->policies = storing->failures = 0;
	if (reader_each(storing->result, storing->i, visit_row, storing, why) != 0)
		return -1;
	return end_row(storing);
}

/* ---- the mail that brought it ---- */

struct bringing {
	const char *authserv_id;
	struct arena *arena;
	struct keep_mail mail;
};

/* The DMARC result of the mail that brought the report, as our own host wrote it (RFC 8601 section
 * 5: a forged field with our name was removed when it came in). */
static const char *read_trust(const struct bringing *bringing, const char *field)
{
	struct span value = span_of(field);
	const char *semicolon = memchr(value.p, ';', span_len(value));
	const struct authres_result *dmarc;
	struct authres_results results;
	struct span id = {value.p, semicolon == NULL ? value.end : semicolon};

	if (bringing->authserv_id == NULL || field == NULL ||
	    !span_ieq(span_trim(id), bringing->authserv_id) ||
	    !authres_parse(bringing->arena, value, &results))
		return "unverified";
	dmarc = authres_find(&results, "dmarc");
	return dmarc == NULL ? "unverified" : arena_string(bringing->arena, dmarc->result);
}

/* The head, in which it is, comes first: the rows are not read for it. */
static int visit_mail(void *arg, enum inbox_part part, const void *record)
{
	struct bringing *bringing = arg;
	const struct inbox_mail *mail = record;

	if (part != INBOX_PART_MAIL)
		return 0;
	bringing->mail.from = arena_string(bringing->arena, mail->from);
	if (bringing->mail.trust == NULL)
		bringing->mail.trust = read_trust(bringing, mail->authres);
	return 1;
}

static int read_mail(struct bringing *bringing, const struct reader_result *result, unsigned i,
		     struct why *why)
{
	if (reader_each(result, i, visit_mail, bringing, why) < 0)
		return -1;
	if (bringing->mail.trust == NULL)
		bringing->mail.trust = "unverified";
	return 0;
}

/* ---- all of it ---- */

static int store_report(struct storing *storing, struct sql *sql, const struct keep_mail *mail,
			struct why *why)
{
	const struct reader_report *read = reader_report(storing->result, storing->i);
	struct received_report *r = &storing->report;

	r->kind = inbox_kind_text((enum inbox_kind)read->end.kind);
	r->repaired = read->end.repaired;
	r->received = mail->received;
	r->trust = mail->trust;
	r->mail_from = mail->from;
	json_write_begin(&storing->remarks, storing->arena);
	if (reader_each(storing->result, storing->i, visit_head, storing, why) != 0)
		return -1;
	r->domain = or_empty(r->domain);
	r->remarks = json_write_end(&storing->remarks);
	make_key(storing, read->digest);
	return received_add(sql, r, store_rows, storing, why);
}

static int store_rows_of(const struct intake *intake, const struct reader_result *result,
			 unsigned i, const struct keep_mail *mail, struct why *why)
{
	struct storing storing = {
	    .result = result, .i = i, .arena = arena_new(0), .row_arena = arena_new(0)};
	int status = store_report(&storing, intake->ledger, mail, why);

	arena_free(storing.row_arena);
	arena_free(storing.arena);
	return status;
}

/* As received_add(); 3: not kept. */
static int store_by_kind(const struct intake *intake, const struct reader_result *result,
			 unsigned i, const struct keep_mail *mail, struct why *why)
{
	switch ((enum inbox_kind)reader_report(result, i)->end.kind) {
	case INBOX_AGGREGATE:
	case INBOX_TLS:
		return store_rows_of(intake, result, i, mail, why);
	case INBOX_FAILURE:
	case INBOX_COMPLAINT:
		return keep_feedback(intake->personal, result, i, mail, why);
	case INBOX_NOTHING:
		return keep_unreadable(intake->personal, result, i, mail, why);
	case INBOX_BOUNCE:
		break;
	}
	return 3;
}

enum intake_outcome intake_store(const struct intake *intake, const struct reader_result *result,
				 unsigned i, const struct intake_mail *mail, struct why *why)
{
	struct bringing bringing = {.authserv_id = intake->authserv_id,
				    .arena = arena_new(0),
				    .mail = {.name = mail->name,
					     .trust = mail->trust,
					     .received = mail->received,
					     .fd = mail->fd,
					     .begin = mail->begin,
					     .end = mail->end,
					     .hashed = intake->hash_addresses}};
	static const enum intake_outcome outcomes[] = {INTAKE_STORED, INTAKE_DUPLICATE,
						       INTAKE_CONFIRMED, INTAKE_NOT_KEPT};
	int status = read_mail(&bringing, result, i, why);

	if (status == 0)
		status = store_by_kind(intake, result, i, &bringing.mail, why);
	arena_free(bringing.arena);
	return status < 0 ? INTAKE_FAILED : outcomes[status];
}

int intake_open(struct intake *intake, const struct ledger_settings *ledger, struct why *why)
{
	struct ledger_settings settings = *ledger;

	settings.read_only = true; /* it is the daemon that makes one */
	intake->ledger = sqlite_sql(&settings, why);
	if (intake->ledger == NULL)
		return -1;
	sql_close(intake->ledger);
	settings.read_only = false;
	settings.durability = intake->imports ? LEDGER_PROCESS : LEDGER_POWER;
	intake->ledger = sqlite_sql(&settings, why);
	if (intake->ledger == NULL)
		return -1;
	intake->personal =
	    personal_open(settings.path, intake->imports ? PERSONAL_IMPORT : PERSONAL_WRITE, why);
	if (intake->personal != NULL)
		return 0;
	sql_close(intake->ledger);
	return -1;
}

void intake_close(struct intake *intake)
{
	sql_close(intake->ledger);
	sql_close(intake->personal);
}

bool intake_sync(const struct intake *intake)
{
	bool ledger = driver_sqlite.sync(intake->ledger);

	return driver_sqlite.sync(intake->personal) && ledger;
}
