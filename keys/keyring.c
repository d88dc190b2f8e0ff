/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory walk fills one array of keys, which is then sorted by domain and selector; a second
 * array has one entry for each domain, for a binary search. Everything lives in one arena, keys are
 * wiped by its clean-ups, and nothing changes after loading: threads share it without a lock.
 *
 * Each RSA key's numbers are checked when it is read (lib/crypto/key.c), at a fiftieth of what a
 * signature costs; only one signature is made for each kind of key, to see that this machine's
 * OpenSSL will make them at all. What is needed of one key only until it is read is in an arena of
 * its own: with 100,000 keys it would be half a gigabyte.
 */
#include "keys/keyring.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/keyfile.h"
#include "keys/ring.h"
#include "lib/codec/base64.h"
#include "lib/crypto/hash.h"
#include "lib/heap.h"
#include "mail/domain.h"

enum { RSA_MIN_BITS = 1024, KINDS_MAX = 16 };

/* ---- one key ---- */

static void free_crypt(void *crypt)
{
	crypt_key_free(crypt);
}

/* RFC 6376 section 3.6.1, RFC 8463 section 4.2 */
static const char *write_record(const struct crypt_key *crypt, struct arena *scratch)
{
	struct span data;
	struct buf text;

	if (crypt_key_public(crypt, scratch, &data, NULL) == -1)
		return NULL;
	buf_init(&text, scratch, 0);
	buf_printf(&text,
		   "v=DKIM1; k=%s; p=", crypt_key_type(crypt) == CRYPT_RSA ? "rsa" : "ed25519");
	base64_encode(&text, (const uint8_t *)data.p, span_len(data));
	return buf_text(&text);
}

/* Made of its name and its public half, so that it is the same in every process that has the key,
 * and another one when the key is another. */
static uint64_t number_key(const struct signing_key *key, struct arena *scratch)
{
	const char *text = arena_printf(scratch, "%s %s", signing_key_name(key, scratch),
					key->record == NULL ? "" : key->record);
	uint8_t digest[CRYPT_DIGEST_LEN];
	uint64_t number;

	crypt_sha256(text, strlen(text), digest);
	memcpy(&number, digest, sizeof number);
	return number;
}

/* For keys whose private half is sealed, in a process without a key process. */
static void refuse_tasks(void *arg, struct key_task *tasks, unsigned count, struct arena *arena)
{
	(void)arg;
	(void)arena;
	for (unsigned i = 0; i < count; i++) {
		tasks[i].failure = "only the daemon can sign with a key of the shared store";
		tasks[i].lasting = true;
	}
}

static const struct key_signer refusing = {.sign = refuse_tasks};

static struct seen *new_seen(struct arena *arena)
{
	struct seen *seen = arena_make(arena, struct seen);

	atomic_init(&seen->published, -1);
	return seen;
}

struct signing_key *signing_key_public(struct arena *arena, const struct key_public *parts)
{
	struct signing_key *key = arena_make(arena, struct signing_key);
	struct arena *scratch = arena_new(0);

	key->domain = arena_string(arena, parts->domain);
	key->selector = arena_string(arena, parts->selector);
	key->record = arena_string(arena, parts->record);
	key->type = parts->type;
	key->bits = parts->bits;
	key->status = parts->status;
	key->created = parts->created;
	key->number = number_key(key, scratch);
	key->signer = &refusing;
	key->seen = new_seen(arena);
	atomic_init(&key->seen->awake, parts->seen);
	key->sealed = span_make(arena_copy(arena, parts->sealed.p, span_len(parts->sealed)),
				span_len(parts->sealed));
	arena_free(scratch);
	return key;
}

static struct signing_key *make_key(struct arena *arena, struct arena *scratch, const char *domain,
				    const char *selector, struct span pem, struct why *why)
{
	struct crypt_key *crypt = crypt_key_parse(pem, why);
	struct signing_key *key;

	if (crypt == NULL)
		return NULL;
	if (crypt_key_bits(crypt) < RSA_MIN_BITS && crypt_key_type(crypt) == CRYPT_RSA) {
		why_set(why,
			"an RSA key of %u bits, which verifiers refuse (RFC 8301 section 3.2: at "
			"least %d); "
			"make a new one: countersign key gen %s",
			crypt_key_bits(crypt), RSA_MIN_BITS, domain);
		crypt_key_free(crypt);
		return NULL;
	}
	key = arena_make(arena, struct signing_key);
	key->domain = arena_string(arena, domain);
	key->selector = arena_string(arena, selector);
	key->type = crypt_key_type(crypt);
	key->bits = crypt_key_bits(crypt);
	key->crypt = crypt;
	key->record = arena_string(arena, write_record(crypt, scratch));
	key->number = number_key(key, scratch);
	key->status.state = KEYSTATE_ACTIVE;
	key->seen = new_seen(arena);
	arena_on_free(arena, free_crypt, crypt);
	return key;
}

