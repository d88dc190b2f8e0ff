/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmilter's callbacks: they translate what libmilter says into milter/session.h and back, and
 * decide nothing. Included by worker.c, which runs the library.
 */
#ifndef MILTER_CALLBACKS_H
#define MILTER_CALLBACKS_H

#include "lib/why.h"
#include "milter/service.h"

/* smfi_register, smfi_setmaxdatasize. Once for a process, before smfi_main. */
int callbacks_register(struct service *service, struct why *why);

#endif
