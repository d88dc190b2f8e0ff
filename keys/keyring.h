/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own signing keys: read once from KEYS/DOMAIN/SELECTOR.key, with their states (keystate.h),
 * decoded, and kept; or their public halves alone, as the key process tells them
 * (keys/publickeys.h). Immutable once loaded (but see signing_key_wake) and shared by all threads;
 * a reload makes a new one.
 */
#ifndef KEYS_KEYRING_H
#define KEYS_KEYRING_H

#include "keys/keystate.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto/type.h"
#include "lib/why.h"

struct signing_key; /* an RSA or Ed25519 private key */

/* A key from the text of a PEM file, outside of any keyring; wiped with ARENA. NULL with a reason
 * as for keyring_load. */
const struct signing_key *signing_key_make(struct arena *arena, const char *domain,
					   const char *selector, struct span pem, struct why *why);

const char *signing_key_domain(const struct signing_key *key);
const char *signing_key_selector(const struct signing_key *key);
enum crypt_type signing_key_type(const struct signing_key *key);
unsigned signing_key_bits(const struct signing_key *key);

struct keystatus signing_key_status(const struct signing_key *key); /* as its file says */

/* SELECTOR._domainkey.DOMAIN */
const char *signing_key_name(const struct signing_key *key, struct arena *arena);

/* Active keys sign, and pending ones of a keyring from signing_key_wake() on: our own lookup has
 * seen the record. Any thread may call it. */
bool signing_key_signs(const struct signing_key *key);
void signing_key_wake(const struct signing_key *key);

/* What the DNS was last seen to show: 1 its record, 0 none or another, -1 not known. Any thread. */
int signing_key_published(const struct signing_key *key);
void signing_key_set_published(const struct signing_key *key, int published);

/* The TXT record to publish for it: "v=DKIM1; k=rsa; p=...". NULL: OpenSSL cannot write it. */
const char *signing_key_record(const struct signing_key *key);

/* The same in every process that has this key, and of this key alone. */
uint64_t signing_key_number(const struct signing_key *key);

int64_t signing_key_created(const struct signing_key *key); /* its file; 0: not known */

/* In a process that has the private half (others: keys/sign.h). Signs a SHA-256 digest (RFC 6376
 * section 3.3.1: RSASSA-PKCS1-v1_5; RFC 8463: PureEdDSA over the digest). SIGNATURE lives in ARENA.
 */
int signing_key_sign(const struct signing_key *key, const uint8_t digest[32], struct arena *arena,
		     struct span *signature, struct why *why);

/* The text of its PEM file, in a process that has the private half; the caller wipes it. */
int signing_key_pem(const struct signing_key *key, struct buf *pem, struct why *why);

struct keyring;

/* Whether key files that every user of the host can read are accepted (sign.readable_keys). */
enum keyring_access { KEYRING_PRIVATE, KEYRING_READABLE };

/* A key, or the directory of a domain, that cannot be used. */
struct keyring_fault {
	const char *domain; /* as its directory is named; NULL: the file is in no such directory */
	const char *selector; /* NULL: nothing in the directory can be used */
	const char *text;     /* the path, its fault, and the command to type */
	bool later;           /* it may be over soon */
};

/*
 * Loads all keys below PATH. A key that cannot be used is left out and is a fault of the keyring:
 * not readable, readable or writable by others (keys/keyfile.h: the reason has the path, its mode
 * and the command to type), not a private key, RSA under 1024 bits, a state that cannot be read; or
 * a name that is not a domain in lower case or not a selector. Names that begin with a dot and
 * files that do not end in .key are left alone. A PATH that does not exist is an empty keyring;
 * NULL with a reason when PATH itself cannot be used.
 */
struct keyring *keyring_load(const char *path, enum keyring_access access, struct why *why);

/* One key of those, with the same checks; wiped with ARENA. */
const struct signing_key *keyring_load_one(const char *path, const char *domain,
					   const char *selector, enum keyring_access access,
					   struct arena *arena, struct why *why);

