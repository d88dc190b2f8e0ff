/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of the policy service as its own.
 */
#ifndef CONTEXT_TLS_H
#define CONTEXT_TLS_H

#include "conf/conf.h"
#include "tls/level.h"

/* Lives in ARENA; points into CONF. */
struct level_settings context_level(const struct conf *conf, struct arena *arena);

/* tls.ca_file, or NULL. */
const char *context_ca_file(const struct conf *conf);

#endif
