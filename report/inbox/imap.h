/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A folder of a mailbox on an IMAP server (RFC 9051, RFC 3501), by libcurl: always with TLS and a
 * certificate that is valid for the server's name. What is said by the server is a stranger's text
 * and bounded: a line, the list of messages, a message, the time.
 */
#ifndef REPORT_INBOX_IMAP_H
#define REPORT_INBOX_IMAP_H

#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

struct imap_account {
	const char *url; /* "imaps://host", or "imap://host" with STARTTLS: url_parse_imap() */
	const char *user, *password;
	const char *ca_file; /* certificates to trust; NULL: the system's */
	const char *folder;
	const char *done; /* the folder for what was read, made when absent; NULL: it is deleted */
};

struct imap_message {
	uint32_t uid;
	int64_t size;
};

/* "* 12 FETCH (UID 34 FLAGS (\Seen) RFC822.SIZE 4096)", without its end of line; names in any case
 * and order. False: it is something else, or a message that is marked as deleted. */
bool imap_parse_fetch(struct span line, struct imap_message *message);

struct imap;

/* Connects, logs in, and lists the first MAX messages of the folder by their UID. NULL with WHY.
 * ACCOUNT and its strings live until imap_close(). */
struct imap *imap_open(const struct imap_account *account, unsigned max, struct why *why);
unsigned imap_count(const struct imap *imap);
uint64_t imap_more(const struct imap *imap); /* messages beyond MAX */
const struct imap_message *imap_message(const struct imap *imap, unsigned i);

/* Writes a message to FILE, in place of what is there. 0; 1: it is gone, or larger than MAX bytes;
 * -1. */
int imap_fetch(struct imap *imap, uint32_t uid, int64_t max, FILE *file, struct why *why);

/* Moves or deletes COUNT messages, at most IMAP_BATCH of them. */
enum { IMAP_BATCH = 50 };
int imap_finish(struct imap *imap, const uint32_t *uids, unsigned count, struct why *why);
void imap_close(struct imap *imap); /* NULL is OK */

#endif
