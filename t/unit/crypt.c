/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/crypto: the signed message of RFC 8463, keys there and back, damage. */

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/codec/base64.h"
#include "lib/crypto/certificate.h"
#include "lib/crypto/der.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/key.h"
#include "lib/crypto/openssl.h"
#include "lib/crypto/public.h"
#include "lib/crypto/wipe.h"
#include "lib/lock.h"
#include "policy/dkim/canon.h"
#include "t/lib/tap.h"

static struct span decoded(struct arena *arena, const char *text)
{
	const uint8_t *data = NULL;
	size_t length = 0;

	ok(base64_decode(arena, span_of(text), &data, &length), "base 64");
	return span_make(data, length);
}

static void test_hash(struct arena *arena)
{
	struct crypt_hash *hash = crypt_hash_new(arena);
	uint8_t have[CRYPT_DIGEST_LEN], want[CRYPT_DIGEST_LEN];

	crypt_sha256("abc", 3, want);
	for (unsigned i = 0; i < 2; i++) {
		crypt_hash_add(hash, "a", 1);
		crypt_hash_add(hash, "", 0);
		crypt_hash_add(hash, "bc", 2);
		crypt_hash_finish(hash, have);
		ok(memcmp(have, want, sizeof have) == 0, "SHA-256 in pieces, round %u", i);
	}
}

/* ---- RFC 8463 appendix A.3 ---- */

static const char *const fields[][2] = {
    {"From", " Joe SixPack <joe@football.example.com>"},
    {"To", " Suzie Q <suzie@shopping.example.net>"},
    {"Subject", " Is dinner ready?"},
    {"Date", " Fri, 11 Jul 2003 21:00:37 -0700 (PDT)"},
    {"Message-ID", " <20030712040037.46341.5F8J@football.example.com>"},
};

static const struct {
	enum crypt_type type;
	const char *key, *signature, *field;
} signatures[] = {
    {CRYPT_ED25519, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
     "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n "
     "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
     " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; "
     "i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject "
     ": "
     "date : message-id : from : subject : date;\r\n "
     "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b="},
    {CRYPT_RSA,
     "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
     "J16JYi0Q"
     "vx/byYzCNb3W91y3FutACDfzwQ/BC/e/"
     "8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kr"
     "yOTIKT+l/K4w3QIDAQAB",
     "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n "
     "DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n "
     "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
     " v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=football.example.com; "
     "i=@football.example.com;\r\n "
     "q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n date : message-id : from : "
     "subject : "
     "date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b="},
};

