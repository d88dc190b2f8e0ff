/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text is base64: it has names that strangers chose, and lines of any length.
 */
#include "report/notice.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "report/mail.h"

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void write_part(const char *type, struct span content, FILE *out)
{
	fprintf(out, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		type);
	mail_base64(content.p, span_len(content), out);
}

/* The subject and what follows it, with the body. ID: a word for boundaries. 0, or -1. */
static int write_content(const struct notice *notice, const char *id, FILE *out, struct why *why)
{
	assert(is_printable(notice->subject) &&
	       (notice->file_name == NULL || is_printable(notice->file_name)));
	errno = 0;
	fprintf(out, "Subject: %s\r\n", notice->subject);
	if (notice->file_name == NULL) {
		write_part("text/plain", notice->text, out);
	} else {
		fprintf(out, "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n",
			id, id);
		write_part("text/plain", notice->text, out);
		fprintf(out, "--=_%s\r\nContent-Disposition: attachment; filename=\"%s\"\r\n", id,
			notice->file_name);
		write_part("text/html", notice->html, out);
		fprintf(out, "--=_%s--\r\n", id);
	}
	return fflush(out) == 0 && !ferror(out)
		   ? 0
		   : why_set(why, "the mail cannot be written: %s", strerror(errno));
}

/* ---- by the outbox ---- */

/* The configuration that stands for NAME in the outbox, which is its identifier, too. */
static void write_config(const struct notice_name *name, char config[LEDGER_CONFIG_MAX])
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf text;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "notice %s %d %s", name->domain, (int)name->day, name->name);
	crypt_sha256(text.data, text.len, digest);
	buf_free(&text);
	for (unsigned i = 0; i < (LEDGER_CONFIG_MAX - 1) / 2; i++)
		snprintf(config + 2 * i, 3, "%02x", digest[i]);
}

int notice_find(struct outbox *outbox, const struct notice_name *name, struct why *why)
{
	char config[LEDGER_CONFIG_MAX];
	const struct ledger_key key = {name->domain, name->day, config};
	struct arena *arena = arena_new(0);
	struct outbox_report found;
	int result;

	write_config(name, config);
	result = outbox_find(outbox, &key, arena, &found, why);
	arena_free(arena);
	return result;
}

int notice_put(struct outbox *outbox, const struct notice_name *name, const struct notice *notice,
	       const char *const *addresses, unsigned count, struct why *why)
{
	char config[LEDGER_CONFIG_MAX];
	const struct outbox_report report = {.domain = name->domain,
					     .day = name->day,
					     .config = config,
					     .id = config,
					     .file_name = "",
					     .kind = OUTBOX_NOTICE};
	FILE *content = tmpfile();
	int result = -1;

	assert(count > 0 && name->domain[0] != '\0');
	write_config(name, config);
	if (content == NULL)
		return why_set(why, "cannot create a temporary file: %s", strerror(errno));
	if (write_content(notice, config, content, why) == 0)
		result = outbox_put(outbox, &report, content, addresses, count, clock_wall(), why);
	fclose(content);
	return result;
}

/* ---- at once ---- */

static int write_mail(const struct sender_settings *settings, const char *to,
		      const struct notice *notice, FILE *content, FILE *message, struct why *why)
{
	const struct aggregate_reporter *reporter = &settings->reporter;
	char config[LEDGER_CONFIG_MAX];
	const struct mail mail = {
	    .reporter = reporter, .id = config, .to = to, .date = clock_wall()};

	/* another one each time: the same text may be sent twice on purpose */
	write_config(
	    &(struct notice_name){reporter->receiver, (int32_t)clock_mono(), notice->subject},
	    config);
	if (write_content(notice, config, content, why) != 0)
		return -1;
	return mail_write_notice(&mail, content, message, why);
}

enum send_outcome notice_send(const struct sender_settings *settings, const char *to,
			      const struct notice *notice, struct why *reply)
{
	FILE *content = tmpfile(), *message = tmpfile();
	enum send_outcome outcome = SEND_LATER;

	if (content == NULL || message == NULL)
		why_set(reply, "cannot create a temporary file: %s", strerror(errno));
	else if (write_mail(settings, to, notice, content, message, reply) == 0)
		outcome = send_mail(&settings->server, settings->reporter.email, to, message, NULL,
				    NULL, reply);
	if (content != NULL)
		fclose(content);
	if (message != NULL)
		fclose(message);
	return outcome;
}
