/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef T_SIM_BREAKS_H
#define T_SIM_BREAKS_H

int breaks_list(void); /* prints the deliberate faults; 0 */

#endif