static void test_rfc8463(struct arena *arena)
{
	struct canon_body *body = canon_body_new(arena, DKIMSIG_RELAXED);
	uint8_t digest[CRYPT_DIGEST_LEN];

	canon_body_add(
	    body, span_of("Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"));
	canon_body_finish(body, digest);
	ok(memcmp(digest, decoded(arena, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=").p, 32) ==
	       0,
	   "the body hash");
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
		struct crypt_public *key =
		    crypt_public_parse(signatures[i].type, decoded(arena, signatures[i].key), NULL);
		struct span signature = decoded(arena, signatures[i].signature);
		struct buf text;

		buf_init(&text, arena, 0);
		for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
			canon_header(&text, DKIMSIG_RELAXED, span_of(fields[f][0]),
				     span_of(fields[f][1]));
		canon_header(&text, DKIMSIG_RELAXED, span_of("DKIM-Signature"),
			     span_of(signatures[i].field));
		crypt_sha256(text.data, text.len - 2, digest);
		if (!ok(key != NULL, "the key"))
			continue;
		ok(crypt_public_verify(key, digest, signature), "the signature verifies");
		digest[0] ^= 1;
		ok(!crypt_public_verify(key, digest, signature), "not with another digest");
		ok(!crypt_public_verify(key, digest, span_make(signature.p, 5)),
		   "not when it is short");
		crypt_public_free(key);
	}
}

/* ---- private keys ---- */

static const char *pem_text(const struct crypt_key *key, struct arena *arena)
{
	struct buf text;

	buf_init(&text, arena, 0);
	is_int(crypt_key_pem(key, &text, NULL), 0, "written as PEM");
	return buf_text(&text);
}

static bool signs_for(const struct crypt_key *key, struct crypt_public *public, struct arena *arena)
{
	static const uint8_t digest[CRYPT_DIGEST_LEN] = "thirty-two bytes of some digest";
	struct span signature;

	return crypt_key_sign(key, digest, arena, &signature, NULL) == 0 &&
	       crypt_public_verify(public, digest, signature);
}

/* The PKCS#1 form of a PKCS#8 RSA key, in lines as other programs write it. */
static const char *as_pkcs1(struct arena *arena, const char *pem)
{
	const char *begin = strchr(pem, '\n'), *end = strstr(pem, "-----END");
	struct span all = decoded(arena, arena_span(arena, (struct span){begin, end})), content,
		    skip, inside;
	struct buf text, out;

	ok(der_take(&all, DER_SEQUENCE, &content) && der_take(&content, DER_INTEGER, &skip) &&
	       der_take(&content, DER_SEQUENCE, &skip) &&
	       der_take(&content, DER_OCTET_STRING, &inside),
	   "PKCS#8");
	buf_init(&text, arena, 0);
	base64_encode(&text, (const uint8_t *)inside.p, span_len(inside));
	buf_init(&out, arena, 0);
	buf_string(&out, "Comment before.\n-----BEGIN RSA PRIVATE KEY-----\r\n");
	for (size_t i = 0; i < text.len; i += 64)
		buf_printf(&out, "%.*s\r\n", (int)(text.len - i < 64 ? text.len - i : 64),
			   text.data + i);
	buf_string(&out, "-----END RSA PRIVATE KEY-----\r\n");
	return buf_text(&out);
}

static void test_keys(struct arena *arena, enum crypt_type type, unsigned bits)
{
	struct crypt_key *key = crypt_key_generate(type, bits, NULL), *again;
	struct crypt_public *public;
	const char *pem;
	struct span data;

	if (!ok(key != NULL, "a key of %u bits", bits))
		return;
	is_int(crypt_key_type(key), type, "its type");
	is_int(crypt_key_bits(key), bits, "its bits");
	is_int(crypt_key_public(key, arena, &data, NULL), 0, "its public part");
	public = crypt_public_parse(type, data, NULL);
	ok(public != NULL, "which is read back");
	ok(signs_for(key, public, arena), "signs");
	pem = pem_text(key, arena);
	again = crypt_key_parse(span_of(pem), NULL);
	ok(again != NULL && crypt_key_bits(again) == bits && signs_for(again, public, arena),
	   "the key from its PEM signs for it too");
	crypt_key_free(again);
	if (type == CRYPT_RSA) {
		again = crypt_key_parse(span_of(as_pkcs1(arena, pem)), NULL);
		ok(again != NULL && signs_for(again, public, arena), "and from PKCS#1");
		crypt_key_free(again);
	}
	crypt_public_free(public);
	crypt_key_free(key);
}

static void refused(const char *pem, const char *part)
{
	struct why why = {"nothing"};
	struct crypt_key *key = crypt_key_parse(span_of(pem), &why);

	ok(key == NULL && strstr(why.text, part) != NULL, "refused: %s", why.text);
	crypt_key_free(key);
}

static void test_bad_private(struct arena *arena)
{
	struct crypt_key *key = crypt_key_generate(CRYPT_RSA, 1024, NULL);
	char *pem = arena_string(arena, pem_text(key, arena));
	unsigned survivors = 0, flips = 0;

	refused("", "no private key");
	refused("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "no private key");
	refused("-----BEGIN PRIVATE KEY-----\nMAA=\n", "damaged");
	refused("-----BEGIN PRIVATE KEY-----\nMAA\n-----END PRIVATE KEY-----\n", "damaged");
	refused("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "damaged");
	refused("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n",
		"damaged");
	refused(
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
	    "encrypted");
	refused("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA "
		"PRIVATE KEY-----\n",
		"encrypted");
	refused("-----BEGIN PRIVATE "
		"KEY-----\nMC4CAQAwBQYDK2VuBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		"-----END PRIVATE KEY-----\n",
		"DKIM does not support");
	is_int(crypt_key_check(key, NULL), 0, "a whole key passes the check");
	/* One letter changed anywhere in the key's numbers is noticed: at once when it makes wrong
	 * signatures, by the full check when OpenSSL can do without the number. */
	for (char *p = strchr(pem, '\n') + 60; p < strstr(pem, "-----END") - 4; p += 7) {
		char was = *p;

		if (was == '\n')
			continue;
		*p = was == 'A' ? 'B' : 'A';
		flips++;
		crypt_key_free(key);
		key = crypt_key_parse(span_of(pem), NULL);
		survivors += key != NULL && crypt_key_check(key, NULL) == 0;
		*p = was;
	}
	ok(flips > 80 && survivors == 0, "%u damaged keys, %u accepted", flips, survivors);
	crypt_key_free(key);
	ok(crypt_key_generate(CRYPT_RSA, 1023, NULL) == NULL, "1023 bits are too few");
	ok(crypt_key_generate(CRYPT_RSA, 9000, NULL) == NULL, "9000 bits are too many");
}

/* ---- public keys ---- */

static void test_public_forms(struct arena *arena)
{
	struct span spki = decoded(arena, signatures[1].key), pkcs1, again = {0}, wrong;
	struct crypt_public *key;
	char *copy;

	pkcs1 = span_make(spki.p + 22,
			  span_len(spki) - 22); /* behind the two headers and the zero bits */
	key = crypt_public_parse(CRYPT_RSA, pkcs1, NULL);
	ok(key != NULL, "RSAPublicKey alone");
	crypt_public_free(key);
	ok(crypt_public_spki(pkcs1, arena, &again) && span_same(again, spki),
	   "made a SubjectPublicKeyInfo");
	ok(crypt_public_spki(spki, arena, &again) && span_same(again, spki),
	   "which stays as it is");
	wrong = span_make(spki.p, span_len(spki) - 1);
	ok(crypt_public_parse(CRYPT_RSA, wrong, NULL) == NULL, "one byte short");
	ok(!crypt_public_spki(wrong, arena, &again), "is not a key");
	ok(crypt_public_parse(CRYPT_ED25519, wrong, NULL) == NULL, "nor an Ed25519 one");
	copy = arena_copy(arena, spki.p, span_len(spki) + 0);
	copy[span_len(spki) - 1] = 0;
	ok(crypt_public_parse(CRYPT_RSA, span_make(copy, span_len(spki)), NULL) == NULL,
	   "an even exponent");
	ok(crypt_public_parse(CRYPT_RSA, span_of(""), NULL) == NULL, "no bytes");
}

static const struct {
	const char *bytes;
	size_t len;
	bool good;
} integers[] = {
    {"\x02\x01\x01", 3, true},
    {"\x02\x01\x00", 3, false},
    {"\x02\x01\x80", 3, false},
    {"\x02\x02\x00\x80", 4, true},
    {"\x02\x03\x00\x00\x80", 5, false},
    {"\x02\x00", 2, false},
    {"\x02\x81\x01\x01", 4, false},
    {"\x02\x80\x01", 3, false},
    {"\x02\x83\x00\x00\x01\x01", 6, false},
    {"\x02\x02\x01", 3, false},
    {"\x03\x01\x01", 3, false},
    {"\x02", 1, false},
};

static void test_der(struct arena *arena)
{
	static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535};

	for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
		struct span in = span_make(integers[i].bytes, integers[i].len), bytes;

		is_int(der_take_positive(&in, &bytes), integers[i].good, "integer %zu", i);
	}
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct span content = span_make(arena_alloc(arena, 70000), lengths[i]), in, back;
		struct buf out;

		buf_init(&out, arena, 0);
		der_put(&out, DER_OCTET_STRING, content);
		in = buf_view(&out);
		ok(!out.failed && der_take(&in, DER_OCTET_STRING, &back) &&
		       span_same(back, content) && span_empty(in),
		   "%zu bytes there and back", lengths[i]);
	}
}

