/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign inbox fetch`: reports from a mailbox on another server.
 */
#ifndef ADMIN_INBOX_FETCH_H
#define ADMIN_INBOX_FETCH_H

#include "admin/admin.h"

int inbox_fetch(struct admin *admin, int argc, char **argv);
extern const struct admin_option inbox_fetch_options[];

#endif
