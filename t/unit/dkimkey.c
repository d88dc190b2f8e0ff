/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/key: key records, RFC 6376 section 3.6.1 and RFC 8463 section 4. */
#include <string.h>

#include "lib/arena.h"
#include "policy/dkim/key.h"
#include "t/lib/tap.h"

/* One RSA key of 1024 bits in both forms, and an ed25519 key; made for this test. */
#define RSA_BITS                                                                                   \
	"gYkCgYEA1jOZ+GNfG5hVBaYADr3h1RQgZxsT1EE49bKhxA3jyddv2lj0RfNGkIf7iUbfAAXt/"                \
	"i9lDcK+lZnDXA7gHntz"                                                                      \
	"V3PuiDKVwaqG0BifxCc55Mk2qU3SfBMmoMfb8IwzOl6oV8GRFOym7rS0KEEi+zOMd3W8d+"                   \
	"Q2OJo5mjS81VBs2ucCAwEAAQ=="
#define RSA_INFO                                                                                   \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWM5n4Y18bmFUFpgAOveHVFCBnGxPUQTj1sqHEDePJ12/"      \
	"aWPRF80aQ"                                                                                \
	"h/uJRt8ABe3+L2UNwr6VmcNcDuAee3NXc+6IMpXBqobQGJ/"                                          \
	"EJznkyTapTdJ8Eyagx9vwjDM6XqhXwZEU7KbutLQoQSL7"                                            \
	"M4x3dbx35DY4mjmaNLzVUGza5wIDAQAB"
#define RSA_KEY                                                                                    \
	"MIGJAoGBANYzmfhjXxuYVQWmAA694dUUIGcbE9RBOPWyocQN48nXb9pY9EXzRpCH+"                        \
	"4lG3wAF7f4vZQ3CvpWZw1wO4B57"                                                              \
	"c1dz7ogylcGqhtAYn8QnOeTJNqlN0nwTJqDH2/"                                                   \
	"CMMzpeqFfBkRTspu60tChBIvszjHd1vHfkNjiaOZo0vNVQbNrnAgMBAAE="
#define ED25519 "hJ/XyJQspYdmrSEwiWeA7v0UFiTk05yq/tVhmwIChYw="

enum { SHA1 = 1, SHA256 = 2, TESTING = 4, STRICT = 8, EMAIL = 16 };
#define USUAL (SHA1 | SHA256 | EMAIL)

struct key_case {
	const char *record;
	int bits; /* -1: refused */
	unsigned flags;
	const char *why;
};