const struct signing_key *signing_key_make(struct arena *arena, const char *domain,
					   const char *selector, struct span pem, struct why *why)
{
	struct arena *scratch;
	struct signing_key *key;

	if (keyring_check_names(domain, selector, why) == -1)
		return NULL;
	scratch = arena_new(0);
	key = make_key(arena, scratch, domain, selector, pem, why);
	arena_free(scratch);
	return key;
}

const char *signing_key_domain(const struct signing_key *key)
{
	return key->domain;
}

const char *signing_key_selector(const struct signing_key *key)
{
	return key->selector;
}

enum crypt_type signing_key_type(const struct signing_key *key)
{
	return key->type;
}

unsigned signing_key_bits(const struct signing_key *key)
{
	return key->bits;
}

struct keystatus signing_key_status(const struct signing_key *key)
{
	return key->status;
}

const char *signing_key_name(const struct signing_key *key, struct arena *arena)
{
	return arena_printf(arena, "%s._domainkey.%s", key->selector, key->domain);
}

bool signing_key_signs(const struct signing_key *key)
{
	return key->status.state == KEYSTATE_ACTIVE ||
	       (key->status.state == KEYSTATE_PENDING && atomic_load(&key->seen->awake));
}

void signing_key_wake(const struct signing_key *key)
{
	atomic_store(&key->seen->awake, true);
}

int signing_key_published(const struct signing_key *key)
{
	return atomic_load(&key->seen->published);
}

void signing_key_set_published(const struct signing_key *key, int published)
{
	atomic_store(&key->seen->published, published);
}

const char *signing_key_record(const struct signing_key *key)
{
	return key->record;
}

uint64_t signing_key_number(const struct signing_key *key)
{
	return key->number;
}

struct span signing_key_sealed(const struct signing_key *key)
{
	return key->sealed;
}

int64_t signing_key_created(const struct signing_key *key)
{
	return key->created;
}

int signing_key_sign(const struct signing_key *key, const uint8_t digest[32], struct arena *arena,
		     struct span *signature, struct why *why)
{
	assert(key->crypt != NULL);
	return crypt_key_sign(key->crypt, digest, arena, signature, why);
}

int signing_key_pem(const struct signing_key *key, struct buf *pem, struct why *why)
{
	assert(key->crypt != NULL);
	return crypt_key_pem(key->crypt, pem, why);
}

/* ---- names ---- */

/*
 * RFC 6376 section 3.1: selector = sub-domain *( "." sub-domain )
 * Both are read as DNS names are; the whole name must fit.
 */
int keyring_check_names(const char *domain, const char *selector, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *ascii = domain_to_ascii(arena, span_of(domain));
	const char *label = domain_to_ascii(arena, span_of(selector));
	int result = 0;

	if (ascii == NULL)
		result = why_set(why, "\"%s\" is not a domain name", domain);
	else if (strcmp(ascii, domain) != 0)
		result = why_set(why, "the domain \"%s\" must be written \"%s\"", domain, ascii);
	else if (label == NULL || !span_ieq(span_of(selector), label))
		result =
		    why_set(why, "\"%s\" is not a selector (letters, digits, \"-\", \"_\", \".\")",
			    selector);
	else if (strlen(domain) + strlen(selector) + strlen("._domainkey.") > 253)
		result = why_set(why, "%s._domainkey.%s is too long for the DNS", selector, domain);
	arena_free(arena);
	return result;
}

/* ---- loading ---- */

struct loader {
	struct arena *arena;
	struct arena *scratch; /* of one key */
	struct why *why;
	struct keyfile_trust trust;
	const char *domain; /* of the directory being read */
	struct ring_parts parts;
	struct {
		enum crypt_type type;
		unsigned bits;
	} kinds[KINDS_MAX];
	unsigned kind_count;
	char text[KEYFILE_MAX];
};

