/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `countersign tls` share.
 */
#ifndef ADMIN_TLS_COMMAND_H
#define ADMIN_TLS_COMMAND_H

#include "admin/admin.h"

/* In the form of level_domain(); NULL after the error was printed. */
const char *tls_read_domain(struct admin *admin, const char *text);

/* ---- admin/tls/cmd_sts.c ---- */
extern const struct admin_option tls_sts_options[];
int tls_sts(struct admin *admin, int argc, char **argv);

/* ---- admin/tls/cmd_tls_report.c ---- */
extern const struct admin_option tls_report_options[];
int tls_report(struct admin *admin, int argc, char **argv);

#endif
