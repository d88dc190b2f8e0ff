/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signmsg [-c HEADER/BODY] [-t SECONDS] KEYFILE DOMAIN SELECTOR [KEYFILE DOMAIN SELECTOR]...
 *
 * Signs the message on standard input, as some other host's signer would, and writes it with its
 * DKIM-Signature fields on top and CRLF line ends. With -p it prints the key records instead, one
 * "SELECTOR._domainkey.DOMAIN TEXT" a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "policy/dkim/sign.h"
#include "t/lib/mailread.h"

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "signmsg: %s: %s\n", what, why);
	exit(1);
}

static void add_field(void *signer, struct span name, struct span value)
{
	signer_header(signer, name, value);
}

static void print_records(const struct signing_key *const *keys, int count)
{
	for (int i = 0; i < count; i++)
		printf("%s._domainkey.%s %s\n", signing_key_selector(keys[i]),
		       signing_key_domain(keys[i]), signing_key_record(keys[i]));
}

static void sign(const struct signer_rules *rules, const struct signing_key *const *keys, int count,
		 struct arena *arena, int64_t now)
{
	struct span message = mailread_crlf(mailread_all(stdin, "standard input", arena), arena);
	struct signer *signer = signer_new(rules, arena, now);
	struct why why;

	signer_body(signer, mailread_header(message, add_field, signer));
	for (int i = 0; i < count; i++) {
		const char *value = signer_finish(signer, keys[i], &why);

		if (value == NULL)
			die("cannot sign", why.text);
		printf("DKIM-Signature: %s\r\n", value);
	}
	fwrite(message.p, 1, span_len(message), stdout);
}

/* KEYFILE DOMAIN SELECTOR, three by three. */
static const struct signing_key **read_keys(char **argv, int count, struct arena *arena)
{
	const struct signing_key **keys = arena_array(arena, (size_t)count, sizeof *keys);
	struct why why;

	for (int i = 0; i < count; i++, argv += 3) {
		keys[i] = signing_key_make(arena, argv[1], argv[2],
					   mailread_all(fopen(argv[0], "r"), argv[0], arena), &why);
		if (keys[i] == NULL)
			die(argv[0], why.text);
	}
	return keys;
}

static enum dkimsig_canon canon(const char *text)
{
	return strncmp(text, "simple", 6) == 0 ? DKIMSIG_SIMPLE : DKIMSIG_RELAXED;
}

int main(int argc, char **argv)
{
	struct signer_rules rules = {
	    .header_canon = DKIMSIG_RELAXED, .body_canon = DKIMSIG_RELAXED, .timestamp = true};
	struct arena *arena = arena_new(0);
	const struct signing_key **keys;
	int64_t now = clock_wall();
	bool records = false;
	int option, count;

	while ((option = getopt(argc, argv, "c:t:p")) != -1) {
		if (option == 'c') {
			rules.header_canon = canon(optarg);
			rules.body_canon =
			    canon(strchr(optarg, '/') == NULL ? "" : strchr(optarg, '/') + 1);
		} else if (option == 't') {
			now = atoll(optarg);
		} else if (option == 'p') {
			records = true;
		} else {
			return 64;
		}
	}
	count = (argc - optind) / 3;
	if (count == 0 || (argc - optind) % 3 != 0)
		die("usage",
		    "signmsg [-c HEADER/BODY] [-t SECONDS] [-p] KEYFILE DOMAIN SELECTOR ...");
	keys = read_keys(argv + optind, count, arena);
	if (records)
		print_records(keys, count);
	else
		sign(&rules, keys, count, arena, now);
	arena_free(arena);
	return 0;
}