/* LIST with room for one more item of SIZE bytes. */
static void *grow_list(void *list, unsigned count, unsigned *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room == 0 ? 16 : *room * 2;
	list = heap_resize(list, *room, size);
	return list;
}

void ring_add_key(struct ring_parts *parts, const struct signing_key *key)
{
	parts->keys = grow_list(parts->keys, parts->count, &parts->key_room, sizeof *parts->keys);
	parts->keys[parts->count++] = key;
}

void ring_add_fault(struct ring_parts *parts, struct keyring_fault fault)
{
	parts->faults =
	    grow_list(parts->faults, parts->fault_count, &parts->fault_room, sizeof *parts->faults);
	parts->faults[parts->fault_count++] = fault;
}

void ring_free_parts(struct ring_parts *parts)
{
	free(parts->keys);
	free(parts->faults);
}

struct keyring_making {
	struct arena *arena;
	struct ring_parts parts;
};

struct keyring_making *keyring_begin(void)
{
	struct keyring_making *making = heap_zero(sizeof *making);

	making->arena = arena_new(0);
	return making;
}

struct arena *keyring_making_arena(struct keyring_making *making)
{
	return making->arena;
}

void keyring_add(struct keyring_making *making, const struct signing_key *key)
{
	ring_add_key(&making->parts, key);
}

void keyring_add_fault(struct keyring_making *making, const char *domain, const char *selector,
		       const char *text)
{
	ring_add_fault(&making->parts, (struct keyring_fault){
					   .domain = arena_string(making->arena, domain),
					   .selector = arena_string(making->arena, selector),
					   .text = arena_string(making->arena, text),
				       });
}

struct keyring *keyring_finish(struct keyring_making *making)
{
	struct keyring *keyring = ring_new(making->arena, &making->parts);

	free(making);
	return keyring;
}

/* The reason in loader->why is SELECTOR's of the current domain, or (NULL) the whole directory's.
 */
static void add_fault(struct loader *loader, const char *selector)
{
	ring_add_fault(&loader->parts, (struct keyring_fault){
					   .domain = loader->domain,
					   .selector = selector,
					   .text = arena_string(loader->arena, loader->why->text),
				       });
}

/* One signature for the first key of each type and size. */
static int try_kind(struct loader *loader, const struct signing_key *key)
{
	static const uint8_t digest[CRYPT_DIGEST_LEN];
	enum crypt_type type = signing_key_type(key);
	unsigned bits = signing_key_bits(key);
	struct arena *arena;
	struct span signature;
	int result;

	for (unsigned i = 0; i < loader->kind_count; i++) {
		if (loader->kinds[i].type == type && loader->kinds[i].bits == bits)
			return 0;
	}
	if (loader->kind_count < KINDS_MAX) {
		loader->kinds[loader->kind_count].type = type;
		loader->kinds[loader->kind_count++].bits = bits;
	}
	arena = arena_new(0);
	result = signing_key_sign(key, digest, arena, &signature, loader->why);
	arena_free(arena);
	return result;
}

static bool ends_in_key(struct span name)
{
	return span_len(name) > 4 && span_eq(span_make(name.end - 4, 4), ".key");
}

static int load_status(struct loader *loader, int directory, const char *path,
		       struct signing_key *key)
{
	const char *name = arena_printf(loader->scratch, "%s.state", key->selector);
	const char *whole = arena_printf(loader->scratch, "%s/%s", path, name);
	struct span text;

	if (keyfile_read_note(directory, name, whole, &loader->trust, loader->text, &text,
			      loader->why) == -1)
		return -1;
	if (span_empty(text) || keystate_parse(text, &key->status, loader->why) == 0)
		return 0;
	return why_prefix(loader->why, "%s: ", whole);
}

