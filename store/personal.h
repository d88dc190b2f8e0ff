/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received reports about single messages: failure reports, complaints, and what could not be read.
 * They hold personal data, so they have a file of their own beside the ledger's (LEDGER-personal,
 * mode 0600), are deleted after a time of their own, and never leave their host.
 */
#ifndef STORE_PERSONAL_H
#define STORE_PERSONAL_H

#include "lib/span.h"
#include "store/sql/sql.h"

enum {
	PERSONAL_DATA_MAX = 64 * 1024, /* of a mail that could not be read */
	PERSONAL_UNREADABLE_MAX = 1000 /* of them are kept; the oldest go first */
};

enum personal_use {
	PERSONAL_READ,
	PERSONAL_WRITE, /* makes the file when it is absent */
	PERSONAL_IMPORT /* likewise; the last changes may be lost in a power failure */
};

/* The file beside the ledger's file LEDGER. NULL with WHY. */
struct sql *personal_open(const char *ledger, enum personal_use use, struct why *why);

/* Texts are clean (report/inbox/record.h); NULL: not known. */
struct personal_feedback {
	unsigned char key[DRIVER_KEY_LEN];
	const char *kind; /* "failure" "complaint" */
	int64_t received;
	const char *trust, *mail_from; /* as in struct received_report */
	const char *feedback_type;     /* "auth-failure" "abuse" "not-spam" ... */
	const char *reporter;          /* User-Agent */
	const char *domain;            /* in whose name the message was */
	const char *source_ip;
	int64_t arrived; /* wall seconds; 0: not known */
	int64_t incidents;
	const char *auth_failure, *alignment, *delivery;
	const char *dkim_domain, *dkim_selector; /* its signature */
	const char *sender, *recipient;          /* hashed, unless the settings want them */
	const char *message_id, *feedback_id;
};

/* 0: stored; 1: it was there already; 2: it was there, but only this copy is authenticated; -1. */
int personal_add(struct sql *sql, const struct personal_feedback *feedback, struct why *why);

struct personal_unreadable {
	unsigned char key[DRIVER_KEY_LEN];
	int64_t received;
	const char *name, *reason;
	const char *trust, *mail_from;
	int64_t size;
	struct span data; /* its beginning */
};
int personal_add_unreadable(struct sql *sql, const struct personal_unreadable *unreadable,
			    struct why *why);

/* ADDRESS with its local part hashed, the same for the same address in this file:
 * "3f1c0d5a9be21c77@example.com". NULL gives NULL. Lives in ARENA; NULL with WHY. */
const char *personal_hash(struct sql *sql, struct arena *arena, const char *address,
			  struct why *why);

/* Deletes what came before BEFORE (wall seconds); how many, or -1. */
int64_t personal_expire(struct sql *sql, int64_t before, struct why *why);

/* ---- reading, the newest first; texts live during the call ---- */

typedef int personal_visit(void *arg, const struct personal_feedback *feedback);
int personal_list(struct sql *sql, const char *kind, const char *domain, int64_t since,
		  personal_visit *visit, void *arg, struct why *why);

/* ID: hexadecimal digits that the key begins with, or NULL: all. */
typedef int personal_unreadable_visit(void *arg, const struct personal_unreadable *unreadable);
int personal_list_unreadable(struct sql *sql, const char *id, personal_unreadable_visit *visit,
			     void *arg, struct why *why);

#endif
