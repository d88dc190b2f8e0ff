/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/native, policy/dkim/canon: what policy/dkim/sign signs, whatever it is, passes; and
 * libopendkim does not disagree. The message is cut into fields and two chunks of body. */
#include <assert.h>
#include <string.h>

#include "lib/crypto/key.h"
#include "policy/dkim/check.h"
#include "policy/dkim/sign.h"
#include "t/lib/dns_memory.h"

static struct dkimcheck_engine *engine;
static struct dns *zone;
static const struct signing_key *key;

static void set_up(struct arena *arena)
{
	const struct dns_settings settings = {0};
	struct crypt_key *made = crypt_key_generate(CRYPT_ED25519, 0, NULL);
	const char *record;
	struct buf pem;

	buf_init(&pem, arena, 0);
	crypt_key_pem(made, &pem, NULL);
	key = signing_key_make(arena, "a.example", "s", buf_view(&pem), NULL);
	crypt_key_free(made);
	record = signing_key_record(key);
	zone = dns_new_memory(&settings);
	dns_memory_add(zone, "s._domainkey.a.example", DNS_TYPE_TXT, record, strlen(record), NULL);
	engine = dkimcheck_engine_new(NULL);
}

static void feed_field(struct signer *signer, struct dkimcheck *check, struct span field)
{
	const char *colon = memchr(field.p, ':', span_len(field));
	struct span name, value;

	if (colon == NULL || colon == field.p || *field.p <= ' ')
		return;
	name = (struct span){field.p, colon};
	value = (struct span){colon + 1, field.end};
	signer_header(signer, name, value);
	dkimcheck_header(check, name, value);
}

/* A field ends at a LF that no blank follows; an empty one ends the header. */
static struct span feed_header(struct signer *signer, struct dkimcheck *check, struct span text)
{
	feed_field(signer, check, span_of("From: a@a.example"));
	while (!span_empty(text) && *text.p != '\n') {
		const char *p = text.p;

		while (p < text.end && !(*p == '\n' && (p + 1 == text.end || !char_is_wsp(p[1]))))
			p++;
		feed_field(signer, check, (struct span){text.p, p});
		text.p = p < text.end ? p + 1 : p;
	}
	return text;
}

static void verify(struct dkimcheck *check, struct span body, size_t split, struct verdict *verdict)
{
	dkimcheck_end_of_headers(check, NULL);
	dkimcheck_body(check, span_make(body.p, split));
	dkimcheck_body(check, (struct span){body.p + split, body.end});
	dkimcheck_finish(check, verdict);
}

static bool has_bare_lf(struct span body)
{
	for (const char *p = body.p; p < body.end; p++)
		if (*p == '\n' && (p == body.p || p[-1] != '\r'))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dkimcheck_rules rules = {
	    .engine = DKIMCHECK_BOTH, .max_signatures = 20, .min_rsa_bits = 1024};
	static struct arena *forever;
	struct signer_rules how = {.header_canon = size & 1, .body_canon = size >> 1 & 1};
	struct arena *arena = arena_new(0);
	struct verdict verdict = {0};
	struct dns_scope *scope;
	struct dkimcheck *check;
	struct signer *signer;
	const char *field;
	struct span body;

	if (forever == NULL)
		set_up(forever = arena_new(0));
	scope = dns_scope_new(zone, 50, 1000000);
	signer = signer_new(&how, arena, 1795341723);
	check = dkimcheck_new(engine, &rules, arena, scope, 1795341723);
	body = feed_header(signer, check, span_make(data, size));
	signer_body(signer, body);
	field = signer_finish(signer, key, NULL);
	if (field != NULL) {
		dkimcheck_header(check, span_of("DKIM-Signature"),
				 span_of(arena_printf(arena, " %s", field)));
		verify(check, body, span_len(body) / 3, &verdict);
		assert(verdict.dkim_count > 0 && verdict.disagreement_count == 0);
		if (verdict.dkim_ignored == 0)
			assert(verdict.dkim[verdict.dkim_count - 1].result ==
			       (has_bare_lf(body) ? AUTH_POLICY : AUTH_PASS));
	}
	dns_scope_free(scope);
	arena_free(arena);
	return 0;
}