static int load_file(struct loader *loader, int directory, const char *path, const char *name)
{
	const char *whole, *selector;
	struct signing_key *key;
	struct stat status;
	struct span text;

	arena_reset(loader->scratch);
	whole = arena_printf(loader->scratch, "%s/%s", path, name);
	selector = arena_copy(loader->scratch, name, strlen(name) - strlen(".key"));

	if (keyring_check_names(loader->domain, selector, loader->why) == -1)
		return why_prefix(loader->why, "%s: ", whole);
	if (keyfile_read(directory, name, whole, &loader->trust, loader->text, &text,
			 loader->why) == -1)
		return -1;
	key = make_key(loader->arena, loader->scratch, loader->domain, selector, text, loader->why);
	if (key == NULL || try_kind(loader, key) == -1)
		return why_prefix(loader->why, "%s: ", whole);
	key->path = arena_string(loader->arena, whole);
	key->created = fstatat(directory, name, &status, 0) == 0 && status.st_mtime > 0
			   ? (int64_t)status.st_mtime
			   : 0;
	if (load_status(loader, directory, path, key) == -1)
		return -1;
	ring_add_key(&loader->parts, key);
	return 0;
}

/* Calls EACH for every name in the directory that does not begin with a dot; closes FD. */
static int each_name(struct loader *loader, int fd, const char *path,
		     int (*each)(struct loader *, int, const char *, const char *))
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (dir == NULL) {
		close(fd);
		return why_set(loader->why, "%s: %s", path, strerror(errno));
	}
	while (result == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			result = each(loader, dirfd(dir), path, entry->d_name);
	}
	if (result == 0 && errno != 0)
		result = why_set(loader->why, "%s: %s", path, strerror(errno));
	closedir(dir);
	return result;
}

static int load_if_key(struct loader *loader, int directory, const char *path, const char *name)
{
	if (ends_in_key(span_of(name)) && load_file(loader, directory, path, name) == -1)
		add_fault(loader, arena_copy(loader->arena, name, strlen(name) - strlen(".key")));
	return 0;
}

/* The directory of the current domain; -1 with a reason when all of it cannot be used. */
static int load_directory(struct loader *loader, int top, const char *path)
{
	int fd = keyfile_open_directory(top, loader->domain, path, &loader->trust, loader->why);

	if (fd == -1)
		return -1;
	if (keyring_check_names(loader->domain, "s", loader->why) == -1) {
		close(fd);
		errno = EINVAL;
		return why_prefix(loader->why, "%s: ", path);
	}
	return each_name(loader, fd, path, load_if_key);
}

/* Something in the top directory: the directory of a domain, or a key in the wrong place. */
static int load_domain(struct loader *loader, int top, const char *path, const char *name)
{
	const char *whole = arena_printf(loader->arena, "%s/%s", path, name);

	if (strcmp(name, "lost+found") == 0)
		return 0;
	loader->domain = arena_string(loader->arena, name);
	if (load_directory(loader, top, whole) == 0)
		return 0;
	if (errno == ENOTDIR && !ends_in_key(span_of(name)))
		return 0;
	if (errno == ENOTDIR) {
		why_set(loader->why, "%s: a key belongs in %s/DOMAIN/SELECTOR.key", whole, path);
		loader->domain = NULL;
	}
	add_fault(loader, NULL);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct signing_key *x = *(const struct signing_key *const *)a;
	const struct signing_key *y = *(const struct signing_key *const *)b;
	int order = strcmp(x->domain, y->domain);

	return order != 0 ? order : strcmp(x->selector, y->selector);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct keyring_fault *)a)->text,
		      ((const struct keyring_fault *)b)->text);
}

static void index_holders(struct keyring *keyring)
{
	struct holder *holder = NULL;

	keyring->holders = arena_array(keyring->arena, keyring->count, sizeof *keyring->holders);
	for (unsigned i = 0; i < keyring->count; i++) {
		const char *domain = keyring->keys[i]->domain;

		if (holder == NULL || strcmp(holder->domain, domain) != 0) {
			holder = &keyring->holders[keyring->holder_count++];
			holder->domain = domain;
			holder->first = i;
		}
		holder->count++;
	}
}

struct keyring *ring_new(struct arena *arena, struct ring_parts *parts)
{
	struct keyring *keyring = heap_zero(sizeof *keyring);

	if (parts->count > 0)
		qsort(parts->keys, parts->count, sizeof *parts->keys, by_name);
	if (parts->fault_count > 0)
		qsort(parts->faults, parts->fault_count, sizeof *parts->faults, by_text);
	keyring->arena = arena;
	keyring->keys = parts->keys;
	keyring->count = parts->count;
	keyring->faults = parts->faults;
	keyring->fault_count = parts->fault_count;
	index_holders(keyring);
	return keyring;
}

