/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign inbox findings`: what received reports show that somebody should act on.
 */
#ifndef ADMIN_INBOX_FINDINGS_H
#define ADMIN_INBOX_FINDINGS_H

#include "admin/admin.h"

int inbox_findings(struct admin *admin, int argc, char **argv);
extern const struct admin_option inbox_findings_options[];

#endif
