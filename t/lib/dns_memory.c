/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end that answers from memory: a small zone of everything, with the rules of RFC 1034
 * section 4.3.2 and RFC 4592, and the faults that a network has.
 *
 * An answer is made when the question comes. It is given at once, or by a thread when its delay is
 * over; questions that are never answered are kept until the end.
 */
#include "t/lib/dns_memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/backend.h"
#include "dns/wire.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/span.h"

enum { BUCKETS = 256, ALIASES_MAX = 11, ARENA_CAP = 1 << 30, TTL = 300, NEGATIVE_TTL = 60 };

struct record {
	struct record *next;
	enum dns_type type;
	struct rdata rdata;
};

struct node {
	struct node *next; /* in its bucket */
	const char *name;  /* lower case, no final dot, "" for the root */
	struct record *records, **last;
	const char *alias;
};

struct mode {
	struct mode *next;
	const char *name;
	int type;
	enum dns_memory_mode mode;
};

struct signed_name {
	struct signed_name *next;
	const char *name;
};

struct pending {
	struct pending *next;
	struct question *question;
	struct answer *answer;
	int64_t due;
};

struct memory {
	struct backend backend;
	struct lock lock; /* for the rest */
	struct cond changed;
	struct arena *arena; /* of nodes, records and modes */
	struct node *buckets[BUCKETS];
	struct mode *modes; /* the last one set is the first */
	struct signed_name *signed_names;
	uint32_t ttl, negative_ttl;
	int64_t delay;
	struct pending *first, **last; /* in the order in which they are due */
	int64_t last_due;
	struct pending *silent;
	bool has_thread;
	bool stop;
	pthread_t thread;
};

static struct memory *memory_of(struct dns *dns)
{
	return (struct memory *)resolver_backend(dns);
}

/* ---- the zone; the lock is held ---- */

static struct node **bucket_of(struct memory *memory, const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &memory->buckets[hash % BUCKETS];
}

static struct node *find(struct memory *memory, const char *name)
{
	struct node *node = *bucket_of(memory, name);

	while (node != NULL && strcmp(node->name, name) != 0)
		node = node->next;
	return node;
}

static const char *parent(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL ? dot + 1 : name + strlen(name);
}

/* With the node all its parents come to exist. */
static struct node *find_or_add(struct memory *memory, const char *name)
{
	struct node *node = find(memory, name), *wanted = NULL;

	while (node == NULL) {
		struct node **bucket = bucket_of(memory, name);

		node = arena_make(memory->arena, struct node);
		node->name = arena_string(memory->arena, name);
		node->last = &node->records;
		node->next = *bucket;
		*bucket = node;
		if (wanted == NULL)
			wanted = node;
		if (*name == '\0')
			break;
		name = parent(name);
		node = find(memory, name);
	}
	return wanted != NULL ? wanted : node;
}

/* The node that answers for NAME: itself, or the wildcard under its closest encloser. */
static struct node *find_or_wildcard(struct memory *memory, const char *name)
{
	struct node *node = find(memory, name);
	char wildcard[DNS_NAME_MAX + 4];

	if (node != NULL)
		return node;
	do
		name = parent(name);
	while (*name != '\0' && find(memory, name) == NULL);
	wildcard[0] = '*';
	wildcard[1] = '\0';
	if (*name != '\0') {
		wildcard[1] = '.';
		memcpy(wildcard + 2, name, strlen(name) + 1);
	}
	return find(memory, wildcard);
}

static bool is_signed(const struct memory *memory, const char *name)
{
	for (const struct signed_name *zone = memory->signed_names; zone != NULL;
	     zone = zone->next) {
		size_t length = strlen(zone->name), all = strlen(name);

		if (length == 0 || (all >= length && strcmp(name + all - length, zone->name) == 0 &&
				    (all == length || name[all - length - 1] == '.')))
			return true;
	}
	return false;
}

static struct answer *records_answer(struct memory *memory, const struct node *node,
				     enum dns_type type, bool secure)
{
	struct rdata rdata[DNS_RECORDS_MAX + 1];
	size_t count = 0;

	for (const struct record *record = node->records; record != NULL; record = record->next) {
		if (record->type == type && count <= DNS_RECORDS_MAX)
			rdata[count++] = record->rdata;
	}
	if (count == 0)
		return answer_negative(DNS_NODATA, memory->negative_ttl, secure);
	return answer_data(type, rdata, count, memory->ttl, secure);
}

