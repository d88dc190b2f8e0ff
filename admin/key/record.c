/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TXT record of a key in the forms that people need: for a web panel, a zone file, nsupdate, a
 * program.
 */
#include <stdio.h>
#include <string.h>

#include "admin/check/zone.h"
#include "lib/jsonout.h"
#include "admin/key/command.h"
#include "lib/buf.h"
#include "lib/clock.h"

const char *keycmd_type(const struct signing_key *key)
{
	return signing_key_type(key) == CRYPT_ED25519 ? "ed25519" : "rsa";
}

static void print_zone(const struct keycmd_key *shown, const char *indent)
{
	zone_print_txt(stdout, indent, shown->name, span_of(shown->value));
}

/* What is withdrawn takes the place of what is there. */
static void print_nsupdate(const struct keycmd_key *shown, const char *indent)
{
	if (shown->status.state == KEYSTATE_REVOKED)
		printf("%supdate delete %s. TXT\n", indent, shown->name);
	printf("%supdate add %s. %d IN TXT ", indent, shown->name, ZONE_TTL);
	zone_print_strings(stdout, span_of(shown->value), " ");
	printf("\n");
}

/* What the customer publishes once, and what it leads to in the provider's zone. */
static void print_cname(const struct keycmd_key *shown, const char *target)
{
	struct buf end;

	printf("%s. %d IN CNAME %s.%s.\n", shown->name, ZONE_TTL, shown->name, target);
	buf_init(&end, NULL, 0);
	buf_printf(&end, "%s.%s", shown->name, target);
	zone_print_txt(stdout, "", buf_text(&end), span_of(shown->value));
	buf_free(&end);
}

static void print_all(const struct keycmd_key *shown, unsigned count)
{
	printf("publish %s:\n", count == 1 ? "ONE TXT record, in the form that suits"
					   : "each TXT record, in the form that suits");
	for (unsigned i = 0; i < count; i++) {
		size_t bytes = strlen(shown[i].value);

		printf("\n  for a web panel (one line, no quotes)\n    name   %s\n    value  %s\n",
		       shown[i].name, shown[i].value);
		printf("  for a zone file (%zu bytes in %zu string%s)\n", bytes,
		       (bytes + ZONE_STRING_MAX - 1) / ZONE_STRING_MAX,
		       bytes > ZONE_STRING_MAX ? "s" : "");
		print_zone(&shown[i], "    ");
		printf("  for nsupdate\n");
		print_nsupdate(&shown[i], "    ");
		printf("    send\n");
	}
}

static void json_status(struct jsonout *out, struct keystatus status)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_text(out, "state", keystate_text(status.state));
	jsonout_text(out, "since", status.since == 0 ? NULL : clock_utc_text(status.since, text));
}

static void json_key(struct jsonout *out, const struct keycmd_key *shown)
{
	jsonout_object(out, NULL);
	jsonout_text(out, "domain", signing_key_domain(shown->key));
	jsonout_text(out, "selector", signing_key_selector(shown->key));
	jsonout_text(out, "type", keycmd_type(shown->key));
	jsonout_int(out, "bits", signing_key_bits(shown->key));
	json_status(out, shown->status);
	jsonout_text(out, "path", shown->path);
	jsonout_text(out, "name", shown->name);
	jsonout_text(out, "value", shown->value);
	jsonout_end(out);
}

static void print_json(struct admin *admin, const char *schema, const struct keycmd_key *shown,
		       unsigned count)
{
	struct jsonout *out = jsonout_new(admin->arena, schema);

	jsonout_array(out, "keys");
	for (unsigned i = 0; i < count; i++)
		json_key(out, &shown[i]);
	admin_print_json(admin, out);
}

void keycmd_print(const struct keycmd *cmd, const char *schema, const struct keycmd_key *shown,
		  unsigned count)
{
	switch (cmd->format) {
	case FORMAT_ALL:
		print_all(shown, count);
		break;
	case FORMAT_JSON:
		print_json(cmd->admin, schema, shown, count);
		break;
	case FORMAT_LINE:
	case FORMAT_ZONE:
	case FORMAT_NSUPDATE:
	case FORMAT_CNAME:
		for (unsigned i = 0; i < count; i++) {
			if (cmd->format == FORMAT_LINE)
				printf("%s %s\n", shown[i].name, shown[i].value);
			else if (cmd->format == FORMAT_ZONE)
				print_zone(&shown[i], "");
			else if (cmd->format == FORMAT_CNAME)
				print_cname(&shown[i], cmd->target);
			else
				print_nsupdate(&shown[i], "");
		}
		if (cmd->format == FORMAT_NSUPDATE)
			printf("send\n");
		break;
	}
}

/* RFC 6376 section 3.6.1: an empty p= says that the key has been revoked. */
struct keycmd_key keycmd_record(struct admin *admin, const struct signing_key *key,
				const char *path, struct keystatus status)
{
	struct keycmd_key shown = {key, status, path, NULL, NULL};

	shown.name = signing_key_name(key, admin->arena);
	if (status.state == KEYSTATE_REVOKED)
		shown.value = arena_printf(admin->arena, "v=DKIM1; k=%s; p=", keycmd_type(key));
	else
		shown.value = signing_key_record(key);
	if (shown.value == NULL)
		shown.value = "";
	return shown;
}