/* ---- TLSA (RFC 6698) ---- */

/* mail.example.com; the digests are those of openssl(1). */
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBizCCATGgAwIBAgIUA5Bz/QLhz926UMRM52/rSYannHcwCgYIKoZIzj0EAwIw\n"
    "GzEZMBcGA1UEAwwQbWFpbC5leGFtcGxlLmNvbTAeFw0yNjExMjkxMDEwMDZaFw0z\n"
    "NjExMjYxMDEwMDZaMBsxGTAXBgNVBAMMEG1haWwuZXhhbXBsZS5jb20wWTATBgcq\n"
    "hkjOPQIBBggqhkjOPQMBBwNCAATDHHPyLUQv9gSWEPtHqgWTvA3AJ+Ud7xo5GO8X\n"
    "eRz2IIohmBc31z4EQVlGPgFh0vqbnNRQNca6Qor4iQkE+zL2o1MwUTAdBgNVHQ4E\n"
    "FgQUHfDqAUrkqkw3bBAfPRu4TNDMU78wHwYDVR0jBBgwFoAUHfDqAUrkqkw3bBAf\n"
    "PRu4TNDMU78wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAliq7\n"
    "ba0au7t/kqxxfos29NT7rIRJytS6IGUVSeqrT0cCIFBTpLbNZt2zQDZTf7djhqDe\n"
    "UK+kPBR/wIt/RzJY/dSv\n"
    "-----END CERTIFICATE-----\n";

