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
	fclose(file);
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

static void print_records(const struct signing_key *const *keys, int count, struct arena *arena)
{
	for (int i = 0; i < count; i++)
		printf("%s._domainkey.%s %s\n", signing_key_selector(keys[i]),
		       signing_key_domain(keys[i]), signing_key_record(keys[i], arena));
}

static void sign(const struct signer_rules *rules, const struct signing_key *const *keys, int count,
		 struct arena *arena, int64_t now)
{
	struct span message = with_crlf(read_all(stdin, "standard input", arena), arena);
	struct signer *signer = signer_new(rules, arena, now);
	struct why why;

	feed(signer, message);
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
					   read_all(fopen(argv[0], "r"), argv[0], arena), &why);
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
		print_records(keys, count, arena);
	else
		sign(&rules, keys, count, arena, now);
	arena_free(arena);
	return 0;
}
