/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the code under test asks of its system, answered by the simulated world. The linker puts
 * these functions in place of the system's (--wrap), so that the code is the product's, byte
 * for byte: files below /sim, the clocks, sleeping, random numbers, locks and threads.
 */
#ifndef T_SIM_CALLS_H
#define T_SIM_CALLS_H

#include "t/sim/world.h"

/* The disk of the machine that has PATH ("/sim/NAME/..."); NULL: none. */
struct disk *calls_disk(const char *path);

#endif
