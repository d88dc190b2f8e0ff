/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/peer: what an entry of a setting names, and what is refused. */
#include <string.h>

#include "mail/peer.h"
#include "t/lib/tap.h"

enum { REFUSED = -1 };

static const struct {
	const char *text;
	int kind;
} entries[] = {
    {"192.0.2.0/24", PEER_NETWORK},
    {"192.0.2.1", PEER_NETWORK},
    {"2001:db8::/32", PEER_NETWORK},
    {"::ffff:192.0.2.1", PEER_NETWORK},
    {"fwd.example", PEER_DOMAIN},
    {"fwd.example.", PEER_DOMAIN},
    {"*.fwd.example", PEER_DOMAIN},
    {"b\xc3\xbc"
     "cher.example",
     PEER_DOMAIN},
    {"host:mx.fwd.example", PEER_HOST},
    {"HOST:*.fwd.example", PEER_HOST},
    {"0.0.0.0/0", REFUSED},
    {"::/0", REFUSED},
    {"192.0.2.0/33", REFUSED},
    {"192.0.2", REFUSED},
    {"fe80::1%eth0", REFUSED},
    {"fwd.example/24", REFUSED},
    {"*", REFUSED},
    {"host:*", REFUSED},
    {"host:", REFUSED},
    {"host:192.0.2.1", REFUSED},
    {"", REFUSED},
    {"a b", REFUSED},
};

int main(void)
{
	struct arena *arena = arena_new(0);
	struct peer peer;
	struct why why;

	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		const char *text = entries[i].text;
		int result = peer_parse(arena, span_of(text), &peer, &why);

		is_int(result, entries[i].kind == REFUSED ? -1 : 0, "\"%s\"", text);
		if (result == 0)
			is_int(peer.kind, entries[i].kind, "its kind");
		else
			ok(strstr(why.text, text) != NULL, "the reason names it: %s", why.text);
	}
	is_int(peer_parse(arena, span_of("*.FWD.example."), &peer, &why), 0, "any letters");
	is_text(peer.domain.domain, "fwd.example", "are one form");
	ok(peer.domain.below, "and what is below");
	is_text(peer.text, "*.FWD.example.", "as in the setting");
	is_int(peer_parse_domain(arena, span_of("lists.example"), &peer, &why), 0, "a domain");
	is_int(peer_parse_domain(arena, span_of("*"), &peer, &why), -1, "not every domain");
	is_int(peer_parse_domain(arena, span_of("*.a.example"), &peer, &why), -1, "and no pattern");
	arena_free(arena);
	return tap_done();
}
