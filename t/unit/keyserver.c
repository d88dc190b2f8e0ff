/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys/wire, publickeys, client and server: a ring of keys signs through a socket pair as it does
 * itself, refuses what it should, and its death and its successor cost no signature.
 */
#include "keys/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys/client.h"
#include "keys/publickeys.h"
#include "keys/sealing.h"
#include "keys/source.h"
#include "lib/crypto/public.h"
#include "lib/codec/base64.h"
#include "lib/lock.h"
#include "lib/system/fdpass.h"
#include "t/lib/tap.h"

enum { THREADS = 8, EACH = 50, DEATHS = 20 };

static struct arena *arena;
static struct keyring *private_keys;
static const char *directory;

/* ---- keys ---- */

static void make_key(const char *domain, const char *selector, unsigned bits, enum keystate state)
{
	struct why why;

	if (keyring_generate(directory, domain, selector, bits, (struct keystatus){state, 0},
			     &why) != 0)
		tap_note("%s", why.text);
}

static void make_keys(void)
{
	struct why why;

	directory = arena_printf(arena, "%s/keys", tap_directory());
	mkdir(directory, 0750);
	make_key("example.com", "rsa", 1024, KEYSTATE_ACTIVE);
	make_key("example.com", "ed", 0, KEYSTATE_ACTIVE);
	make_key("example.com", "old", 0, KEYSTATE_RETIRED);
	make_key("example.com", "new", 0, KEYSTATE_PENDING);
	make_key("example.net", "seal", 0, KEYSTATE_ACTIVE);
	mkdir(arena_printf(arena, "%s/Bad\tName", directory), 0750);
	private_keys = keyring_load(directory, KEYRING_PRIVATE, &why);
	ok(private_keys != NULL, "keys are loaded");
}

struct found {
	const char *selector;
	const struct signing_key *key;
};

static void look_at_key(void *arg, const struct signing_key *key, const char *path)
{
	struct found *found = arg;

	(void)path;
	if (strcmp(signing_key_selector(key), found->selector) == 0)
		found->key = key;
}

static const struct signing_key *find_key(const struct keyring *keyring, const char *selector)
{
	struct found found = {.selector = selector};

	keyring_each(keyring, look_at_key, &found);
	return found.key;
}

static bool verifies(const struct key_task *task)
{
	const char *text = strstr(signing_key_record(task->key), "p=") + 2;
	struct arena *own = arena_new(0);
	struct crypt_public *public = NULL;
	const uint8_t *data;
	size_t size;
	bool good;

	if (base64_decode(own, span_of(text), &data, &size))
	public = crypt_public_parse(signing_key_type(task->key), span_make(data, size), NULL);
	good = task->failure == NULL && public != NULL &&
	       crypt_public_verify(public, task->digest, task->signature);
	crypt_public_free(public);
	arena_free(own);
	return good;
}

/* ---- both ends ---- */

static atomic_uint idled;
static struct keyserver *servers[8]; /* they never end */
static unsigned server_count;

static void count_idle(void)
{
	atomic_fetch_add(&idled, 1);
}

static struct keyserver *new_server(unsigned max_rate)
{
	struct keyserver_rules *rules = arena_make(arena, struct keyserver_rules);

	*rules = (struct keyserver_rules){.dkim = true,
					  .seal = "example.org example.net ",
					  .max_rate = max_rate,
					  .idle = count_idle};
	servers[server_count] = keyserver_new(private_keys, rules);
	return servers[server_count++];
}

/* Until there is none, and no thread of theirs. */
static void await_links(const struct keyserver *server)
{
	for (unsigned i = 0; i < 3000 && keyserver_links(server) > 0; i++)
		usleep(10000);
}

/* Our end of a link with SERVER. */
static int open_link(struct keyserver *server)
{
	struct why why;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 ||
	    keyserver_serve(server, fds[1], &why) != 0)
		return -1;
	return fds[0];
}

static struct keyring *public_ring(struct keyclient *client)
{
	struct key_signer signer = keyclient_signer(keyclient_take(client));
	struct buf text;
	struct keyring *keyring;
	struct why why = {""};

	buf_init(&text, arena, 0);
	publickeys_write(private_keys, &text);
	keyring = publickeys_read(buf_view(&text), &signer, &why);
	ok(keyring != NULL, "the public halves are read %s", why.text);
	return keyring;
}

