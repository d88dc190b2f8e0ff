/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/tls.h"

#include <assert.h>

struct level_settings context_level(const struct conf *conf, struct arena *arena)
{
	unsigned count = conf->tls.exception_count;
	struct level_exception *exceptions =
	    arena_array(arena, count == 0 ? 1 : count, sizeof *exceptions);

	for (unsigned i = 0; i < count; i++) {
		bool parsed = domain_pattern_parse(arena, span_of(conf->tls.exceptions[i].domain),
						   &exceptions[i].domain);

		assert(parsed); /* conf_check_pattern() */
		exceptions[i].level = conf->tls.exceptions[i].level;
	}
	return (struct level_settings){.dane_fallback = conf->tls.dane == CONF_DANE_FALLBACK,
				       .exceptions = exceptions,
				       .exception_count = count};
}

const char *context_ca_file(const struct conf *conf)
{
	return conf->tls.ca_file[0] == '\0' ? NULL : conf->tls.ca_file;
}
