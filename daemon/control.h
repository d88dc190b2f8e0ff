/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket, as the supervisor holds it: several clients, each with one request and one
 * answer. Nothing here blocks, and a client that is slow is dropped when its time is over.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <poll.h>

#include "lib/why.h"
#include "milter/protocol/control_text.h"

struct control;
struct control_client;

/* A request came. It is answered at once (control_answer) or later (control_hold). */
typedef void control_obey(void *arg, struct control_client *client,
			  const struct control_request *request);

struct control *control_new(control_obey *obey, void *arg);
void control_free(struct control *control); /* takes the socket away; NULL is allowed */

/*
 * Listens on PATH from now on ("": nowhere) in place of the former one. Who may use it: root, this
 * process's user and, unless GROUP is "", members of that group. -1: why not; then there is none.
 * Nothing happens when PATH and GROUP are the same as before.
 */
int control_listen(struct control *control, const char *path, const char *group, struct why *why);

void control_answer(struct control_client *client, enum control_code code, struct span body);

/* CLIENT waits for the answer that is given with this TICKET or a later one (1 and up). */
void control_hold(struct control_client *client, unsigned ticket);
void control_answer_held(struct control *control, unsigned ticket, enum control_code code,
			 struct span body);

/* For the caller's poll(): at most CONTROL_POLLS of them. */
enum { CONTROL_CLIENTS = 16, CONTROL_POLLS = CONTROL_CLIENTS + 1 };
unsigned control_polls(const struct control *control, struct pollfd *polls);

/* Takes new clients, reads requests, writes answers. When to do it again at the latest
 * (clock_mono()), or 0. */
int64_t control_work(struct control *control);

void control_close_files(const struct control *control); /* in a process that was just forked */

#endif
