/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail server that reports are given to, and whoever gets them: a report is known by its
 * identifier, and one that comes again is the same report (RFC 9990 section 3.5.4).
 */
#ifndef T_SIM_MTA_H
#define T_SIM_MTA_H

#include "t/sim/world.h"

void mta_begin(void);
void mta_count(void);       /* truth_count() of what was reported */
unsigned mta_reports(void); /* different ones */
bool mta_has(const char *id);

#endif
