/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of `countersign bimi` that have a file each.
 */
#ifndef ADMIN_BIMI_COMMAND_H
#define ADMIN_BIMI_COMMAND_H

#include "admin/admin.h"

extern const struct admin_option bimi_record_options[];

admin_run bimi_record, bimi_roots;

#endif