static const struct {
	unsigned selector, matching;
	const char *data; /* base64 */
	bool matches;
} tlsa[] = {
    {0, 0,
     "MIIBizCCATGgAwIBAgIUA5Bz/QLhz926UMRM52/rSYannHcwCgYIKoZIzj0EAwIw"
     "GzEZMBcGA1UEAwwQbWFpbC5leGFtcGxlLmNvbTAeFw0yNjExMjkxMDEwMDZaFw0z"
     "NjExMjYxMDEwMDZaMBsxGTAXBgNVBAMMEG1haWwuZXhhbXBsZS5jb20wWTATBgcq"
     "hkjOPQIBBggqhkjOPQMBBwNCAATDHHPyLUQv9gSWEPtHqgWTvA3AJ+Ud7xo5GO8X"
     "eRz2IIohmBc31z4EQVlGPgFh0vqbnNRQNca6Qor4iQkE+zL2o1MwUTAdBgNVHQ4E"
     "FgQUHfDqAUrkqkw3bBAfPRu4TNDMU78wHwYDVR0jBBgwFoAUHfDqAUrkqkw3bBAf"
     "PRu4TNDMU78wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAliq7"
     "ba0au7t/kqxxfos29NT7rIRJytS6IGUVSeqrT0cCIFBTpLbNZt2zQDZTf7djhqDe"
     "UK+kPBR/wIt/RzJY/dSv",
     true},
    {0, 1, "Qh4fvReyXhZNWRxF+0eUXBeG+UdJXLw4kZyJyfYGH50=", true},
    {0, 2,
     "gjtmeyR8WJPksIlFCGG8dXmmW2/fDDWOD+clIIyFf2mBwT8NeF+HncMQJ9qwssv2"
     "80KZHADZcCM9fRrD2V2hVg==",
     true},
    {1, 0,
     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwxxz8i1EL/YElhD7R6oFk7wNwCfl"
     "He8aORjvF3kc9iCKIZgXN9c+BEFZRj4BYdL6m5zUUDXGukKK+IkJBPsy9g==",
     true},
    {1, 1, "3efnadjM/nxCCqBmO5UuFsrQ17/UVH2nk4HpDxlMXuY=", true},
    {1, 2,
     "PgRJKSnwYQDdjJqo/DgmOLpp5uqzviHjrN1s//YNBfBX1WD7z3dUI8Yq0yt8jDNc"
     "LuyhUeI2yGU9Zo5PyLJh7w==",
     true},
    {0, 1, "3efnadjM/nxCCqBmO5UuFsrQ17/UVH2nk4HpDxlMXuY=", false},
    {1, 1, "Qh4fvReyXhZNWRxF+0eUXBeG+UdJXLw4kZyJyfYGH50=", false},
    {1, 1, "3efnadjM/nxCCqBmO5UuFsrQ17/UVH2nk4HpDxlMXg==", false},
    {1, 2, "3efnadjM/nxCCqBmO5UuFsrQ17/UVH2nk4HpDxlMXuY=", false},
    {1, 0,
     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwxxz8i1EL/YElhD7R6oFk7wNwCfl"
     "He8aORjvF3kc9iCKIZgXN9c+BEFZRj4BYdL6m5zUUDXGukKK+IkJBPsy",
     false},
    {1, 1, "", false},
    {2, 1, "3efnadjM/nxCCqBmO5UuFsrQ17/UVH2nk4HpDxlMXuY=", false},
    {1, 3, "3efnadjM/nxCCqBmO5UuFsrQ17/UVH2nk4HpDxlMXuY=", false},
};

static void test_tlsa(struct arena *arena)
{
	struct certificates *list;
	struct span data;
	struct why why;

	if (!ok(certificate_read(arena, span_of(certificate), &list, &why) == 0, "a certificate"))
		return;
	for (size_t i = 0; i < sizeof tlsa / sizeof *tlsa; i++) {
		data = decoded(arena, tlsa[i].data);
		is_int(certificate_matches_tlsa(list, 0, tlsa[i].selector, tlsa[i].matching, data),
		       tlsa[i].matches, "TLSA x %u %u, row %zu", tlsa[i].selector, tlsa[i].matching,
		       i);
	}
}

/* ---- more keys than OpenSSL has at a time ---- */

enum { MANY = 4300, SIGNERS = 2, FREED = 512, MARK = 0x5a };

