/* SPDX-License-Identifier: BSD-2-Clause */
/* keys/keyring and keys/keyfile: what is loaded, found, refused, made and shared. */
#include "keys/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/key.h"
#include "lib/lock.h"
#include "t/lib/tap.h"

static const char *top;
static struct arena *arena;
static const struct keystatus active = {KEYSTATE_ACTIVE, 1700000000};

static const char *below(const char *name)
{
	return arena_printf(arena, "%s/keys/%s", top, name);
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(below(name), "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0 ||
	    chmod(below(name), mode) != 0)
		tap_note("%s: %s", below(name), strerror(errno));
}

static enum keyring_access access_now = KEYRING_PRIVATE;

/* The reason why loading fails, or "loaded N", and what was left out. */
static const char *outcome(void)
{
	struct why why = {""};
	struct keyring *keyring = keyring_load(below(""), access_now, &why);
	const struct keyring_fault *faults;
	const char *text;

	if (keyring == NULL)
		return arena_string(arena, why.text);
	text = arena_printf(arena, "loaded %u", keyring_count(keyring));
	for (unsigned i = 0; i < keyring_faults(keyring, &faults); i++)
		text = arena_printf(arena, "%s; %s %s: %s", text,
				    faults[i].domain == NULL ? "-" : faults[i].domain,
				    faults[i].selector == NULL ? "-" : faults[i].selector,
				    arena_string(arena, faults[i].text));
	keyring_free(keyring);
	return text;
}

static void refused(const char *part, const char *what)
{
	const char *text = outcome();

	if (!ok(strstr(text, part) != NULL, "refused: %s", what))
		tap_note("want \"%s\" in \"%s\"", part, text);
}

static unsigned mode_of(const char *name)
{
	struct stat status;

	return stat(below(name), &status) == 0 ? (unsigned)status.st_mode & 07777 : 0;
}

static void test_generate(void)
{
	struct why why = {""};

	is_text(outcome(), "loaded 0", "no directory is an empty keyring");
	is_int(keyring_generate(below(""), "example.com", "s2", 1024, active, &why), 0,
	       "an RSA key %s", why.text);
	is_int(keyring_generate(below(""), "example.com", "e1", 0, active, &why), 0,
	       "an Ed25519 key");
	is_int(keyring_generate(below(""), "example.com", "s1", 1024, active, &why), 0,
	       "another RSA key");
	is_int(keyring_generate(below(""), "sub.example.net", "x.y", 0, active, &why), 0,
	       "of another domain");
	is_int(mode_of(""), 0750, "the directory");
	is_int(mode_of("example.com"), 0750, "the domain's directory");
	is_int(mode_of("example.com/s1.key"), 0640, "the file");
	is_int(keyring_generate(below(""), "example.com", "s1", 0, active, &why), -1,
	       "never over another");
	ok(strstr(why.text, "exists") != NULL, "%s", why.text);
	is_int(keyring_generate(below(""), "Example.com", "s1", 0, active, &why), -1, "%s",
	       "upper case");
	is_int(keyring_generate(below(""), "../x", "s1", 0, active, &why), -1, "%s", why.text);
	is_int(keyring_generate(below(""), "example.com", "a/b", 0, active, &why), -1, "%s",
	       why.text);
	is_int(keyring_generate(below(""), "example.com", "", 0, active, &why), -1, "%s", why.text);
	is_int(keyring_generate(below(""), "example.com", "s3", 512, active, &why), -1, "%s",
	       why.text);
}

static void visit(void *arg, const struct signing_key *key, const char *path)
{
	struct buf *list = arg;

	buf_printf(list, "%s/%s/%u/%s ", signing_key_domain(key), signing_key_selector(key),
		   signing_key_bits(key), path + strlen(below("")));
}

