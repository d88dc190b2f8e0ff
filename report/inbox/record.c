/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/record.h"

#include <assert.h>
#include <string.h>

#include "lib/name.h"

static const struct name_code kinds[] = {{"unreadable", INBOX_NOTHING},
					 {"aggregate", INBOX_AGGREGATE},
					 {"failure", INBOX_FAILURE},
					 {"complaint", INBOX_COMPLAINT},
					 {"tls", INBOX_TLS},
					 {"bounce", INBOX_BOUNCE},
					 {NULL, 0}};

const char *inbox_kind_text(enum inbox_kind kind)
{
	return name_text(kinds, (int)kind);
}

#define TEXT(type, member)                                                                         \
	{                                                                                          \
#member, INBOX_TEXT, offsetof(struct type, member)                                 \
	}
#define NAMED(type, name, member)                                                                  \
	{                                                                                          \
		name, INBOX_TEXT, offsetof(struct type, member)                                    \
	}
#define NUMBER(type, name, member)                                                                 \
	{                                                                                          \
		name, INBOX_NUMBER, offsetof(struct type, member)                                  \
	}
#define TIME(type, member)                                                                         \
	{                                                                                          \
#member, INBOX_TIME, offsetof(struct type, member)                                 \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, INBOX_TEXT, 0                                                                \
	}

static const struct inbox_field end_fields[] = {NUMBER(inbox_end, "kind", kind),
						TEXT(inbox_end, reason),
						NUMBER(inbox_end, "repaired", repaired), END};
static const struct inbox_field mail_fields[] = {
    NAMED(inbox_mail, "mail_from_domain", from),
    NAMED(inbox_mail, "mail_message_id", message_id),
    {"mail_date", INBOX_TIME, offsetof(struct inbox_mail, date)},
    NAMED(inbox_mail, "mail_authentication_results", authres),
    END};
static const struct inbox_field aggregate_fields[] = {
    TEXT(inbox_aggregate, version),
    TEXT(inbox_aggregate, org_name),
    TEXT(inbox_aggregate, email),
    NAMED(inbox_aggregate, "extra_contact_info", contact),
    TEXT(inbox_aggregate, report_id),
    TIME(inbox_aggregate, begin),
    TIME(inbox_aggregate, end),
    TEXT(inbox_aggregate, generator),
    TEXT(inbox_aggregate, domain),
    TEXT(inbox_aggregate, p),
    TEXT(inbox_aggregate, sp),
    TEXT(inbox_aggregate, np),
    TEXT(inbox_aggregate, adkim),
    TEXT(inbox_aggregate, aspf),
    TEXT(inbox_aggregate, fo),
    TEXT(inbox_aggregate, testing),
    NAMED(inbox_aggregate, "discovery_method", discovery),
    TEXT(inbox_aggregate, pct),
    NUMBER(inbox_aggregate, "rows", rows),
    NUMBER(inbox_aggregate, "messages", messages),
    NUMBER(inbox_aggregate, "rows_refused", refused),
    END};
static const struct inbox_field row_fields[] = {TEXT(inbox_row, source_ip),
						NUMBER(inbox_row, "count", count),
						TEXT(inbox_row, disposition),
						NAMED(inbox_row, "dkim_aligned", dkim),
						NAMED(inbox_row, "spf_aligned", spf),
						TEXT(inbox_row, header_from),
						TEXT(inbox_row, envelope_from),
						TEXT(inbox_row, envelope_to),
						END};
static const struct inbox_field reason_fields[] = {
    TEXT(inbox_reason, type), TEXT(inbox_reason, comment), TEXT(inbox_reason, arc), END};
static const struct inbox_field dkim_fields[] = {
    TEXT(inbox_dkim, domain),       TEXT(inbox_dkim, selector), TEXT(inbox_dkim, result),
    TEXT(inbox_dkim, human_result), TEXT(inbox_dkim, raw),      END};
static const struct inbox_field spf_fields[] = {
    TEXT(inbox_spf, domain),       TEXT(inbox_spf, scope), TEXT(inbox_spf, result),
    TEXT(inbox_spf, human_result), TEXT(inbox_spf, raw),   END};
static const struct inbox_field feedback_fields[] = {TEXT(inbox_feedback, feedback_type),
						     TEXT(inbox_feedback, user_agent),
						     TEXT(inbox_feedback, version),
						     TIME(inbox_feedback, arrival_date),
						     NUMBER(inbox_feedback, "incidents", incidents),
						     TEXT(inbox_feedback, original_mail_from),
						     TEXT(inbox_feedback, original_rcpt_to),
						     TEXT(inbox_feedback, original_envelope_id),
						     TEXT(inbox_feedback, reporting_mta),
						     TEXT(inbox_feedback, source_ip),
						     TEXT(inbox_feedback, auth_failure),
						     TEXT(inbox_feedback, delivery_result),
						     TEXT(inbox_feedback, identity_alignment),
						     TEXT(inbox_feedback, dkim_domain),
						     TEXT(inbox_feedback, dkim_identity),
						     TEXT(inbox_feedback, dkim_selector),
						     TEXT(inbox_feedback, spf_dns),
						     TEXT(inbox_feedback, header_from),
						     TEXT(inbox_feedback, message_id),
						     TEXT(inbox_feedback, cfbl_feedback_id),
						     TIME(inbox_feedback, message_date),
						     END};