static struct crypt_key *many[MANY];
static _Atomic unsigned wrong_signatures;

/* Three letters of the 32 bytes of an Ed25519 key make another one (RFC 8410). */
static void make_many(void)
{
	static const char form[] =
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEIAAA%c%c%cAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "-----END PRIVATE KEY-----\n";
	char pem[sizeof form];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(pem, sizeof pem, form, 'A' + i % 26, 'A' + i / 26 % 26, 'A' + i / 676);
		many[i] = crypt_key_parse(span_of(pem), NULL);
	}
}

/* Every signer has another order. */
static void *sign_many(void *arg)
{
	static const uint8_t digest[CRYPT_DIGEST_LEN] = {1};
	const unsigned *step = arg;
	struct arena *arena = arena_new(0);

	for (unsigned i = 0, at = *step; i < MANY + 300; i++, at = (at + *step) % MANY) {
		struct span data, signature;
		struct crypt_public *public;

		arena_reset(arena);
		if (crypt_key_sign(many[at], digest, arena, &signature, NULL) != 0 ||
		    crypt_key_public(many[at], arena, &data, NULL) != 0) {
			wrong_signatures++;
			continue;
		}
		public = crypt_public_parse(CRYPT_ED25519, data, NULL);
		if (public == NULL || !crypt_public_verify(public, digest, signature))
			wrong_signatures++;
		crypt_public_free(public);
	}
	arena_free(arena);
	return NULL;
}

static void test_many(void)
{
	static unsigned steps[SIGNERS] = {1, 7};
	pthread_t threads[SIGNERS];
	unsigned missing = 0;

	make_many();
	for (unsigned i = 0; i < MANY; i++)
		missing += many[i] == NULL;
	is_int(missing, 0, "%u keys", MANY);
	if (missing > 0)
		return;
	for (unsigned i = 0; i < SIGNERS; i++)
		ok(thread_start(&threads[i], sign_many, &steps[i]) == 0, "a thread signs");
	for (unsigned i = 0; i < SIGNERS; i++)
		pthread_join(threads[i], NULL);
	is_int(wrong_signatures, 0, "each key signs for itself, whichever are open");
	for (unsigned i = 0; i < MANY; i++)
		crypt_key_free(many[i]);
}

/* How much of what was put at PLACE is there. Through a file, since the place has been freed. */
static unsigned count_left(uintptr_t place, unsigned size)
{
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned char bytes[FREED] = {0};
	unsigned count = 0;

	if (memory < 0 || pread(memory, bytes, size, (off_t)place) != (ssize_t)size)
		size = 0;
	close(memory);
	for (unsigned i = 0; i < size; i++)
		count += bytes[i] == MARK;
	return count;
}

static void *take_marked(void)
{
	return memset(OPENSSL_malloc(FREED), MARK, FREED);
}

/* The allocator writes at the beginning of what is freed; that may be the mark, here and there. */
static void test_wipe(void)
{
	unsigned char *moved;
	void *freed = take_marked();
	uintptr_t place = (uintptr_t)freed;

	OPENSSL_free(freed);
	ok(count_left(place, FREED) >= FREED / 2, "what OpenSSL frees stays as it is");
	ok(wipe_begin(), "it can be overwritten");
	freed = take_marked();
	place = (uintptr_t)freed;
	OPENSSL_free(freed);
	ok(count_left(place, FREED) < FREED / 2, "and is, from then on");
	freed = take_marked();
	place = (uintptr_t)freed;
	moved = OPENSSL_realloc(freed, 64 * FREED);
	ok(moved[0] == MARK && moved[FREED - 1] == MARK, "what is moved is the same");
	ok((uintptr_t)moved != place && count_left(place, FREED) < FREED / 2,
	   "and what was moved is not left there");
	moved = OPENSSL_realloc(moved, FREED);
	ok(moved[0] == MARK && moved[FREED - 1] == MARK, "so it is if it becomes smaller");
	OPENSSL_free(moved);
	OPENSSL_free(NULL);
}

int main(void)
{
	struct arena *arena = arena_new(0);

	wipe_prepare();

	test_hash(arena);
	test_rfc8463(arena);
	test_keys(arena, CRYPT_RSA, 1024);
	test_keys(arena, CRYPT_RSA, 2048);
	test_keys(arena, CRYPT_ED25519, 256);
	test_bad_private(arena);
	test_public_forms(arena);
	test_der(arena);
	test_tlsa(arena);
	test_many();
	test_wipe(); /* which is on from there */
	arena_free(arena);
	return tap_done();
}