static void test_find(void)
{
	struct keyring *keyring = keyring_load(below(""), KEYRING_PRIVATE, NULL);
	const struct signing_key *const *keys;
	struct buf list;

	buf_init(&list, arena, 0);
	keyring_each(keyring, visit, &list);
	is_text(buf_text(&list),
		"example.com/e1/256/example.com/e1.key example.com/s1/1024/example.com/s1.key "
		"example.com/s2/1024/example.com/s2.key "
		"sub.example.net/x.y/256/sub.example.net/x.y.key ",
		"every key, in order");
	is_int(keyring_find(keyring, "example.com", false, arena, &keys), 3, "keys of a domain");
	is_text(signing_key_selector(keys[0]), "e1", "ordered by selector");
	is_int(signing_key_type(keys[0]), CRYPT_ED25519, "its algorithm");
	is_int(signing_key_type(keys[2]), CRYPT_RSA, "and of the last");
	is_int(keyring_find(keyring, "a.b.example.com", false, arena, &keys), 0,
	       "not of what is below");
	is_int(keyring_find(keyring, "a.b.example.com", true, arena, &keys), 3,
	       "unless it is asked for");
	is_int(keyring_find(keyring, "a.sub.example.net", true, arena, &keys), 1,
	       "the nearest parent");
	is_int(keyring_find(keyring, "example.net", true, arena, &keys), 0, "not a child");
	is_int(keyring_find(keyring, "xexample.com", true, arena, &keys), 0, "not a like name");
	keyring_free(keyring);
}

static const char *signing(const struct keyring *keyring, const char *domain)
{
	const struct signing_key *const *keys;
	unsigned count = keyring_find(keyring, domain, true, arena, &keys);
	struct buf list;

	buf_init(&list, arena, 0);
	for (unsigned i = 0; i < count; i++)
		buf_printf(&list, "%s ", signing_key_selector(keys[i]));
	return buf_text(&list);
}

static void test_states(void)
{
	const struct keystatus pending = {KEYSTATE_PENDING, 1700000001},
			       retired = {KEYSTATE_RETIRED, 0};
	struct keyring *keyring, *next;
	struct why why = {""};

	is_int(mode_of("example.com/s1.state"), 0640, "the file of a state");
	unlink(below("example.com/s2.state"));
	is_int(keyring_set_status(below(""), "example.com", "s1", KEYRING_PRIVATE, retired, &why),
	       0, "retired %s", why.text);
	is_int(
	    keyring_set_status(below(""), "sub.example.net", "x.y", KEYRING_PRIVATE, pending, &why),
	    0, "pending");
	is_int(keyring_set_status(below(""), "example.com", "s9", KEYRING_PRIVATE, pending, &why),
	       -1, "%s", why.text);
	keyring = keyring_load(below(""), KEYRING_PRIVATE, &why);
	is_text(signing(keyring, "example.com"), "e1 s2 ", "no state is active, retired is not");
	is_text(signing(keyring, "sub.example.net"), "", "nor is pending");
	ok(keyring_find_idle(keyring, "a.sub.example.net", false, arena) == NULL,
	   "no idle key above");
	signing_key_wake(keyring_find_idle(keyring, "a.sub.example.net", true, arena));
	is_text(signing(keyring, "sub.example.net"), "x.y ", "until it is woken");
	next = keyring_load(below(""), KEYRING_PRIVATE, &why);
	is_text(signing(next, "sub.example.net"), "", "a new keyring begins asleep");
	keyring_carry(next, keyring);
	is_text(signing(next, "sub.example.net"), "x.y ", "and carries on what the old one knew");
	keyring_carry(next, NULL);
	keyring_carry(NULL, next);
	keyring_free(next);
	signing_key_wake(keyring_find_idle(keyring, "example.com", false, arena));
	is_text(signing(keyring, "example.com"), "e1 s2 ", "a retired key is not woken");
	keyring_free(keyring);
	put_file("example.com/s1.state", "retried\n", 0640);
	refused("example.com/s1.state: does not begin with pending, active", "an unknown state");
	put_file("example.com/s1.state", "active\n", 0660);
	refused("mode 0660 lets others say which keys sign: chmod 0640 /",
		"a state others may set");
	chmod(below("example.com/s1.state"), 0644);
	is_text(outcome(), "loaded 4", "others may read it");
	is_int(
	    keyring_set_status(below(""), "sub.example.net", "x.y", KEYRING_PRIVATE, active, &why),
	    0, "active");
}

