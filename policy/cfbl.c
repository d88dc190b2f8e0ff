/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/cfbl.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/crypto/hash.h"
#include "mail/domain.h"

enum { MAC_LEN = 16 }; /* bytes of the HMAC that are written */

static struct span without_brackets(const char *message_id)
{
	struct span id = span_trim(span_of(message_id == NULL ? "" : message_id));

	if (span_len(id) >= 2 && *id.p == '<' && id.end[-1] == '>')
		id = (struct span){id.p + 1, id.end - 1};
	return id;
}

/* Each part ends with NUL, which no header field contains. */
static void add_part(struct buf *text, struct span part)
{
	buf_span(text, part);
	buf_char(text, '\0');
}

static const char *write_id(const struct cfbl_message *message, int32_t day, struct span message_id,
			    struct arena *arena)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	const char *number = arena_printf(arena, "%d", (int)day);
	struct buf text;

	assert(message->secret != NULL && message->secret[0] != '\0');
	buf_init(&text, arena, 0);
	add_part(&text, span_of("countersign complaint, 1"));
	add_part(&text, span_of(number));
	add_part(&text, span_of(arena_lower(arena, span_of(message->author))));
	add_part(&text, message_id);
	crypt_hmac(message->secret, strlen(message->secret), text.data, text.len, digest);
	buf_clear(&text);
	buf_printf(&text, "%s:", number);
	for (unsigned i = 0; i < MAC_LEN; i++)
		buf_printf(&text, "%02x", digest[i]);
	return buf_text(&text);
}

const char *cfbl_write(const struct cfbl_message *message, int32_t day, struct arena *arena)
{
	return write_id(message, day, without_brackets(message->message_id), arena);
}

/* Blanks in it do not count (RFC 9477 section 4.1). */
static const char *without_blanks(struct span id, struct arena *arena)
{
	struct buf text;

	buf_init(&text, arena, 128);
	for (; id.p < id.end; id.p++)
		if (!char_is_space((unsigned char)*id.p))
			buf_char(&text, *id.p);
	return text.failed ? "" : buf_text(&text);
}

bool cfbl_check(const struct cfbl_message *message, struct span id, struct arena *arena,
		int32_t *day)
{
	const char *text = without_blanks(id, arena), *colon = strchr(text, ':');
	uint64_t number;

	if (colon == NULL || !span_number((struct span){text, colon}, INT32_MAX, &number))
		return false;
	*day = (int32_t)number;
	return strcmp(text, cfbl_write(message, *day, arena)) == 0 ||
	       strcmp(text, write_id(message, *day, span_of(""), arena)) == 0;
}

bool cfbl_may_name(const char *address_domain, const char *author, const char *domain)
{
	return domain_equal(address_domain, domain) ||
	       (domain_equal(author, domain) && domain_within(address_domain, author));
}
