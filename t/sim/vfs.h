/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated disk as SQLite's file system. Its locks are those of SQLite's own for Unix; the
 * index of a write-ahead log lives as long as a process has it open.
 */
#ifndef T_SIM_VFS_H
#define T_SIM_VFS_H

#include "t/sim/world.h"

void vfs_register(void); /* as SQLite's default */
void vfs_begin(void);    /* a new life: nothing is open */
void vfs_release(struct process *process);

#endif