static void test_record_and_sign(void)
{
	struct keyring *keyring = keyring_load(below(""), KEYRING_PRIVATE, NULL);
	const struct signing_key *const *keys;
	uint8_t digest[32] = {1};
	struct span signature;

	is_int(keyring_find(keyring, "example.com", false, arena, &keys), 3, "three keys");
	is_int(signing_key_sign(keys[1], digest, arena, &signature, NULL), 0, "it signs");
	is_int(span_len(signature), 128, "as long as the key");
	ok(span_istarts(span_of(signing_key_record(keys[0])), "v=DKIM1; k=ed25519; p="), "record");
	is_int(strlen(signing_key_record(keys[0])), 22 + 44, "of 32 bytes");
	ok(span_istarts(span_of(signing_key_record(keys[1])), "v=DKIM1; k=rsa; p=MIGf"), "record");
	keyring_free(keyring);
	keyring_free(NULL);
}

static void test_one(void)
{
	const struct signing_key *key;
	struct why why = {""};

	key = keyring_load_one(below(""), "example.com", "s2", KEYRING_PRIVATE, arena, &why);
	ok(key != NULL && signing_key_bits(key) == 1024, "one key alone %s", why.text);
	ok(keyring_load_one(below(""), "example.com", "s9", KEYRING_PRIVATE, arena, &why) == NULL,
	   "%s", why.text);
	ok(keyring_load_one(below(""), "example.net", "s2", KEYRING_PRIVATE, arena, &why) == NULL,
	   "%s", why.text);
}

static const char *key_text(enum crypt_type type, unsigned bits)
{
	struct crypt_key *key = crypt_key_generate(type, bits, NULL);
	struct buf text;

	buf_init(&text, arena, 0);
	crypt_key_pem(key, &text, NULL);
	crypt_key_free(key);
	return buf_text(&text);
}

static const struct {
	mode_t mode;
	const char *want;
} file_modes[] = {
    {0600, "loaded 5"},
    {0640, "loaded 5"},
    {0400, "loaded 5"},
    {0750, "loaded 5"},
    {0644, "example.com/m.key: mode 0644 lets every user read the key: chmod 0640 /"},
    {0604, "example.com/m.key: mode 0604 lets every user read the key: chmod 0600 /"},
    {0646, "mode 0646 lets every user change the key: chmod 0640 /"},
    {0660, "mode 0660 lets its group change the key: chmod 0640 /"},
    {0620, "mode 0620 lets its group change the key: chmod 0600 /"},
};

/* sign.readable_keys: others may read, nobody but the owner may change. */
static const struct {
	mode_t mode;
	const char *want;
} readable_modes[] = {
    {0444, "loaded 5"},
    {0644, "loaded 5"},
    {0440, "loaded 5"},
    {0646, "mode 0646 lets every user change the key"},
    {0664, "mode 0664 lets its group change the key"},
};

static void test_readable(void)
{
	access_now = KEYRING_READABLE;
	for (size_t i = 0; i < sizeof readable_modes / sizeof *readable_modes; i++) {
		chmod(below("example.com/m.key"), readable_modes[i].mode);
		refused(readable_modes[i].want, arena_printf(arena, "readable keys, mode %04o",
							     (unsigned)readable_modes[i].mode));
	}
	access_now = KEYRING_PRIVATE;
	chmod(below("example.com/m.key"), 0444);
	refused("loaded 4; example.com m: ", "mode 0444 without the setting costs that key");
	chmod(below("example.com/m.key"), 0640);
}

static void test_modes(void)
{
	put_file("example.com/m.key", key_text(CRYPT_ED25519, 0), 0600);
	for (size_t i = 0; i < sizeof file_modes / sizeof *file_modes; i++) {
		chmod(below("example.com/m.key"), file_modes[i].mode);
		refused(file_modes[i].want,
			arena_printf(arena, "file mode %04o", (unsigned)file_modes[i].mode));
	}
	test_readable();
	chmod(below("example.com"), 0777);
	refused("loaded 1; example.com -: ", "a directory's fault leaves the other domain");
	refused("keys/example.com: mode 0777 lets every user put keys there: chmod o-w /",
		"directory mode");
	chmod(below("example.com"), 0750);
	chmod(below(""), 01777);
	refused("mode 1777 lets every user", "sticky does not help");
	chmod(below(""), 0750);
	is_text(outcome(), "loaded 5", "corrected");
}

