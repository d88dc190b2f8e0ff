/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/smtp_reply.h"

#include <string.h>

#include "lib/buf.h"

static const char domain_place[] = "%{domain}", client_place[] = "%{client}";

int smtp_reply_check(struct span text, struct why *why)
{
	if (span_len(text) > SMTP_REPLY_TEXT_MAX)
		return why_set(why, "is longer than %d characters", SMTP_REPLY_TEXT_MAX);
	for (const char *p = text.p; p < text.end; p++) {
		struct span rest = {p, text.end};

		if (*p < ' ' || *p > '~')
			return why_set(why, "only printable ASCII can be sent in a reply");
		if (*p == '%' && !span_istarts(rest, domain_place) &&
		    !span_istarts(rest, client_place))
			return why_set(why, "only %s and %s can follow a \"%%\"", domain_place,
				       client_place);
	}
	return 0;
}

const char *smtp_reply_expand(struct arena *arena, const char *text, const char *domain,
			      const struct ip *client)
{
	char ip[IP_TEXT_MAX] = "unknown";
	struct span rest = span_of(text);
	struct buf out;

	if (client->family != 0)
		ip_text(client, ip);
	buf_init(&out, arena, 0);
	while (!span_empty(rest)) {
		bool is_domain = span_istarts(rest, domain_place);
		bool is_client = span_istarts(rest, client_place);

		if (is_domain || is_client)
			buf_string(&out, is_domain ? domain : ip);
		else
			buf_char(&out, *rest.p);
		rest.p += is_domain ? strlen(domain_place) : is_client ? strlen(client_place) : 1;
	}
	return buf_text(&out);
}