static struct key_task task_for(const struct keyring *keyring, const char *selector,
				enum key_purpose purpose)
{
	struct key_task task = {.key = find_key(keyring, selector), .purpose = purpose};

	memset(task.digest, selector[0], sizeof task.digest);
	return task;
}

/* ---- tests ---- */

static void test_public_halves(void)
{
	struct keyring *keyring;
	const struct keyring_fault *ours, *theirs;
	struct buf text;

	buf_init(&text, arena, 0);
	publickeys_write(private_keys, &text);
	keyring = publickeys_read(buf_view(&text), NULL, NULL);
	is_int(keyring_count(keyring), 5, "all keys");
	is_int(keyring_faults(keyring, &theirs), 1, "and the fault");
	keyring_faults(private_keys, &ours);
	is_text(theirs[0].text, ours[0].text, "with its text, odd name and all");
	is_text(theirs[0].domain, "Bad\tName", "its directory");
	is_text(theirs[0].selector, NULL, "no selector");
	is_text(signing_key_record(find_key(keyring, "rsa")),
		signing_key_record(find_key(private_keys, "rsa")), "the record of a key");
	ok(signing_key_number(find_key(keyring, "ed")) ==
	       signing_key_number(find_key(private_keys, "ed")),
	   "and its number");
	is_int(signing_key_status(find_key(keyring, "old")).state, KEYSTATE_RETIRED, "its state");
	ok(strstr(buf_text(&text), "PRIVATE") == NULL, "nothing private in the text");
	keyring_free(keyring);
	ok(publickeys_read(span_of("key\t1\n"), NULL, NULL) == NULL, "a short line is refused");
	ok(publickeys_read(span_of("fault\ta\tb\t\n"), NULL, NULL) == NULL, "a fault needs text");
	ok(publickeys_read(span_of("key\t1\t2\t1\t1\t0\t0\ta\tb\tc\td\n"), NULL, NULL) == NULL,
	   "a type that is none");
}

static void test_wire(void)
{
	struct keywire_request request = {.count = 1}, again;
	struct keywire_reply reply = {.count = 1}, back;
	uint8_t packet[KEYWIRE_REPLY_MAX + KEYWIRE_REQUEST_MAX] = {0};
	size_t size = keywire_put_request(&request, packet);

	is_int(keywire_parse_request(packet, packet + size, &again), 0, "a request");
	for (size_t cut = 0; cut < size; cut++) {
		if (keywire_parse_request(packet, packet + cut, &again) == 0)
			ok(false, "a request cut at %zu", cut);
	}
	is_int(keywire_parse_request(packet, packet + size + 1, &again), 0, "with a sealed key");
	is_int(span_len(again.sealed), 1, "of one byte");
	packet[KEYWIRE_HEAD] = 2;
	is_int(keywire_parse_request(packet, packet + size + KEYWIRE_ITEM + 1, &again), -1,
	       "a sealed key after two tasks");
	packet[KEYWIRE_HEAD] = 1;
	is_int(keywire_parse_request(packet, packet + size + SEALED_MAX + 1, &again), -1,
	       "a sealed key that is too long");
	packet[0] = KEYWIRE_LANES;
	is_int(keywire_parse_request(packet, packet + size, &again), -1, "a lane beyond the last");
	packet[0] = KEYWIRE_LANES - 1;
	is_int(keywire_parse_request(packet, packet + size, &again), 0, "the last lane");
	packet[KEYWIRE_HEAD] = 0;
	is_int(keywire_parse_request(packet, packet + size, &again), -1, "no task");
	packet[KEYWIRE_HEAD] = KEYWIRE_TASKS + 1;
	is_int(keywire_parse_request(packet, packet + size, &again), -1, "too many tasks");
	packet[KEYWIRE_HEAD] = 1;
	packet[2 * KEYWIRE_HEAD + 8] = 9;
	is_int(keywire_parse_request(packet, packet + size, &again), -1, "an unknown type");
	reply.answers[0] = (struct keywire_answer){KEYWIRE_SIGNED, 3, (const uint8_t *)"sig"};
	size = keywire_put_reply(&reply, packet);
	is_int(keywire_parse_reply(packet, packet + size, &back), 0, "a reply");
	is_int(back.answers[0].length, 3, "its signature");
	for (size_t cut = 0; cut < size; cut++) {
		if (keywire_parse_reply(packet, packet + cut, &back) == 0)
			ok(false, "a reply cut at %zu", cut);
	}
	packet[KEYWIRE_HEAD] = KEYWIRE_IDLE;
	is_int(keywire_parse_reply(packet, packet + size, &back), -1, "a refusal with a signature");
	packet[KEYWIRE_HEAD] = KEYWIRE_OUTCOMES;
	is_int(keywire_parse_reply(packet, packet + size, &back), -1, "an unknown outcome");
}