static const struct inbox_field item_fields[] = {TEXT(inbox_item, text), END};
static const struct inbox_field signature_fields[] = {TEXT(inbox_signature, domain),
						      TEXT(inbox_signature, selector), END};
static const struct inbox_field tls_fields[] = {
    TEXT(inbox_tls, org_name),
    NAMED(inbox_tls, "contact_info", contact),
    TEXT(inbox_tls, report_id),
    TIME(inbox_tls, begin),
    TIME(inbox_tls, end),
    NUMBER(inbox_tls, "successful_sessions", successful),
    NUMBER(inbox_tls, "failed_sessions", failed),
    END};
static const struct inbox_field tls_policy_fields[] = {
    NAMED(inbox_tls_policy, "policy_type", type),
    NAMED(inbox_tls_policy, "policy_domain", domain),
    NAMED(inbox_tls_policy, "policy_string", strings),
    TEXT(inbox_tls_policy, mx_host),
    NUMBER(inbox_tls_policy, "successful_sessions", successful),
    NUMBER(inbox_tls_policy, "failed_sessions", failed),
    END};
static const struct inbox_field tls_failure_fields[] = {
    TEXT(inbox_tls_failure, result_type),
    NUMBER(inbox_tls_failure, "failed_sessions", failed),
    NAMED(inbox_tls_failure, "sending_mta_ip", sending_ip),
    NAMED(inbox_tls_failure, "receiving_mx_hostname", mx_hostname),
    NAMED(inbox_tls_failure, "receiving_mx_helo", mx_helo),
    TEXT(inbox_tls_failure, receiving_ip),
    NAMED(inbox_tls_failure, "additional_information", information),
    NAMED(inbox_tls_failure, "failure_reason_code", reason_code),
    END};
static const struct inbox_field bounce_fields[] = {
    TEXT(inbox_bounce, bounce), TEXT(inbox_bounce, status), TEXT(inbox_bounce, text), END};

#define SHAPE(list, depth, type, fields)                                                           \
	{                                                                                          \
		list, depth, sizeof(struct type), fields                                           \
	}

const struct inbox_shape inbox_shapes[INBOX_PARTS] = {
    [INBOX_PART_END] = SHAPE(NULL, 0, inbox_end, end_fields),
    [INBOX_PART_AGGREGATE] = SHAPE(NULL, 0, inbox_aggregate, aggregate_fields),
    [INBOX_PART_FEEDBACK] = SHAPE(NULL, 0, inbox_feedback, feedback_fields),
    [INBOX_PART_TLS] = SHAPE(NULL, 0, inbox_tls, tls_fields),
    [INBOX_PART_BOUNCE] = SHAPE(NULL, 0, inbox_bounce, bounce_fields),
    [INBOX_PART_MAIL] = SHAPE(NULL, 0, inbox_mail, mail_fields),
    [INBOX_PART_ERROR] = SHAPE("errors", 1, inbox_item, item_fields),
    [INBOX_PART_NOTE] = SHAPE("remarks", 1, inbox_item, item_fields),
    [INBOX_PART_AUTHRES] = SHAPE("authentication_results", 1, inbox_item, item_fields),
    [INBOX_PART_DOMAIN] = SHAPE("reported_domain", 1, inbox_item, item_fields),
    [INBOX_PART_URI] = SHAPE("reported_uri", 1, inbox_item, item_fields),
    [INBOX_PART_SIGNATURE] = SHAPE("signatures", 1, inbox_signature, signature_fields),
    [INBOX_PART_ROW] = SHAPE("records", 1, inbox_row, row_fields),
    [INBOX_PART_REASON] = SHAPE("reasons", 2, inbox_reason, reason_fields),
    [INBOX_PART_DKIM] = SHAPE("dkim", 2, inbox_dkim, dkim_fields),
    [INBOX_PART_SPF] = SHAPE("spf", 2, inbox_spf, spf_fields),
    [INBOX_PART_TLS_POLICY] = SHAPE("policies", 1, inbox_tls_policy, tls_policy_fields),
    [INBOX_PART_TLS_FAILURE] = SHAPE("failure_details", 2, inbox_tls_failure, tls_failure_fields),
};

_Static_assert(sizeof(struct inbox_feedback) <= INBOX_RECORD_MAX &&
		   sizeof(struct inbox_aggregate) <= INBOX_RECORD_MAX,
	       "the largest records fit");

const char *inbox_field_text(const void *record, const struct inbox_field *field)
{
	const char *text;

	assert(field->type == INBOX_TEXT);
	memcpy(&text, (const char *)record + field->offset, sizeof text);
	return text;
}

int64_t inbox_field_number(const void *record, const struct inbox_field *field)
{
	int64_t number;

	assert(field->type != INBOX_TEXT);
	memcpy(&number, (const char *)record + field->offset, sizeof number);
	return number;
}