static struct answer *alias_answer(const struct memory *memory, const struct node *node,
				   bool secure)
{
	uint8_t wire[WIRE_NAME_MAX];
	struct rdata rdata = {.data = wire};

	rdata.length = wire_name_make(node->alias, strlen(node->alias), wire);
	return answer_data(DNS_TYPE_CNAME, &rdata, 1, memory->ttl, secure);
}

static struct answer *bogus_answer(void)
{
	struct answer *answer = answer_failure("bogus: no valid signature");

	answer->public.bogus = true;
	return answer;
}

static enum dns_memory_mode mode_of(const struct memory *memory, const char *name, int type)
{
	const struct mode *mode = memory->modes;

	while (mode != NULL &&
	       ((mode->type != 0 && mode->type != type) || strcmp(mode->name, name) != 0))
		mode = mode->next;
	return mode != NULL ? mode->mode : DNS_MEMORY_ANSWER;
}

/* NULL: no answer will come. */
static struct answer *resolve(struct memory *memory, const char *name, enum dns_type type)
{
	bool secure = true;

	for (unsigned aliases = 0; aliases <= ALIASES_MAX; aliases++) {
		const struct node *node = find_or_wildcard(memory, name);

		secure = secure && is_signed(memory, name);
		switch (mode_of(memory, name, (int)type)) {
		case DNS_MEMORY_SERVFAIL:
			return answer_failure("SERVFAIL");
		case DNS_MEMORY_TRUNCATED:
			return answer_failure("truncated");
		case DNS_MEMORY_SILENT:
			return NULL;
		case DNS_MEMORY_BOGUS:
			return bogus_answer();
		case DNS_MEMORY_ANSWER:
			break;
		}
		if (node == NULL)
			return answer_negative(DNS_NXDOMAIN, memory->negative_ttl, secure);
		if (type == DNS_TYPE_CNAME && node->alias != NULL)
			return alias_answer(memory, node, secure);
		if (node->alias == NULL)
			return records_answer(memory, node, type, secure);
		name = node->alias;
	}
	return answer_failure("too many aliases in a chain");
}

/* ---- answering ---- */

static void *answer_when_due(void *arg)
{
	struct memory *memory = arg;

	lock_take(&memory->lock);
	while (!memory->stop) {
		struct pending *pending = memory->first;

		if (pending == NULL) {
			cond_wait(&memory->changed, &memory->lock);
		} else if (clock_mono() < pending->due) {
			cond_wait_until(&memory->changed, &memory->lock, pending->due);
		} else {
			memory->first = pending->next;
			if (memory->first == NULL)
				memory->last = &memory->first;
			lock_drop(&memory->lock);
			resolver_answered(pending->question, pending->answer);
			free(pending);
			lock_take(&memory->lock);
		}
	}
	lock_drop(&memory->lock);
	return NULL;
}

static struct pending *pending_new(struct question *question, struct answer *answer, int64_t due)
{
	struct pending *pending = calloc(1, sizeof *pending);

	if (pending == NULL)
		abort();
	pending->question = question;
	pending->answer = answer;
	pending->due = due;
	return pending;
}

static void keep_silent(struct memory *memory, struct question *question)
{
	struct pending *pending = pending_new(question, NULL, 0);

	pending->next = memory->silent;
	memory->silent = pending;
}

/* An earlier, longer delay may stand in the list behind this one: then its place is searched. */
static void answer_later(struct memory *memory, struct question *question, struct answer *answer)
{
	struct pending *pending = pending_new(question, answer, clock_mono() + memory->delay);
	struct pending **link = memory->last;

	if (memory->last_due > pending->due) {
		for (link = &memory->first; *link != NULL && (*link)->due <= pending->due;)
			link = &(*link)->next;
	}
	pending->next = *link;
	*link = pending;
	if (pending->next == NULL) {
		memory->last = &pending->next;
		memory->last_due = pending->due;
	}
	if (!memory->has_thread && thread_start(&memory->thread, answer_when_due, memory) == -1)
		abort();
	memory->has_thread = true;
	cond_wake_one(&memory->changed);
}

static void start(struct backend *backend, struct question *question)
{
	struct memory *memory = (struct memory *)backend;
	const struct key *key = resolver_question(question);
	struct answer *answer;
	bool now = false;

	lock_take(&memory->lock);
	answer = resolve(memory, key->name, key->type);
	if (answer == NULL)
		keep_silent(memory, question);
	else if (memory->delay > 0)
		answer_later(memory, question, answer);
	else
		now = true;
	lock_drop(&memory->lock);
	if (now)
		resolver_answered(question, answer);
}

