/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/keep.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/crypto/hash.h"
#include "report/inbox/wire.h"

struct keeping {
	struct arena *arena;
	struct personal_feedback feedback;
	struct crypt_hash *hash; /* of what the report says, not of how it came */
	bool signature;
};

static const char *keep_text(struct keeping *keeping, const char *text)
{
	return arena_string(keeping->arena, text);
}

static void read_feedback(struct keeping *keeping, const struct inbox_feedback *read)
{
	struct personal_feedback *f = &keeping->feedback;

	f->feedback_type = keep_text(keeping, read->feedback_type);
	f->reporter =
	    keep_text(keeping, read->user_agent != NULL ? read->user_agent : read->reporting_mta);
	f->domain = keep_text(keeping, read->header_from);
	f->source_ip = keep_text(keeping, read->source_ip);
	f->arrived = read->arrival_date == INBOX_NO_TIME ? 0 : read->arrival_date;
	f->incidents = read->incidents;
	f->auth_failure = keep_text(keeping, read->auth_failure);
	f->alignment = keep_text(keeping, read->identity_alignment);
	f->delivery = keep_text(keeping, read->delivery_result);
	f->dkim_domain = keep_text(keeping, read->dkim_domain);
	f->dkim_selector = keep_text(keeping, read->dkim_selector);
	f->sender = keep_text(keeping, read->original_mail_from);
	f->recipient = keep_text(keeping, read->original_rcpt_to);
	f->message_id = keep_text(keeping, read->message_id);
	f->feedback_id = keep_text(keeping, read->cfbl_feedback_id);
}

/* A complaint names no signature of its own: the first one of the message. */
static void read_signature(struct keeping *keeping, const struct inbox_signature *signature)
{
	struct personal_feedback *f = &keeping->feedback;

	if (f->dkim_domain != NULL || keeping->signature)
		return;
	keeping->signature = true;
	f->dkim_domain = keep_text(keeping, signature->domain);
	f->dkim_selector = keep_text(keeping, signature->selector);
}

static void hash_part(struct keeping *keeping, enum inbox_part part, const void *record)
{
	struct buf bytes;

	buf_init(&bytes, NULL, 0);
	wire_write(&bytes, part, record);
	crypt_hash_add(keeping->hash, bytes.data, bytes.len);
	buf_free(&bytes);
}

static int visit_part(void *arg, enum inbox_part part, const void *record)
{
	struct keeping *keeping = arg;

	if (part == INBOX_PART_MAIL) { /* the same mail, whatever its way added to it */
		const char *id = ((const struct inbox_mail *)record)->message_id;

		crypt_hash_add(keeping->hash, id, id == NULL ? 0 : strlen(id));
		return 0;
	}
	hash_part(keeping, part, record);
	if (part == INBOX_PART_FEEDBACK)
		read_feedback(keeping, record);
	else if (part == INBOX_PART_SIGNATURE)
		read_signature(keeping, record);
	else if (part == INBOX_PART_DOMAIN && keeping->feedback.domain == NULL)
		keeping->feedback.domain =
		    keep_text(keeping, ((const struct inbox_item *)record)->text);
	return 0;
}

static int hash_addresses(struct keeping *keeping, struct sql *personal, struct why *why)
{
	const char **addresses[] = {&keeping->feedback.sender, &keeping->feedback.recipient};

	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		const char *address = *addresses[i];

		if (address == NULL)
			continue;
		*addresses[i] = personal_hash(personal, keeping->arena, address, why);
		if (*addresses[i] == NULL)
			return -1;
	}
	return 0;
}

static int store_feedback(struct keeping *keeping, struct sql *personal,
			  const struct reader_result *result, unsigned i,
			  const struct keep_mail *mail, struct why *why)
{
	struct personal_feedback *f = &keeping->feedback;
	uint8_t digest[CRYPT_DIGEST_LEN];

	assert(mail->trust != NULL && keeping->hash != NULL);
	f->kind = inbox_kind_text((enum inbox_kind)reader_report(result, i)->end.kind);
	f->received = mail->received;
	f->trust = mail->trust;
	f->mail_from = mail->from;
	if (reader_each(result, i, visit_part, keeping, why) != 0 ||
	    (mail->hashed && hash_addresses(keeping, personal, why) != 0))
		return -1;
	crypt_hash_finish(keeping->hash, digest);
	memcpy(f->key, digest, sizeof f->key);
	return personal_add(personal, f, why);
}

int keep_feedback(struct sql *personal, const struct reader_result *result, unsigned i,
		  const struct keep_mail *mail, struct why *why)
{
	struct keeping keeping = {.arena = arena_new(0)};
	int status;

	keeping.hash = crypt_hash_new(keeping.arena);
	status = store_feedback(&keeping, personal, result, i, mail, why);
	arena_free(keeping.arena);
	return status;
}

/* ---- what could not be read ---- */

/* The first bytes of the mail, as many as are kept. */
static int read_beginning(const struct keep_mail *mail, struct buf *data, struct why *why)
{
	char piece[4096];
	int64_t at = mail->begin;

	while (at < mail->end && data->len < PERSONAL_DATA_MAX) {
		size_t size = sizeof piece;
		ssize_t n;

		if ((int64_t)size > mail->end - at)
			size = (size_t)(mail->end - at);
		n = pread(mail->fd, piece, size, (off_t)at);
		if (n < 0 && errno != EINTR)
			return why_set(why, "it cannot be read: %s", strerror(errno));
		if (n == 0)
			break;
		buf_add(data, piece, n < 0 ? 0 : (size_t)n);
		at += n < 0 ? 0 : n;
	}
	return 0;
}

int keep_unreadable(struct sql *personal, const struct reader_result *result, unsigned i,
		    const struct keep_mail *mail, struct why *why)
{
	struct personal_unreadable u = {.received = mail->received,
					.name = mail->name,
					.reason = reader_report(result, i)->end.reason,
					.trust = mail->trust,
					.mail_from = mail->from,
					.size = mail->end - mail->begin};
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf data;
	int status;

	buf_init(&data, NULL, 0);
	status = read_beginning(mail, &data, why);
	u.data = buf_view(&data);
	crypt_sha256(u.data.p, span_len(u.data), digest);
	memcpy(u.key, digest, sizeof u.key);
	if (status == 0)
		status = personal_add_unreadable(personal, &u, why);
	buf_free(&data);
	return status;
}
