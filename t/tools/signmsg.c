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

#include "lib/buf.h"
#include "lib/clock.h"
#include "policy/signer.h"

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "signmsg: %s: %s\n", what, why);
	exit(1);
}

static struct span read_all(FILE *file, const char *name, struct arena *arena)
{
	struct buf all;
	char part[65536];
	size_t n;

	if (file == NULL)
		die(name, "cannot be opened");
	buf_init(&all, arena, 0);
	while ((n = fread(part, 1, sizeof part, file)) > 0)
		buf_add(&all, part, n);
	return buf_view(&all);
}

static struct span with_crlf(struct span text, struct arena *arena)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = text.p; p < text.end; p++) {
		if (*p == '\n' && (p == text.p || p[-1] != '\r'))
			buf_char(&out, '\r');
		buf_char(&out, *p);
	}
	return buf_view(&out);
}

/* Where the header field at the front of TEXT ends: behind the CRLF that no blank follows. */
static const char *field_end(struct span text)
{
	const char *p = text.p, *lf;

	while ((lf = memchr(p, '\n', (size_t)(text.end - p))) != NULL) {
		p = lf + 1;
		if (p == text.end || !char_is_wsp((unsigned char)*p))
			return p;
	}
	return text.end;
}

static void feed(struct signer *signer, struct span message)
{
	while (!span_empty(message) && *message.p != '\r') {
		struct span field = {message.p, field_end(message)};
		const char *colon = memchr(field.p, ':', span_len(field));

		message.p = field.end;
		while (!span_empty(field) && (field.end[-1] == '\n' || field.end[-1] == '\r'))
			field.end--;
		if (colon == NULL)
			die("header", "a line without a colon");
		signer_header(signer, (struct span){field.p, colon},
			      (struct span){colon + 1, field.end});
	}
	if (span_len(message) >= 2)
		signer_body(signer, (struct span){message.p + 2, message.end});
}

static void print_records(char **argv, const struct signing_key *const *keys, int count,
			  struct arena *arena)
{
	for (int i = 0; i < count; i++)
		printf("%s._domainkey.%s %s\n", argv[3 * i + 2], argv[3 * i + 1],
		       signing_key_record(keys[i], arena));
}

int main(int argc, char **argv)
{
	struct signer_rules rules = {
	    .header_canon = DKIMSIG_RELAXED, .body_canon = DKIMSIG_RELAXED, .timestamp = true};
	struct arena *arena = arena_new(0);
	const struct signing_key **keys;
	int64_t now = clock_wall();
	struct signer *signer;
	struct span message;
	bool records = false;
	struct why why;
	int option;

	while ((option = getopt(argc, argv, "c:t:p")) != -1) {
		if (option == 'c') {
			rules.header_canon =
			    strncmp(optarg, "simple", 6) == 0 ? DKIMSIG_SIMPLE : DKIMSIG_RELAXED;
			rules.body_canon =
			    strstr(optarg, "/simple") != NULL ? DKIMSIG_SIMPLE : DKIMSIG_RELAXED;
		} else if (option == 't') {
			now = atoll(optarg);
		} else if (option == 'p') {
			records = true;
		} else {
			return 64;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 0 || argc % 3 != 0)
		die("usage",
		    "signmsg [-c HEADER/BODY] [-t SECONDS] [-p] KEYFILE DOMAIN SELECTOR ...");
	keys = arena_array(arena, (size_t)argc, sizeof *keys);
	for (int i = 0; i < argc / 3; i++) {
		keys[i] =
		    signing_key_make(arena, argv[3 * i + 1], argv[3 * i + 2],
				     read_all(fopen(argv[3 * i], "r"), argv[3 * i], arena), &why);
		if (keys[i] == NULL)
			die(argv[3 * i], why.text);
	}
	if (records) {
		print_records(argv, keys, argc / 3, arena);
		return 0;
	}
	message = with_crlf(read_all(stdin, "standard input", arena), arena);
	signer = signer_new(&rules, arena, now);
	feed(signer, message);
	for (int i = 0; i < argc / 3; i++) {
		const char *value = signer_finish(signer, keys[i], &why);

		if (value == NULL)
			die("cannot sign", why.text);
		printf("DKIM-Signature: %s\r\n", value);
	}
	fwrite(message.p, 1, span_len(message), stdout);
	arena_free(arena);
	return 0;
}