static void test_signing(void)
{
	struct keyserver *server = new_server(0);
	struct keyclient *client = keyclient_new(open_link(server), NULL);
	struct keyring *keyring = public_ring(client);
	struct key_task tasks[] = {
	    task_for(keyring, "rsa", KEY_FOR_DKIM), task_for(keyring, "ed", KEY_FOR_DKIM),
	    task_for(keyring, "old", KEY_FOR_DKIM), task_for(keyring, "new", KEY_FOR_DKIM),
	    task_for(keyring, "ed", KEY_FOR_ARC),   task_for(keyring, "seal", KEY_FOR_ARC),
	};

	keys_sign(tasks, 6, arena);
	ok(verifies(&tasks[0]), "an RSA key signs");
	ok(verifies(&tasks[1]), "so does an Ed25519 key, in the same request");
	is_text(tasks[2].failure, "the key process refuses: the key is retired",
		"a retired one does not");
	ok(verifies(&tasks[3]), "a pending one does, when asked");
	ok(tasks[4].failure != NULL, "a key of a domain that does not seal signs no ARC set");
	ok(verifies(&tasks[5]), "one that seals does");
	is_int(keyserver_count(server, KEYWIRE_SIGNED), 4, "each is counted");
	is_int(keyserver_count(server, KEYWIRE_IDLE), 1, "by its outcome");
	keyring_free(keyring);
	is_int(keyserver_links(server), 1, "the link stays");
	keyclient_drop(client);
	await_links(server);
	is_int(keyserver_links(server), 0, "and ends with its last user");
	is_int(atomic_load(&idled), 1, "which the server says");
}

static void test_rate(void)
{
	struct keyserver *server = new_server(3);
	struct keyclient *client = keyclient_new(open_link(server), NULL);
	struct keyring *keyring = public_ring(client);
	struct key_task tasks[KEYWIRE_TASKS + 4];
	unsigned refused = 0;
	char line[512];

	for (unsigned i = 0; i < KEYWIRE_TASKS + 4; i++)
		tasks[i] = task_for(keyring, "ed", KEY_FOR_DKIM);
	keys_sign(tasks, KEYWIRE_TASKS + 4, arena);
	for (unsigned i = 0; i < KEYWIRE_TASKS + 4; i++)
		refused += tasks[i].failure != NULL;
	ok(refused >= KEYWIRE_TASKS + 4 - 6 && refused < KEYWIRE_TASKS + 4,
	   "over the rate the rest is refused (%u)", refused);
	ok(keyserver_find_limited(server, line, sizeof line), "of a key");
	is_text(line, "key ed of example.com", "by name");
	ok(!keyserver_find_limited(server, line, sizeof line), "which is said once");
	keyring_free(keyring);
	keyclient_drop(client);
}

/* A request for a signature by the key "ed", with the other end of lane NUMBER: THEIRS, which it
 * takes, or one that it makes. Returns our end, or -1. */
