/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tls/session.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "report/json.h"

const struct name_code session_source_names[] = {
    {"tlsrpt", SESSION_TLSRPT}, {"derived", SESSION_DERIVED}, {"own", SESSION_OWN}, {NULL, 0}};
const struct name_code session_kind_names[] = {{"successful", SESSION_DONE},
					       {"failed", SESSION_FAILED},
					       {"detail", SESSION_DETAIL},
					       {NULL, 0}};
const struct name_code session_policy_names[] = {{"tlsa", SESSION_TLSA},
						 {"sts", SESSION_STS},
						 {"no-policy-found", SESSION_NO_POLICY},
						 {NULL, 0}};
const struct name_code session_result_names[] = {
    {"starttls-not-supported", SESSION_NO_STARTTLS},
    {"certificate-host-mismatch", SESSION_HOST_MISMATCH},
    {"certificate-not-trusted", SESSION_NOT_TRUSTED},
    {"certificate-expired", SESSION_EXPIRED},
    {"validation-failure", SESSION_INVALID},
    {"sts-policy-fetch-error", SESSION_STS_FETCH},
    {"sts-policy-invalid", SESSION_STS_INVALID},
    {"sts-webpki-invalid", SESSION_STS_WEBPKI},
    {"tlsa-invalid", SESSION_TLSA_INVALID},
    {"dnssec-invalid", SESSION_DNSSEC_INVALID},
    {"dane-required", SESSION_DANE_REQUIRED},
    {NULL, 0}};

/* Texts as far as there is room, with the quotes that end the object. */
static void add_list(struct buf *out, struct arena *arena, const char *name,
		     const struct session_texts *texts)
{
	const char *comma = "";

	if (texts->count == 0)
		return;
	buf_printf(out, ",\"%s\":[", name);
	for (unsigned i = 0; i < texts->count; i++) {
		const char *quoted = json_quote(arena, texts->items[i]);

		if (out->len + strlen(quoted) + 64 > SESSION_POLICY_MAX)
			break;
		buf_printf(out, "%s%s", comma, quoted);
		comma = ",";
	}
	buf_char(out, ']');
}

const char *session_policy_text(struct arena *arena, enum session_policy type, const char *domain,
				const struct session_texts *lines,
				const struct session_texts *hosts)
{
	struct buf out;

	buf_init(&out, arena, SESSION_POLICY_MAX);
	buf_printf(&out, "{\"policy-type\":\"%s\",\"policy-domain\":%s",
		   name_text(session_policy_names, (int)type), json_quote(arena, domain));
	add_list(&out, arena, "policy-string", lines);
	add_list(&out, arena, "mx-host", hosts);
	buf_char(&out, '}');
	assert(!out.failed);
	return buf_text(&out);
}

const char *session_detail_text(struct arena *arena, const struct session_detail *detail)
{
	const struct {
		const char *name, *text;
	} members[] = {{"sending-mta-ip", detail->sending_ip},
		       {"receiving-mx-hostname", detail->mx_host},
		       {"receiving-mx-helo", detail->mx_helo},
		       {"receiving-ip", detail->receiving_ip},
		       {"failure-reason-code", detail->reason},
		       {"additional-information", detail->information}};
	struct buf out;

	buf_init(&out, arena, SESSION_DETAIL_MAX);
	buf_printf(&out, "{\"result-type\":\"%s\"",
		   name_text(session_result_names, (int)detail->result));
	for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++) {
		const char *quoted = members[i].text == NULL || members[i].text[0] == '\0'
					 ? NULL
					 : json_quote(arena, members[i].text);

		if (quoted != NULL && out.len + strlen(quoted) + 64 < SESSION_DETAIL_MAX)
			buf_printf(&out, ",\"%s\":%s", members[i].name, quoted);
	}
	buf_char(&out, '}');
	assert(!out.failed);
	return buf_text(&out);
}
