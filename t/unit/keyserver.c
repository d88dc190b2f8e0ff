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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys/client.h"
#include "keys/publickeys.h"
#include "lib/crypto/public.h"
#include "lib/codec/base64.h"
#include "lib/lock.h"
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
	uint8_t packet[KEYWIRE_REPLY_MAX];
	size_t size = keywire_put_request(&request, packet);

	is_int(keywire_parse_request(packet, packet + size, &again), 0, "a request");
	for (size_t cut = 0; cut < size; cut++) {
		if (keywire_parse_request(packet, packet + cut, &again) == 0)
			ok(false, "a request cut at %zu", cut);
	}
	is_int(keywire_parse_request(packet, packet + size + 1, &again), -1, "one byte too many");
	packet[0] = 0;
	is_int(keywire_parse_request(packet, packet + size, &again), -1, "no task");
	packet[0] = KEYWIRE_TASKS + 1;
	is_int(keywire_parse_request(packet, packet + size, &again), -1, "too many tasks");
	packet[0] = 1;
	packet[KEYWIRE_HEAD + 8] = 9;
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
	for (unsigned i = 0; i < 500 && keyserver_links(server) > 0; i++)
		usleep(10000);
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

	for (unsigned i = 0; i < KEYWIRE_TASKS + 4; i++)
		tasks[i] = task_for(keyring, "ed", KEY_FOR_DKIM);
	keys_sign(tasks, KEYWIRE_TASKS + 4, arena);
	for (unsigned i = 0; i < KEYWIRE_TASKS + 4; i++)
		refused += tasks[i].failure != NULL;
	ok(refused >= KEYWIRE_TASKS + 4 - 6 && refused < KEYWIRE_TASKS + 4,
	   "over the rate the rest is refused (%u)", refused);
	ok(keyserver_find_limited(server) == find_key(private_keys, "ed"), "of a key by name");
	ok(keyserver_find_limited(server) == NULL, "which is said once");
	keyring_free(keyring);
	keyclient_drop(client);
}

/* As a worker does it; returns our end, or -1. */
static int open_lane(int link, int theirs)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	struct iovec data = {(void *)"", 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control.space};
	int fds[2] = {-1, theirs};

	if (theirs < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &fds[1], sizeof(int));
	if (sendmsg(link, &message, MSG_NOSIGNAL) != 1)
		tap_note("the link is over");
	close(fds[1]);
	return fds[0];
}

/* What is not a request ends its lane, what brings no lane the link, and neither another's. */
static void test_hostile(void)
{
	struct keyserver *server = new_server(0);
	int hostile = open_link(server), lane = open_lane(hostile, -1);
	int lanes[KEYWIRE_LANES + 1];
	struct keyclient *client = keyclient_new(open_link(server), NULL);
	struct keyring *keyring = public_ring(client);
	struct key_task task = task_for(keyring, "ed", KEY_FOR_DKIM);
	char byte;

	is_int(send(lane, "sign this", 9, 0), 9, "a packet that is not a request");
	is_int(recv(lane, &byte, 1, 0), 0, "its lane ends");
	close(lane);
	open_lane(hostile, dup(hostile)); /* each packet of the link is a lane's then, or ends it */
	open_lane(hostile, open("/dev/null", O_RDWR));
	is_int(send(hostile, "sign this", 9, 0), 9, "a packet without a lane");
	is_int(recv(hostile, &byte, 1, 0), 0, "the link ends");
	close(hostile);
	hostile = open_link(server);
	for (unsigned i = 0; i <= KEYWIRE_LANES; i++)
		lanes[i] = open_lane(hostile, -1);
	is_int(recv(lanes[KEYWIRE_LANES], &byte, 1, 0), 0, "there is a bound for lanes");
	for (unsigned i = 0; i <= KEYWIRE_LANES; i++)
		close(lanes[i]);
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
	return tap_done();
}