/* Without slashes at the end, so that reasons show clean paths. */
static const char *clean_path(struct arena *arena, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return arena_copy(arena, path, len);
}

static struct loader *loader_new(struct arena *arena, struct why *why)
{
	struct loader *loader = heap_zero(sizeof *loader);

	loader->arena = arena;
	loader->scratch = arena_new(0);
	loader->why = why;
	return loader;
}

static void loader_free(struct loader *loader)
{
	arena_free(loader->scratch);
	crypt_wipe(loader, sizeof *loader);
	free(loader);
}

/* The top directory, opened; -1 with a reason, and errno ENOENT when it does not exist. */
static int open_top(struct loader *loader, const char *path, enum keyring_access access)
{
	loader->trust.readable = access == KEYRING_READABLE;
	return keyfile_open_top(path, &loader->trust, loader->why);
}

struct keyring *keyring_load(const char *path, enum keyring_access access, struct why *why)
{
	struct why unseen;
	struct loader *loader = loader_new(arena_new(0), why == NULL ? &unseen : why);
	struct keyring *keyring = NULL;
	int top;

	path = clean_path(loader->arena, path);
	top = open_top(loader, path, access);
	if (top == -1 ? errno == ENOENT : each_name(loader, top, path, load_domain) == 0) {
		keyring = ring_new(loader->arena, &loader->parts);
	} else {
		arena_free(loader->arena);
		ring_free_parts(&loader->parts);
	}
	loader_free(loader);
	return keyring;
}

int keyring_check(const char *path, const char *domain, enum keyring_access access, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct loader *loader = loader_new(arena, why);
	const char *clean = clean_path(arena, path);
	int top = open_top(loader, clean, access), result = top == -1 ? -1 : 0;

	if (domain != NULL && top != -1) {
		const char *whole = arena_printf(arena, "%s/%s", clean, domain);

		loader->domain = domain;
		if (load_directory(loader, top, whole) == -1)
			result = errno == ENOENT || errno == ENOTDIR ? 0 : 1;
		else
			result = loader->parts.count + loader->parts.fault_count > 0 ? 1 : 0;
	}
	if (top != -1)
		close(top);
	ring_free_parts(&loader->parts);
	loader_free(loader);
	arena_free(arena);
	return result;
}

const struct signing_key *keyring_load_one(const char *path, const char *domain,
					   const char *selector, enum keyring_access access,
					   struct arena *arena, struct why *why)
{
	struct loader *loader = loader_new(arena, why);
	const char *whole = arena_printf(arena, "%s/%s", clean_path(arena, path), domain);
	const struct signing_key *key = NULL;
	int top = open_top(loader, path, access), directory = -1;

	loader->domain = domain;
	if (top != -1)
		directory = keyfile_open_directory(top, domain, whole, &loader->trust, why);
	if (directory != -1 &&
	    load_file(loader, directory, whole, arena_printf(arena, "%s.key", selector)) == 0)
		key = loader->parts.keys[0];
	if (top != -1)
		close(top);
	if (directory != -1)
		close(directory);
	ring_free_parts(&loader->parts);
	loader_free(loader);
	return key;
}

void keyring_free(struct keyring *keyring)
{
	if (keyring == NULL)
		return;
	if (keyring->signer.release != NULL)
		keyring->signer.release(keyring->signer.arg);
	if (keyring->source.release != NULL)
		keyring->source.release(keyring->source.arg);
	arena_free(keyring->arena);
	free(keyring->keys);
	free(keyring->faults);
	free(keyring);
}

/* ---- using it ---- */

unsigned keyring_count(const struct keyring *keyring)
{
	return keyring->count;
}

unsigned keyring_faults(const struct keyring *keyring, const struct keyring_fault **faults)
{
	*faults = keyring->faults;
	return keyring->fault_count;
}

bool keyring_is_empty(const struct keyring *keyring)
{
	return keyring->count == 0 && keyring->fault_count == 0 && keyring->source.find == NULL;
}

int keyring_ready(const struct keyring *keyring, struct why *why)
{
	return keyring->source.ready == NULL ? 0 : keyring->source.ready(keyring->source.arg, why);
}

void keyring_set_source(struct keyring *keyring, const struct key_source *source)
{
	assert(keyring->source.find == NULL && source->find != NULL);
	keyring->source = *source;
}