/* Could keyring_load use PATH? -1 with a reason when it could not, or PATH does not exist. With
 * DOMAIN (or NULL): 1 when there is a key of that domain, of whatever state, even a faulty one;
 * 0 when there is none. */
int keyring_check(const char *path, const char *domain, enum keyring_access access,
		  struct why *why);

void keyring_free(struct keyring *keyring); /* NULL is OK; frees it and wipes the keys */

unsigned keyring_count(const struct keyring *keyring);

/* It has no keys, not even faulty ones, and no source of keys (keys/source.h). */
bool keyring_is_empty(const struct keyring *keyring);

/* Whether it can be told now which keys there are. -1 with a reason. */
int keyring_ready(const struct keyring *keyring, struct why *why);

/* What was left out, ordered by text: how many; *FAULTS is borrowed. */
unsigned keyring_faults(const struct keyring *keyring, const struct keyring_fault **faults);

/* Whether there is a key of DOMAIN itself, of whatever state, even a faulty one. */
bool keyring_knows(const struct keyring *keyring, const char *domain);

/* A fault of DOMAIN or, with SUBDOMAINS, of the nearest parent that has one; NULL: there is none.
 * Borrowed, or in ARENA. */
const struct keyring_fault *keyring_find_fault(const struct keyring *keyring, const char *domain,
					       bool subdomains, struct arena *arena);

/* The keys that sign for DOMAIN itself or, with SUBDOMAINS, for its nearest parent that has any,
 * ordered by selector. Returns how many; the array *KEYS is in ARENA, the keys are borrowed, or in
 * ARENA. */
unsigned keyring_find(const struct keyring *keyring, const char *domain, bool subdomains,
		      struct arena *arena, const struct signing_key *const **keys);

/* One key of DOMAIN itself that signs, RSA before Ed25519, which many verifiers do not know.
 * NULL: none does. */
const struct signing_key *keyring_pick(const struct keyring *keyring, const char *domain,
				       struct arena *arena);

/* A key of DOMAIN or its parents, as above, which does not sign; NULL: there is none. To say why.
 */
const struct signing_key *keyring_find_idle(const struct keyring *keyring, const char *domain,
					    bool subdomains, struct arena *arena);

/* Before anybody else uses KEYRING: keys that were woken in OLD and are still pending in KEYRING
 * sign there too. OLD may be NULL. */
void keyring_carry(struct keyring *keyring, const struct keyring *old);

/* Every key that it holds, ordered by domain and selector. */
typedef void keyring_visit(void *arg, const struct signing_key *key, const char *path);
void keyring_each(const struct keyring *keyring, keyring_visit *visit, void *arg);

/* Whether these can be a key's domain (A-labels, lower case) and its selector. */
int keyring_check_names(const char *domain, const char *selector, struct why *why);

/* The text of a new key's PEM file, which the caller wipes. BITS 0: ed25519. */
int keyring_make_pem(unsigned bits, struct buf *pem, struct why *why);

/* Whether PEM is a whole private key of a type that is used here. */
int keyring_check_pem(const char *domain, const char *selector, struct span pem, struct why *why);

/* Makes a key file PATH/DOMAIN/SELECTOR.key (directories 0750, file 0640; never over an existing
 * one) and its state. BITS 0: ed25519. */
int keyring_generate(const char *path, const char *domain, const char *selector, unsigned bits,
		     struct keystatus status, struct why *why);

/* Puts the text of a private key there in the same way. The caller has asked keyring_check_pem(),
 * or, for a PEM that was checked before, keyring_check_names(). */
int keyring_import(const char *path, const char *domain, const char *selector, struct span pem,
		   struct keystatus status, struct why *why);

/* Gives an existing key another state. */
int keyring_set_status(const char *path, const char *domain, const char *selector,
		       enum keyring_access access, struct keystatus status, struct why *why);

#endif
