/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of `countersign inbox` that explain what received reports say.
 */
#ifndef ADMIN_INBOX_SOURCES_H
#define ADMIN_INBOX_SOURCES_H

#include "admin/admin.h"

int inbox_sources(struct admin *admin, int argc, char **argv);
int inbox_decide(struct admin *admin, int argc, char **argv);
int inbox_advice(struct admin *admin, int argc, char **argv);
extern const struct admin_option inbox_sources_options[];
extern const struct admin_option inbox_decide_options[];
extern const struct admin_option inbox_advice_options[];

#endif