const struct key_source *keyring_source(const struct keyring *keyring)
{
	return keyring->source.find == NULL ? NULL : &keyring->source;
}

/* ---- the keys of a domain ---- */

static int is_holder(const void *domain, const void *holder)
{
	return strcmp(domain, ((const struct holder *)holder)->domain);
}

static const struct holder *find_holder(const struct keyring *keyring, const char *domain)
{
	return bsearch(domain, keyring->holders, keyring->holder_count, sizeof *keyring->holders,
		       is_holder);
}

/* Of any state. -1 with a reason: the source cannot tell. */
static int find_all(const struct keyring *keyring, const char *domain, struct arena *arena,
		    const struct signing_key *const **keys, struct why *why)
{
	const struct holder *holder = find_holder(keyring, domain);
	struct signing_key *const *found;
	int count;

	if (holder != NULL) {
		*keys = keyring->keys + holder->first;
		return (int)holder->count;
	}
	if (keyring->source.find == NULL)
		return 0;
	count = keyring->source.find(keyring->source.arg, domain, arena, &found, why);
	for (int i = 0; i < count && keyring->signer.sign != NULL; i++)
		found[i]->signer = &keyring->signer;
	*keys = (const struct signing_key *const *)found;
	return count;
}

static const struct keyring_fault *find_held_fault(const struct keyring *keyring,
						   const char *domain)
{
	for (unsigned i = 0; i < keyring->fault_count; i++) {
		const char *faulty = keyring->faults[i].domain;

		if (faulty != NULL && span_ieq(span_of(faulty), domain))
			return &keyring->faults[i];
	}
	return NULL;
}

/* What the source cannot tell is a fault, too, which will be over. */
static const struct keyring_fault *find_own_fault(const struct keyring *keyring, const char *domain,
						  struct arena *arena)
{
	const struct keyring_fault *fault = find_held_fault(keyring, domain);
	const struct signing_key *const *keys;
	struct keyring_fault *later;
	struct why why;

	if (fault != NULL || find_all(keyring, domain, arena, &keys, &why) != -1)
		return fault;
	later = arena_make(arena, struct keyring_fault);
	*later = (struct keyring_fault){
	    .domain = domain, .text = arena_string(arena, why.text), .later = true};
	return later;
}

const struct keyring_fault *keyring_find_fault(const struct keyring *keyring, const char *domain,
					       bool subdomains, struct arena *arena)
{
	const struct keyring_fault *fault = NULL;

	for (; domain != NULL && fault == NULL; domain = subdomains ? domain_parent(domain) : NULL)
		fault = find_own_fault(keyring, domain, arena);
	return fault;
}

bool keyring_knows(const struct keyring *keyring, const char *domain)
{
	struct arena *arena = arena_new(0);
	const struct signing_key *const *keys;
	bool knows = find_all(keyring, domain, arena, &keys, NULL) != 0 ||
		     find_held_fault(keyring, domain) != NULL;

	arena_free(arena);
	return knows;
}

/* The keys of DOMAIN that sign. -1: the source cannot tell. */
static int find_signing(const struct keyring *keyring, const char *domain, struct arena *arena,
			const struct signing_key *const **keys)
{
	const struct signing_key *const *all;
	const struct signing_key **found;
	int count = find_all(keyring, domain, arena, &all, NULL), signing = 0;

	if (count <= 0)
		return count;
	found = arena_array(arena, (size_t)count, sizeof *found);
	for (int i = 0; i < count; i++) {
		if (signing_key_signs(all[i]))
			found[signing++] = all[i];
	}
	*keys = found;
	return signing;
}

unsigned keyring_find(const struct keyring *keyring, const char *domain, bool subdomains,
		      struct arena *arena, const struct signing_key *const **keys)
{
	int count = 0;

	for (; domain != NULL && count == 0; domain = subdomains ? domain_parent(domain) : NULL)
		count = find_signing(keyring, domain, arena, keys);
	if (count > 0)
		return (unsigned)count;
	*keys = NULL;
	return 0;
}

const struct signing_key *keyring_pick(const struct keyring *keyring, const char *domain,
				       struct arena *arena)
{
	const struct signing_key *const *keys;
	const struct signing_key *picked = NULL;
	int count = find_signing(keyring, domain, arena, &keys);

