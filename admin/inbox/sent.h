/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign store sent`: the outbound tally (report/sent.h).
 */
#ifndef ADMIN_INBOX_SENT_H
#define ADMIN_INBOX_SENT_H

#include "admin/admin.h"

int store_sent(struct admin *admin, int argc, char **argv);
extern const struct admin_option store_sent_options[];

#endif
