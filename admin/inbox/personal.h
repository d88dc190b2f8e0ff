/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of `countersign inbox` that look at reports about single messages, and at what could
 * not be read.
 */
#ifndef ADMIN_INBOX_PERSONAL_H
#define ADMIN_INBOX_PERSONAL_H

#include "admin/admin.h"

int inbox_failures(struct admin *admin, int argc, char **argv);
int inbox_complaints(struct admin *admin, int argc, char **argv);
int inbox_why(struct admin *admin, int argc, char **argv);
extern const struct admin_option inbox_personal_options[], inbox_why_options[];

#endif
