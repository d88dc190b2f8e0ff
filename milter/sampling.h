/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second opinion, as a worker sees it: inbound messages that were chosen
 * (second_opinion.sample) are handed to the process of the second opinion once they are answered,
 * by a thread of their own; its answers are compared with ours there, counted, logged, and kept
 * where the settings say so. No message waits for any of it, but where the settings have a library
 * decide (spf.engine, dkim.engine).
 */
#ifndef MILTER_SAMPLING_H
#define MILTER_SAMPLING_H

#include "milter/message.h"

/* END: of opinion/link.h; -1: there is no such process. Before the first context is made. */
void sampling_open(int end);
bool sampling_is_open(void);

/* Starts the thread, once there is a service. */
int sampling_start(struct service *service, struct why *why);

/* An inbound message begins, with its check; a piece of its body; its end, before it is judged. */
void sampling_begin(struct message *message);
void sampling_body(struct message *message, struct span chunk);
void sampling_end(struct message *message, const char *queue_id);

/* The message is over. True: it was sampled, and is freed when its case is written. */
bool sampling_take(struct message *message);

#endif
