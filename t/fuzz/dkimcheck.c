/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/check, with policy/dkim/native, policy/dkim/judge and policy/dkim/addition: a
 * message, cut into fields and two chunks of body; two keys are published. */
#include <assert.h>
#include <string.h>

#include "policy/dkim/check.h"
#include "t/lib/dns_memory.h"

#define RSA_KEY                                                                                    \
	"v=DKIM1; "                                                                                \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWM5n4Y18bmFUFpgAOveHVFCBnGxPUQTj1sqHEDe"         \
	"PJ12/aWPRF80aQh/uJRt8ABe3+L2UNwr6VmcNcDuAee3NXc+6IMpXBqobQGJ/"                            \
	"EJznkyTapTdJ8Eyagx9vwjDM6XqhX"                                                            \
	"wZEU7KbutLQoQSL7M4x3dbx35DY4mjmaNLzVUGza5wIDAQAB"
#define ED_KEY "k=ed25519; p=hJ/XyJQspYdmrSEwiWeA7v0UFiTk05yq/tVhmwIChYw="

static struct dkimcheck_engine *engine;
static struct dns *zone;

static void set_up(void)
{
	const struct dns_settings settings = {0};

	engine = dkimcheck_engine_new(NULL);
	zone = dns_new_memory(&settings);
	dns_memory_add(zone, "s._domainkey.a.example", DNS_TYPE_TXT, RSA_KEY, strlen(RSA_KEY),
		       NULL);
	dns_memory_add(zone, "e._domainkey.a.example", DNS_TYPE_TXT, ED_KEY, strlen(ED_KEY), NULL);
}

/* A field ends at a LF that no blank follows; an empty one ends the header. */
static struct span feed_header(struct dkimcheck *check, struct span text)
{
	while (!span_empty(text) && *text.p != '\n') {
		const char *p = text.p, *colon;

		while (p < text.end && !(*p == '\n' && (p + 1 == text.end || !char_is_wsp(p[1]))))
			p++;
		colon = memchr(text.p, ':', (size_t)(p - text.p));
		if (colon != NULL)
			dkimcheck_header(check, (struct span){text.p, colon},
					 (struct span){colon + 1, p});
		text.p = p < text.end ? p + 1 : p;
	}
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dkimcheck_rules rules = {
	    .engine = DKIMCHECK_BOTH, .max_signatures = 5, .min_rsa_bits = 1024};
	struct arena *arena = arena_new(0);
	struct verdict verdict = {0};
	struct dns_scope *scope;
	struct dkimcheck *check;
	struct span body;
	size_t half;

	if (zone == NULL)
		set_up();
	scope = dns_scope_new(zone, 10, 1000000);
	check = dkimcheck_new(engine, &rules, arena, scope, 1795341723);
	body = feed_header(check, span_make(data, size));
	dkimcheck_end_of_headers(check, "a.example");
	half = span_len(body) / 2;
	dkimcheck_body(check, span_make(body.p, half));
	dkimcheck_body(check, (struct span){body.p + half, body.end});
	dkimcheck_finish(check, &verdict);
	assert(verdict.dkim_count <= rules.max_signatures && verdict.disagreement_count == 0);
	for (unsigned i = 0; i < verdict.dkim_count; i++)
		assert(*verdict.dkim[i].why != '\0' && verdict.dkim[i].result != AUTH_NONE);
	dns_scope_free(scope);
	arena_free(arena);
	return 0;
}