static int send_lane(int link, unsigned number, int theirs)
{
	struct keywire_request request = {.lane = number, .count = 1};
	uint8_t packet[KEYWIRE_REQUEST_MAX];
	struct span data;
	int fds[2] = {-1, theirs};

	request.items[0].number = signing_key_number(find_key(private_keys, "ed"));
	request.items[0].type = CRYPT_ED25519;
	data = span_make(packet, keywire_put_request(&request, packet));
	if (theirs < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	if (fdpass_send(link, data, &fds[1], 1, 0) != (ssize_t)span_len(data))
		tap_note("the link is over");
	close(fds[1]);
	return fds[0];
}

static bool has_reply(int lane)
{
	uint8_t packet[KEYWIRE_REPLY_MAX];
	struct keywire_reply reply;
	ssize_t n = recv(lane, packet, sizeof packet, 0);

	return n > 0 && keywire_parse_reply(packet, packet + n, &reply) == 0 &&
	       reply.answers[0].outcome == KEYWIRE_SIGNED;
}

/* A worker that nobody should listen to: its lanes take no reply, then it sends what is not a
 * request. */
static void send_nonsense(int link)
{
	int full[2], first = send_lane(link, 3, -1), second;
	char byte;

	ok(has_reply(first), "a request that brings a lane");
	second = send_lane(link, 3, -1);
	ok(has_reply(second), "another lane of the same number takes its place");
	is_int(recv(first, &byte, 1, 0), 0, "the first one is closed");
	close(first);
	close(second);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, full) == 0) {
		while (send(full[1], "full", 4, MSG_DONTWAIT) == 4)
			continue;
		send_lane(link, 4, full[1]);
		close(full[0]);
	}
	send_lane(link, 5, open("/dev/null", O_RDWR));
	first = send_lane(link, 6, -1);
	ok(has_reply(first), "a lane that is full, or not a socket, does not hold up others");
	close(first);
	send_lane(link, 7, dup(link)); /* so the reply comes as a request */
	is_int(recv(link, &byte, 1, 0), 0, "what is not a request ends the link");
}

static void test_hostile(void)
{
	struct keyserver *server = new_server(0);
	int hostile = open_link(server);
	struct keyclient *client = keyclient_new(open_link(server), NULL);
	struct keyring *keyring = public_ring(client);
	struct key_task task = task_for(keyring, "ed", KEY_FOR_DKIM);
	char byte;

	send_nonsense(hostile);
	close(hostile);
	hostile = open_link(server);
	is_int(send(hostile, "sign this", 9, 0), 9, "a packet that is not a request");
	is_int(recv(hostile, &byte, 1, 0), 0, "the link ends");
	close(hostile);
	keys_sign(&task, 1, arena);
	ok(verifies(&task), "another goes on");
	keyring_free(keyring);
	keyclient_drop(client);
}

/* ---- a key process that dies ---- */

static struct {
	pid_t pid;
	int fd;
} mortals[DEATHS];

struct crowd {
	struct keyring *keyring;
	atomic_uint good, bad;
};

static void *sign_often(void *arg)
{
	struct crowd *crowd = arg;
	struct arena *own = arena_new(0);

	for (unsigned i = 0; i < EACH; i++) {
		struct key_task tasks[] = {
		    task_for(crowd->keyring, "ed", KEY_FOR_DKIM),
		    task_for(crowd->keyring, i % 2 == 0 ? "rsa" : "new", KEY_FOR_DKIM)};

		keys_sign(tasks, 2, own);
		atomic_fetch_add(
		    verifies(&tasks[0]) && verifies(&tasks[1]) ? &crowd->good : &crowd->bad, 1);
		arena_reset(own);
	}
	arena_free(own);
	return NULL;
}

/* A key process; returns our end of its link. */
static int fork_server(pid_t *pid)
{
	struct why why;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	*pid = fork();
	if (*pid == 0) {
		close(fds[0]);
		if (keyserver_serve(new_server(0), fds[1], &why) == 0)
			pause();
		_exit(1);
	}
	close(fds[1]);
	return fds[0];
}

static void *kill_often(void *arg)
{
	struct keyclient *client = arg;

	for (unsigned i = 0; i < DEATHS; i++) {
		keyclient_attach(client, mortals[i].fd);
		usleep(4000);
		if (i % 3 > 0 && i + 1 < DEATHS)
			kill(mortals[i].pid, SIGKILL); /* else it is only replaced */
		usleep(1000);
	}
	return NULL;
}