/* Run as root: who owns it matters. Not run as root: what may not be read is told. */
static void test_owner(void)
{
	if (geteuid() != 0) {
		chmod(below("example.com/m.key"), 0000);
		refused("may not read it (mode 0000, owner ", "the reason has mode and owner");
		chmod(below("example.com/m.key"), 0640);
		return;
	}
	ok(chown(below("example.com/m.key"), 4242, 0) == 0, "given to another user");
	refused("example.com/m.key: owned by user 4242, who could replace it: chown root /",
		"owner of a file");
	ok(chown(below(""), 4242, 0) == 0, "the directory too");
	is_text(outcome(), "loaded 5", "root trusts the owner of the directory");
	ok(chown(below("example.com"), 4343, 0) == 0, "a directory in it to somebody else");
	refused("owned by user 4343", "owner of a directory");
	ok(chown(below(""), 0, 0) == 0 && chown(below("example.com"), 0, 0) == 0 &&
	       chown(below("example.com/m.key"), 0, 0) == 0,
	   "and back");
}

static void test_links(void)
{
	ok(rename(below("example.com/m.key"), arena_printf(arena, "%s/elsewhere", top)) == 0,
	   "moved away");
	ok(symlink("../../elsewhere", below("example.com/m.key")) == 0, "a symbolic link to it");
	is_text(outcome(), "loaded 5", "a link to a good file is good");
	chmod(arena_printf(arena, "%s/elsewhere", top), 0644);
	refused("mode 0644", "a link to a bad file is not");
	unlink(arena_printf(arena, "%s/elsewhere", top));
	refused("example.com/m.key: No such file", "a link to nothing");
	unlink(below("example.com/m.key"));
	ok(symlink("/dev/null", below("example.com/m.key")) == 0, "a link to a device");
	refused("example.com/m.key: not a file", "a device");
	unlink(below("example.com/m.key"));
	ok(mkfifo(below("example.com/m.key"), 0600) == 0, "a pipe");
	refused("not a file", "a pipe does not hold us");
	unlink(below("example.com/m.key"));
}

/* Example.ORG has a directory that cannot be used. */
static void test_faulty_domain(void)
{
	struct keyring *keyring = keyring_load(below(""), KEYRING_PRIVATE, NULL);
	struct why why;

	ok(keyring_find_fault(keyring, "example.org", false, arena) != NULL,
	   "the fault of a domain");
	ok(keyring_find_fault(keyring, "a.example.org", false, arena) == NULL,
	   "not of its children");
	ok(keyring_find_fault(keyring, "a.example.org", true, arena) != NULL, "unless asked for");
	ok(keyring_find_fault(keyring, "example.com", true, arena) == NULL, "nor of another");
	keyring_free(keyring);
	is_int(keyring_check(below(""), "Example.ORG", KEYRING_PRIVATE, &why), 1,
	       "a faulty domain has a key");
	is_int(keyring_check(below(""), "example.com", KEYRING_PRIVATE, &why), 1, "a good one");
	is_int(keyring_check(below(""), "example.info", KEYRING_PRIVATE, &why), 0, "one without");
	is_int(keyring_check(below(""), NULL, KEYRING_PRIVATE, &why), 0, "no domain");
	is_int(keyring_check(below("none"), NULL, KEYRING_PRIVATE, &why), -1, "%s", why.text);
}

static void test_content(void)
{
	put_file("example.com/m.key", "", 0600);
	refused("example.com/m.key: no private key", "an empty file");
	put_file("example.com/m.key", arena_printf(arena, "%33000s", "x"), 0600);
	refused("not a key file", "a large file");
	put_file("example.com/m.key",
		 "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n", 0600);
	refused("no private key", "a public key");
	unlink(below("example.com/m.key"));
	put_file("example.com/-.key", key_text(CRYPT_ED25519, 0), 0600);
	put_file("example.com/a b.key", "", 0600);
	refused("is not a selector", "a name that is not a selector");
	unlink(below("example.com/a b.key"));
	unlink(below("example.com/-.key"));
	put_file("example.com/.hidden.key", "", 0666);
	put_file("example.com/notes.txt", "", 0666);
	put_file("README", "", 0666);
	is_text(outcome(), "loaded 4", "other files are left alone");
	put_file("stray.key", "", 0600);
	refused("loaded 4; - -: ", "a key in the wrong place costs nobody anything");
	refused("stray.key: a key belongs in", "a key in the wrong place");
	unlink(below("stray.key"));
	mkdir(below("Example.ORG"), 0750);
	refused("loaded 4; Example.ORG -: ", "a directory in upper case leaves the others");
	refused("must be written \"example.org\"", "upper case");
	test_faulty_domain();
	rmdir(below("Example.ORG"));
	mkdir(below("not a domain"), 0750);
	refused("\"not a domain\" is not a domain name", "no domain");
	rmdir(below("not a domain"));
	is_text(outcome(), "loaded 4", "corrected");
}