	for (int i = 0; i < count; i++) {
		const struct signing_key *key = keys[i];

		if (picked == NULL ||
		    (signing_key_type(picked) != CRYPT_RSA && signing_key_type(key) == CRYPT_RSA))
			picked = key;
	}
	return picked;
}

const struct signing_key *keyring_find_idle(const struct keyring *keyring, const char *domain,
					    bool subdomains, struct arena *arena)
{
	for (; domain != NULL; domain = subdomains ? domain_parent(domain) : NULL) {
		const struct signing_key *const *keys;
		int count = find_all(keyring, domain, arena, &keys, NULL);

		for (int i = 0; i < count; i++) {
			if (!signing_key_signs(keys[i]))
				return keys[i];
		}
	}
	return NULL;
}

void keyring_carry(struct keyring *keyring, const struct keyring *old)
{
	for (unsigned i = 0; keyring != NULL && old != NULL && i < keyring->count; i++) {
		const struct signing_key *key = keyring->keys[i];
		const struct holder *holder;

		if (key->status.state != KEYSTATE_PENDING)
			continue;
		holder = find_holder(old, key->domain);
		for (unsigned k = 0; holder != NULL && k < holder->count; k++) {
			const struct signing_key *before = old->keys[holder->first + k];

			if (atomic_load(&before->seen->awake) && before->number == key->number)
				signing_key_wake(key);
		}
	}
}

void keyring_each(const struct keyring *keyring, keyring_visit *visit, void *arg)
{
	for (unsigned i = 0; i < keyring->count; i++)
		visit(arg, keyring->keys[i], keyring->keys[i]->path);
}

/* ---- a new key, a new state ---- */

static int put_status(struct arena *arena, const char *directory, const char *selector,
		      struct keystatus status, struct why *why)
{
	return keyfile_replace(directory, arena_printf(arena, "%s.state", selector),
			       span_of(keystate_print(status, arena)), why);
}

/* The state comes first, so that a daemon which reloads in between sees no key rather than an
 * active one; but never for a key that is there already. */
int keyring_import(const char *path, const char *domain, const char *selector, struct span pem,
		   struct keystatus status, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *directory = arena_printf(arena, "%s/%s", clean_path(arena, path), domain);
	const char *name = arena_printf(arena, "%s.key", selector);
	int result = -1;

	if (access(arena_printf(arena, "%s/%s", directory, name), F_OK) == 0)
		why_set(why, "%s/%s exists; a key is never overwritten", directory, name);
	else if (put_status(arena, directory, selector, status, why) == 0)
		result = keyfile_create(directory, name, pem, why);
	arena_free(arena);
	return result;
}

int keyring_make_pem(unsigned bits, struct buf *pem, struct why *why)
{
	struct crypt_key *key =
	    crypt_key_generate(bits == 0 ? CRYPT_ED25519 : CRYPT_RSA, bits, why);
	int result = key == NULL ? -1 : crypt_key_pem(key, pem, why);

	crypt_key_free(key);
	return result;
}

int keyring_generate(const char *path, const char *domain, const char *selector, unsigned bits,
		     struct keystatus status, struct why *why)
{
	struct buf pem;
	int result;

	if (keyring_check_names(domain, selector, why) == -1)
		return -1;
	buf_init(&pem, NULL, 0);
	result = keyring_make_pem(bits, &pem, why);
	if (result == 0)
		result = keyring_import(path, domain, selector, buf_view(&pem), status, why);
	if (pem.data != NULL)
		crypt_wipe(pem.data, pem.len);
	buf_free(&pem);
	return result;
}

int keyring_check_pem(const char *domain, const char *selector, struct span pem, struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct signing_key *key = signing_key_make(arena, domain, selector, pem, why);
	int result = key == NULL ? -1 : crypt_key_check(key->crypt, why);

	arena_free(arena);
	return result;
}

int keyring_set_status(const char *path, const char *domain, const char *selector,
		       enum keyring_access access, struct keystatus status, struct why *why)
{
	struct arena *arena = arena_new(0);
	int result = -1;

	if (keyring_load_one(path, domain, selector, access, arena, why) != NULL)
		result =
		    put_status(arena, arena_printf(arena, "%s/%s", clean_path(arena, path), domain),
			       selector, status, why);
	arena_free(arena);
	return result;
}