static void close_all(struct pending *pending)
{
	struct pending *next;

	for (; pending != NULL; pending = next) {
		next = pending->next;
		answer_drop(pending->answer);
		resolver_answered(pending->question, answer_failure("the resolver was closed"));
		free(pending);
	}
}

static void memory_free(struct backend *backend)
{
	struct memory *memory = (struct memory *)backend;

	lock_take(&memory->lock);
	memory->stop = true;
	cond_wake_all(&memory->changed);
	lock_drop(&memory->lock);
	if (memory->has_thread)
		pthread_join(memory->thread, NULL);
	close_all(memory->first);
	close_all(memory->silent);
	arena_free(memory->arena);
	cond_done(&memory->changed);
	lock_done(&memory->lock);
	free(memory);
}

/* ---- what tests call ---- */

struct dns *dns_new_memory(const struct dns_settings *settings)
{
	static const struct backend_calls calls = {start, memory_free};
	struct memory *memory = calloc(1, sizeof *memory);

	if (memory == NULL)
		abort();
	memory->backend.calls = &calls;
	memory->backend.servers = "memory";
	lock_init(&memory->lock);
	cond_init(&memory->changed);
	memory->arena = arena_new(ARENA_CAP);
	memory->last = &memory->first;
	memory->ttl = TTL;
	memory->negative_ttl = NEGATIVE_TTL;
	find_or_add(memory, "");
	return resolver_new(settings, &memory->backend);
}

/* The name as the zone has it, or a reason. */
static int own_name(const char *name, char own[DNS_NAME_MAX + 1], struct why *why)
{
	size_t length = strnlen(name, DNS_NAME_MAX + 2);
	uint8_t wire[WIRE_NAME_MAX];

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (wire_name_make(name, length, wire) == 0)
		return why_set(why, "%s: not a domain name", name);
	for (size_t i = 0; i < length; i++)
		own[i] = (char)char_lower((unsigned char)name[i]);
	own[length] = '\0';
	return 0;
}

static uint8_t *make_txt(struct arena *arena, const char *data, size_t length, size_t *size)
{
	uint8_t *out = arena_alloc(arena, length + length / 255 + 1), *end = out;

	do {
		size_t string = length > 255 ? 255 : length;

		*end++ = (uint8_t)string;
		memcpy(end, data, string);
		end += string;
		data += string;
		length -= string;
	} while (length > 0);
	*size = (size_t)(end - out);
	return out;
}

static uint8_t *make_name(struct arena *arena, const char *data, size_t room, size_t *size)
{
	uint8_t *out = arena_alloc(arena, room + WIRE_NAME_MAX);
	size_t length = strlen(data);

	if (length > 0 && data[length - 1] == '.')
		length--;
	*size = wire_name_make(data, length, out + room);
	if (*size == 0)
		return NULL;
	*size += room;
	return out;
}

/* "10 host" */
static uint8_t *make_mx(struct arena *arena, const char *data, size_t *size)
{
	struct span rest = span_of(data), number;
	bool more = true;
	uint64_t preference;
	uint8_t *out;

	if (!span_split(&rest, &more, ' ', &number) || !more ||
	    !span_number(number, UINT16_MAX, &preference))
		return NULL;
	out = make_name(arena, rest.p, 2, size);
	if (out != NULL) {
		out[0] = (uint8_t)(preference >> 8);
		out[1] = (uint8_t)preference;
	}
	return out;
}

static uint8_t *make_address(struct arena *arena, int family, const char *data, size_t *size)
{
	uint8_t *out = arena_alloc(arena, 16);

	*size = family == AF_INET ? 4 : 16;
	return inet_pton(family, data, out) == 1 ? out : NULL;
}

static uint8_t *make_rdata(struct arena *arena, enum dns_type type, const char *data, size_t length,
			   size_t *size)
{
	const char *text = arena_copy(arena, data, length);

	switch (type) {
	case DNS_TYPE_TXT:
	case DNS_TYPE_SPF:
		return make_txt(arena, data, length, size);
	case DNS_TYPE_PTR:
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		return make_name(arena, text, 0, size);
	case DNS_TYPE_MX:
		return make_mx(arena, text, size);
	case DNS_TYPE_A:
		return make_address(arena, AF_INET, text, size);
	case DNS_TYPE_AAAA:
		return make_address(arena, AF_INET6, text, size);
	case DNS_TYPE_SOA:
	case DNS_TYPE_SRV:
	case DNS_TYPE_DS:
	case DNS_TYPE_DNSKEY:
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_TLSA:
		*size = length;
		return (uint8_t *)arena_copy(arena, data, length);
	}
	return NULL;
}