static void test_deaths(void)
{
	struct keyclient *client = keyclient_new(-1, NULL);
	struct crowd crowd = {.keyring = public_ring(client)};
	pthread_t threads[THREADS + 1];

	atomic_init(&crowd.good, 0);
	atomic_init(&crowd.bad, 0);
	for (unsigned i = 0; i < DEATHS; i++)
		mortals[i].fd = fork_server(&mortals[i].pid);
	for (unsigned i = 0; i < THREADS; i++)
		thread_start(&threads[i], sign_often, &crowd);
	thread_start(&threads[THREADS], kill_often, client);
	for (unsigned i = 0; i <= THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(atomic_load(&crowd.good), THREADS * EACH, "every signature is made, and verifies");
	is_int(atomic_load(&crowd.bad), 0, "none is lost");
	keyring_free(crowd.keyring);
	keyclient_drop(client);
	for (unsigned i = 0; i < DEATHS; i++) {
		kill(mortals[i].pid, SIGKILL);
		waitpid(mortals[i].pid, NULL, 0);
	}
}

static void test_superseded(void)
{
	struct keyclient *client = keyclient_new(-1, NULL);
	struct keyring *keyring = public_ring(client);
	struct key_task task = task_for(keyring, "ed", KEY_FOR_DKIM);
	int64_t start = clock_mono();

	keyclient_supersede(client);
	keys_sign(&task, 1, arena);
	is_text(task.failure, "the key process does not answer", "nobody comes");
	ok(clock_mono() - start < KEYCLIENT_PATIENCE / 2, "so nothing is waited for");
	keyring_free(keyring);
	keyclient_drop(client);
}

/* ---- keys that the worker brings ---- */

enum { SEALED_KEYS = 12, HELD = 4 };

static struct signing_key *sealed_key(const struct sealing *sealing, const char *domain,
				      unsigned bits)
{
	struct arena *own = arena_new(0);
	struct buf pem, sealed;
	const struct signing_key *whole;
	struct signing_key *key = NULL;
	struct why why = {""};

	buf_init(&pem, own, 0);
	buf_init(&sealed, own, 0);
	if (keyring_make_pem(bits, &pem, &why) == 0 &&
	    sealing_seal(sealing, domain, "s1", buf_view(&pem), &sealed, &why) == 0 &&
	    (whole = signing_key_make(own, domain, "s1", buf_view(&pem), &why)) != NULL)
		key = signing_key_public(arena,
					 &(struct key_public){.domain = domain,
							      .selector = "s1",
							      .record = signing_key_record(whole),
							      .type = signing_key_type(whole),
							      .bits = signing_key_bits(whole),
							      .status = {KEYSTATE_ACTIVE, 0},
							      .sealed = buf_view(&sealed)});
	ok(key != NULL, "a sealed key of %s %s", domain, why.text);
	arena_free(own);
	return key;
}

/* Finds the keys of the test by their domain's digits. */
struct shelf {
	struct signing_key *keys[SEALED_KEYS];
	bool away;
};

/* Each message has keys of its own. */
static struct signing_key *copy_key(struct arena *own, const struct signing_key *key)
{
	return signing_key_public(own, &(struct key_public){.domain = signing_key_domain(key),
							    .selector = signing_key_selector(key),
							    .record = signing_key_record(key),
							    .type = signing_key_type(key),
							    .bits = signing_key_bits(key),
							    .status = signing_key_status(key),
							    .sealed = signing_key_sealed(key)});
}

static int find_on_shelf(void *arg, const char *domain, struct arena *own,
			 struct signing_key *const **keys, struct why *why)
{
	struct shelf *shelf = arg;
	struct signing_key **found = arena_array(own, 1, sizeof *found);
	unsigned i = (unsigned)atoi(domain);

	if (shelf->away)
		return why_set(why, "the shelf is away");
	if (i >= SEALED_KEYS || strcmp(signing_key_domain(shelf->keys[i]), domain) != 0)
		return 0;
	*found = copy_key(own, shelf->keys[i]);
	*keys = found;
	return 1;
}

static struct key_task sealed_task(const struct keyring *keyring, unsigned i)
{
	const struct signing_key *const *keys;
	struct key_task task = {0};

	if (keyring_find(keyring, arena_printf(arena, "mail.%u.example.com", i), true, arena,
			 &keys) == 1)
		task.key = keys[0];
	return task;
}

static struct keyring *shelf_ring(struct keyclient *client, struct shelf *shelf)
{
	struct key_signer signer = keyclient_signer(keyclient_take(client));
	struct keyring *keyring = publickeys_read(span_of(""), &signer, NULL);

	ok(keyring_is_empty(keyring), "a keyring without keys");
	keyring_set_source(keyring, &(struct key_source){.find = find_on_shelf, .arg = shelf});
	ok(!keyring_is_empty(keyring), "but for its source");
	return keyring;
}

static void *sign_sealed(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned i = 0; i < EACH; i++) {
		struct arena *own = arena_new(0);
		struct key_task task = {0};
		const struct signing_key *const *keys;
		char domain[32];

		snprintf(domain, sizeof domain, "%u.example.com", i % (SEALED_KEYS - 2));
		if (keyring_find(crowd->keyring, domain, false, own, &keys) == 1) {
			task.key = keys[0];
			keys_sign(&task, 1, own);
		}
		atomic_fetch_add(task.key != NULL && verifies(&task) ? &crowd->good : &crowd->bad,
				 1);
		arena_free(own);
	}
	return NULL;
}

