/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message that a complaint is about: whether this host signed it, by its CFBL-Feedback-ID
 * (policy/cfbl.h), and its queue id, by its Message-ID in the log of messages.
 */
#ifndef ADMIN_INBOX_MESSAGE_H
#define ADMIN_INBOX_MESSAGE_H

#include "admin/admin.h"
#include "store/personal.h"

enum { INBOX_MESSAGES_SOUGHT = 200 }; /* in the log; it is read for each of them */

struct inbox_messages;

/* Lives in the arena of ADMIN. What cannot be opened is not known then. */
struct inbox_messages *inbox_messages_open(struct admin *admin);

struct inbox_message {
	bool confirmed;       /* the id is one that this host wrote for this message */
	const char *queue_id; /* or NULL: not in the log */
};
void inbox_messages_find(struct inbox_messages *messages, const struct personal_feedback *feedback,
			 struct inbox_message *message);

#endif