static int add_locked(struct memory *memory, const char *name, enum dns_type type, const char *data,
		      size_t length, struct why *why)
{
	size_t size = 0;
	uint8_t *rdata = make_rdata(memory->arena, type, data, length, &size);
	struct record *record;
	struct node *node;

	if (rdata == NULL || size > UINT16_MAX)
		return why_set(why, "%s: no data of type %s", name, dns_type_text(type));
	node = find_or_add(memory, name);
	if (node->alias != NULL)
		return why_set(why, "%s: is an alias", name);
	record = arena_make(memory->arena, struct record);
	record->type = type;
	record->rdata.data = rdata;
	record->rdata.length = size;
	*node->last = record;
	node->last = &record->next;
	return 0;
}

int dns_memory_add(struct dns *dns, const char *name, enum dns_type type, const char *data,
		   size_t length, struct why *why)
{
	struct memory *memory = memory_of(dns);
	char own[DNS_NAME_MAX + 1];
	int result;

	if (own_name(name, own, why) == -1)
		return -1;
	lock_take(&memory->lock);
	result = add_locked(memory, own, type, data, length, why);
	lock_drop(&memory->lock);
	dns_flush(dns);
	return result;
}

static int alias_locked(struct memory *memory, const char *name, const char *target,
			struct why *why)
{
	struct node *node = find_or_add(memory, name);

	if (node->records != NULL || node->alias != NULL)
		return why_set(why, "%s: has other records", name);
	node->alias = arena_string(memory->arena, target);
	return 0;
}

int dns_memory_alias(struct dns *dns, const char *name, const char *target, struct why *why)
{
	struct memory *memory = memory_of(dns);
	char own[DNS_NAME_MAX + 1], own_target[DNS_NAME_MAX + 1];
	int result;

	if (own_name(name, own, why) == -1 || own_name(target, own_target, why) == -1)
		return -1;
	lock_take(&memory->lock);
	result = alias_locked(memory, own, own_target, why);
	lock_drop(&memory->lock);
	dns_flush(dns);
	return result;
}

void dns_memory_mode(struct dns *dns, const char *name, int type_or_0, enum dns_memory_mode mode)
{
	struct memory *memory = memory_of(dns);
	char own[DNS_NAME_MAX + 1];
	struct mode *entry;

	if (own_name(name, own, NULL) == -1)
		return;
	lock_take(&memory->lock);
	entry = arena_make(memory->arena, struct mode);
	entry->name = arena_string(memory->arena, own);
	entry->type = type_or_0;
	entry->mode = mode;
	entry->next = memory->modes;
	memory->modes = entry;
	lock_drop(&memory->lock);
	dns_flush(dns);
}

void dns_memory_delay(struct dns *dns, int64_t nanoseconds)
{
	struct memory *memory = memory_of(dns);

	lock_take(&memory->lock);
	memory->delay = nanoseconds;
	lock_drop(&memory->lock);
}

void dns_memory_ttl(struct dns *dns, uint32_t ttl, uint32_t negative_ttl)
{
	struct memory *memory = memory_of(dns);

	lock_take(&memory->lock);
	memory->ttl = ttl;
	memory->negative_ttl = negative_ttl;
	lock_drop(&memory->lock);
	dns_flush(dns);
}

void dns_memory_sign(struct dns *dns, const char *name)
{
	struct memory *memory = memory_of(dns);
	struct signed_name *zone;

	lock_take(&memory->lock);
	zone = arena_make(memory->arena, struct signed_name);
	zone->name = arena_string(memory->arena, name);
	zone->next = memory->signed_names;
	memory->signed_names = zone;
	lock_drop(&memory->lock);
	dns_flush(dns);
}

void dns_memory_clear(struct dns *dns)
{
	struct memory *memory = memory_of(dns);

	lock_take(&memory->lock);
	arena_reset(memory->arena);
	memset(memory->buckets, 0, sizeof memory->buckets);
	memory->modes = NULL;
	memory->signed_names = NULL;
	find_or_add(memory, "");
	lock_drop(&memory->lock);
	dns_flush(dns);
}