static void test_sealed_crowd(struct keyring *keyring)
{
	struct crowd crowd = {.keyring = keyring};
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, sign_sealed, &crowd);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(atomic_load(&crowd.good), THREADS * EACH, "keys come and go, and all sign");
}

/* One that holds no key yet. */
static void test_other_server(struct shelf *shelf, const struct keyserver_rules *rules)
{
	struct keyserver *server = servers[server_count++] = keyserver_new(private_keys, rules);
	struct keyclient *client = keyclient_new(open_link(server), NULL);
	struct keyring *keyring = shelf_ring(client, shelf);
	struct key_task task = sealed_task(keyring, 5);

	keys_sign(&task, 1, arena);
	ok(task.failure != NULL && task.lasting, "another domain's key in its row: never (%s)",
	   task.failure);
	is_int(keyserver_count(server, KEYWIRE_BAD), 1, "which is counted");
	keyring_free(keyring);
	keyclient_drop(client);
	await_links(server);
}

static void test_sealed(void)
{
	struct sealing *ours =
	    sealing_parse(span_of("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"), NULL);
	struct sealing *theirs =
	    sealing_parse(span_of("YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=\n"), NULL);
	struct keyserver_rules *rules = arena_make(arena, struct keyserver_rules);
	struct shelf shelf = {.away = false};
	const struct signing_key *const *keys;
	struct keyserver *server;
	struct keyclient *client;
	struct keyring *keyring;
	struct key_task task, both[2];

	*rules = (struct keyserver_rules){
	    .dkim = true, .seal = "", .idle = count_idle, .sealing = ours, .held = HELD};
	for (unsigned i = 0; i < SEALED_KEYS - 1; i++)
		shelf.keys[i] = sealed_key(ours, arena_printf(arena, "%u.example.com", i),
					   i % 3 == 0 ? 1024 : 0);
	shelf.keys[SEALED_KEYS - 1] =
	    sealed_key(theirs, arena_printf(arena, "%d.example.com", SEALED_KEYS - 1), 0);
	server = servers[server_count++] = keyserver_new(private_keys, rules);
	client = keyclient_new(open_link(server), NULL);
	keyring = shelf_ring(client, &shelf);

	task = sealed_task(keyring, 3);
	keys_sign(&task, 1, arena);
	ok(verifies(&task), "the key process signs with a key that it is given");
	is_int(keyserver_count(server, KEYWIRE_UNKNOWN), 0, "that it had to ask is not a failure");
	both[0] = sealed_task(keyring, 3);
	both[1] = sealed_task(keyring, 4);
	keys_sign(both, 2, arena);
	ok(verifies(&both[0]) && verifies(&both[1]), "one it has and one it has not");
	test_sealed_crowd(keyring);

	task = sealed_task(keyring, SEALED_KEYS - 1);
	keys_sign(&task, 1, arena);
	ok(task.failure != NULL && !task.lasting, "a key of other hosts: later, perhaps (%s)",
	   task.failure);
	shelf.keys[5] = signing_key_public(
	    arena, &(struct key_public){.domain = "5.example.com",
					.selector = "s1",
					.record = signing_key_record(shelf.keys[5]),
					.type = signing_key_type(shelf.keys[5]),
					.bits = 256,
					.status = {KEYSTATE_ACTIVE, 0},
					.sealed = signing_key_sealed(shelf.keys[4])});
	test_other_server(&shelf, rules);
	shelf.away = true;
	is_int(keyring_find(keyring, "3.example.com", true, arena, &keys), 0, "the source is away");
	ok(keyring_find_fault(keyring, "3.example.com", true, arena)->later, "which is told");
	keyring_free(keyring);
	keyclient_drop(client);
	await_links(server);
	sealing_free(theirs);
}

int main(void)
{
	arena = arena_new(0);
	make_keys();
	test_public_halves();
	test_wire();
	test_deaths(); /* it forks, and the others start threads that stay */
	test_signing();
	test_rate();
	test_hostile();
	test_superseded();
	test_sealed();
	for (unsigned i = 0; i < server_count; i++)
		await_links(servers[i]);
	return tap_done();
}