/* Several threads sign with the same keys. */
static void *sign_often(void *arg)
{
	struct keyring *keyring = arg;
	struct arena *own = arena_new(0);
	const struct signing_key *const *keys;
	unsigned count = keyring_find(keyring, "example.com", false, own, &keys), made = 0;
	uint8_t digest[32] = {7};
	struct span signature;

	for (unsigned i = 0; i < 60; i++)
		made += signing_key_sign(keys[i % count], digest, own, &signature, NULL) == 0;
	arena_free(own);
	return made == 60 ? keyring : NULL;
}

static void test_threads(void)
{
	struct keyring *keyring = keyring_load(below(""), KEYRING_PRIVATE, NULL);
	pthread_t threads[4];
	unsigned good = 0;

	for (unsigned i = 0; i < 4; i++)
		thread_start(&threads[i], sign_often, keyring);
	for (unsigned i = 0; i < 4; i++) {
		void *result;

		pthread_join(threads[i], &result);
		good += result != NULL;
	}
	is_int(good, 4, "four threads sign with the same keys");
	keyring_free(keyring);
}

/* RSA of 1024 bits is the least: RFC 8301 section 3.2. (Not made here: we make no weaker ones.) */
static void test_small_key(void)
{
	static const char weak[] =
	    "-----BEGIN RSA PRIVATE KEY-----\n"
	    "MIIBzAIBAAJhAMSd6yxV0vQPtJOC3jQ5d7gRK94kmutGbZqYZ3eBl0mUaoNfrtcX\n"
	    "gk7JshI52/gEXrAxTQKGdBccv1LmprcceetB+DZ+CF7DwX4Kg5cUWZAXeuaVQlwI\n"
	    "43mZIBcBXSGnuQIDAQABAmEAqDP5NsqNV+H/t5pjggYP11ZJUxe5uMFdjr4G9gPV\n"
	    "a0se/BjlOHmSLtj6EAGTn1AMOWV/1UmSWqX2VDLgDkUJaWLnirOiz16vYAUMtFCl\n"
	    "cVQz1laomJ/tczfLjdZKRTvpAjEA5tl/KiANCYFFJBqt68YTf/9yaydF73d3qX9G\n"
	    "zyi6CWLBwJFU03X3rqpJbsJQ5Ec3AjEA2gmntxkVLtQVKa+5oamq/8O4IdeD4BTo\n"
	    "cT+qgYYoVY8C8UZ1xPPzAHf/wNlOgSCPAjEAlfJGiE1DSp4+E+KEf/YsKmL5piJf\n"
	    "adlWz7ENhHf2xyvvoC6GQ8iHdlvD0P7E3lJnAjA20kKnGNloos6HYrWL3jsuf6lm\n"
	    "aOexidA/2UAnvPGbQY/91jd6Q9QPhBx8AqdodCUCMQCprV+3JyCdkKzKjjjgCef1\n"
	    "vnT7UA+vK1iw5rzr6XADKj70PDDUdlhdrqHxL11cNZc=\n"
	    "-----END RSA PRIVATE KEY-----\n";
	struct why why = {""};

	ok(signing_key_make(arena, "example.com", "s", span_of(weak), &why) == NULL &&
	       strstr(why.text, "RSA key of 768 bits") != NULL,
	   "%s", why.text);
	ok(signing_key_make(arena, "example.com", "", span_of(weak), &why) == NULL, "%s", why.text);
	ok(signing_key_make(arena, "example.com", "s", span_of(key_text(CRYPT_RSA, 1024)), &why) !=
	       NULL,
	   "1024 bits are enough");
}

int main(void)
{
	arena = arena_new(0);
	top = tap_directory();
	umask(0);
	test_generate();
	test_find();
	test_states();
	test_record_and_sign();
	test_one();
	test_modes();
	test_owner();
	test_links();
	test_content();
	test_small_key();
	test_threads();
	arena_free(arena);
	return tap_done();
}