static const struct key_case cases[] = {
    {"v=DKIM1; k=rsa; p=" RSA_INFO, 1024, USUAL, NULL},
    {"p=" RSA_INFO, 1024, USUAL, NULL},
    {"p=" RSA_KEY ";", 1024, USUAL, NULL},
    {"v=DKIM1; n=a note=x; g=*; x=y; p=" RSA_INFO, 1024, USUAL, NULL},
    {"v=DKIM1; n=\xc3\xa9; p=" RSA_INFO, 1024, USUAL, NULL},
    {" v = DKIM1 ; k = RSA ; p = " RSA_INFO " ", 1024, USUAL, NULL},
    {"v=DKIM1; k=ed25519; p=" ED25519, 256, USUAL, NULL},
    {"k=ed25519; t=y; p=" ED25519, 256, USUAL | TESTING, NULL},
    {"t=s; p=" RSA_INFO, 1024, USUAL | STRICT, NULL},
    {"t=y : s : z; p=" RSA_INFO, 1024, USUAL | STRICT | TESTING, NULL},
    {"t=; p=" RSA_INFO, 1024, USUAL, NULL},
    {"h=sha256; p=" RSA_INFO, 1024, SHA256 | EMAIL, NULL},
    {"h=sha1; p=" RSA_INFO, 1024, SHA1 | EMAIL, NULL},
    {"h=sha1:sha256; p=" RSA_INFO, 1024, USUAL, NULL},
    {"h=sha512; p=" RSA_INFO, 1024, EMAIL, NULL},
    {"s=email; p=" RSA_INFO, 1024, USUAL, NULL},
    {"s=*; p=" RSA_INFO, 1024, USUAL, NULL},
    {"s=tlsrpt; p=" RSA_INFO, 1024, SHA1 | SHA256, NULL},
    {"s=tlsrpt:email; p=" RSA_INFO, 1024, USUAL, NULL},
    {"p=", 0, USUAL, NULL},
    {"v=DKIM1; p= ;", 0, USUAL, NULL},
    {"k=ed25519; p=", 0, USUAL, NULL},

    {"", -1, 0, "empty"},
    {"v=DKIM1", -1, 0, "p= is missing"},
    {"k=rsa; v=DKIM1; p=" RSA_INFO, -1, 0, "v= is not the first"},
    {"v=dkim1; p=" RSA_INFO, -1, 0, "v= is not DKIM1"},
    {"v=DKIM2; p=" RSA_INFO, -1, 0, "v= is not DKIM1"},
    {"v=spf1 -all", -1, 0, "v= is not DKIM1"},
    {"v=; p=" RSA_INFO, -1, 0, "v= is not DKIM1"},
    {"k=dsa; p=" RSA_INFO, -1, 0, "unknown type"},
    {"p=" RSA_INFO "; p=", -1, 0, "p= appears twice"},
    {"p=###", -1, 0, "not base64"},
    {"p=" RSA_INFO "\x01", -1, 0, "control character"},
    {"p=" ED25519, -1, 0, "not an RSA key"},
    {"k=ed25519; p=" RSA_INFO, -1, 0, "not an ed25519 key"},
    {"p=" RSA_BITS, -1, 0, "not an RSA key"},
    {"p=MIGJ", -1, 0, "not an RSA key"},
    {"p=MAA=", -1, 0, "not an RSA key"},                 /* SEQUENCE {} */
    {"p=MAYCAQMCAQM=", 2, USUAL, NULL},                  /* SEQUENCE { 3, 3 } */
    {"p=MAYCAQMCAQE=", -1, 0, "not an RSA key"},         /* exponent 1 */
    {"p=MAYCAQMCAQI=", -1, 0, "not an RSA key"},         /* exponent 2 */
    {"p=MAYCAQICAQM=", -1, 0, "not an RSA key"},         /* an even modulus */
    {"p=MAYCAYMCAQM=", -1, 0, "not an RSA key"},         /* a negative modulus */
    {"p=MAcCAQMCAQMA", -1, 0, "not an RSA key"},         /* a byte behind the numbers */
    {"p=MAYCAQMCAQMA", -1, 0, "not an RSA key"},         /* a byte behind the key */
    {"p=MIEGAgEDAgED", -1, 0, "not an RSA key"},         /* a long form of a short length */
    {"p=MAsCAQMCBgEAAAAAAQ==", -1, 0, "not an RSA key"}, /* an exponent of 41 bits */
};

static unsigned flags_of(const struct dkimkey *key)
{
	return (key->sha1 ? SHA1 : 0) | (key->sha256 ? SHA256 : 0) | (key->testing ? TESTING : 0) |
	       (key->strict ? STRICT : 0) | (key->email ? EMAIL : 0);
}

static void test_records(struct arena *arena)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct key_case *c = &cases[i];
		struct why why = {""};
		struct dkimkey key;
		int failed = dkimkey_parse(arena, span_of(c->record), &key, &why);

		is_int(failed ? -1 : (int)key.bits, c->bits, "case %zu (%s)", i, why.text);
		if (c->bits >= 0)
			is_int(flags_of(&key), c->flags, "case %zu: flags", i);
		else
			ok(strstr(why.text, c->why) != NULL, "case %zu: reason \"%s\"", i,
			   why.text);
		if (c->bits == 0)
			is_int(key.length, 0, "case %zu: revoked", i);
	}
}

static void test_forms(struct arena *arena)
{
	struct dkimkey info, bare, edwards;

	dkimkey_parse(arena, span_of("p=" RSA_INFO), &info, NULL);
	dkimkey_parse(arena, span_of("p=" RSA_KEY), &bare, NULL);
	ok(info.length > bare.length && info.bits == bare.bits, "both forms hold the same key");
	dkimkey_parse(arena, span_of("k=ed25519; p=" ED25519), &edwards, NULL);
	is_int(edwards.length, 32, "an ed25519 key is its bytes");
	is_int(edwards.type, DKIMKEY_ED25519, "and says so");
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_records(arena);
	test_forms(arena);
	arena_free(arena);
	return tap_done();
}
