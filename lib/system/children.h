/* SPDX-License-Identifier: BSD-2-Clause */
/* The child processes of another process, as Linux tells (proc(5)); elsewhere none are seen. */
#ifndef LIB_SYSTEM_CHILDREN_H
#define LIB_SYSTEM_CHILDREN_H

#include <sys/types.h>

/* Into LIST, at most MAX: the children of PARENT whose program has one of NAMES (ended by NULL; 15
 * characters at most). Their number. */
unsigned children_named(pid_t parent, const char *const *names, pid_t *list, unsigned max);

#endif
