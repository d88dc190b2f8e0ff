/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both formats have the same samples. They differ in what TYPE names for a counter (with "_total",
 * without it) and in the end mark. In OpenMetrics a counter and a gauge cannot share a name: that
 * counter is of unknown type there. Values are whole numbers, or seconds with nine decimals.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4)
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
#include "metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keys/keystate.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "metrics/counters.h"
#include "policy/dkim/signature.h"
#include "store/ledger.h"

struct writer {
	struct buf *out;
	enum exposition_format format;
	const char *prefix, *name; /* of the family under way */
};

static void begin_family(struct writer *w, const struct metric_family *family)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const char *type = types[family->type];
	size_t len = strlen(family->name);

	w->prefix = family->bare ? "" : "countersign_";
	w->name = family->name;
	if (w->format == EXPOSITION_OPENMETRICS && family->twin)
		type = "unknown";
	else if (w->format == EXPOSITION_OPENMETRICS && family->type == METRIC_COUNTER)
		len -= strlen("_total");
	buf_printf(w->out, "# HELP %s%.*s %s\n", w->prefix, (int)len, family->name, family->help);
	buf_printf(w->out, "# TYPE %s%.*s %s\n", w->prefix, (int)len, family->name, type);
}

/* ---- one sample: name, labels, value ---- */

static void begin_sample(struct writer *w, const char *suffix)
{
	buf_printf(w->out, "%s%s%s", w->prefix, w->name, suffix);
}

static void add_label(struct writer *w, bool *open, const char *name, const char *value)
{
	buf_printf(w->out, "%c%s=\"", *open ? ',' : '{', name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			buf_string(w->out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(w->out, "\\%c", *value);
		else
			buf_char(w->out, *value);
	}
	buf_char(w->out, '"');
	*open = true;
}

static void end_labels(struct writer *w, bool open)
{
	buf_string(w->out, open ? "} " : " ");
}

static void add_seconds(struct writer *w, int64_t nanoseconds)
{
	buf_printf(w->out, "%" PRId64 ".%09" PRId64 "\n", nanoseconds / CLOCK_SECOND,
		   nanoseconds % CLOCK_SECOND);
}

static void end_number(struct writer *w, int64_t value)
{
	buf_printf(w->out, "%" PRId64 "\n", value);
}

/* ---- families of the table ---- */

static void write_plain(struct writer *w, enum metric metric)
{
	const struct metric_family *family = &metric_families[metric];
	const struct metric_label *labels = family->labels;
	unsigned series = metric_series(metric);

	for (unsigned i = 0; i < series; i++) {
		unsigned digits[METRIC_LABELS_MAX] = {0}, rest = i;
		bool open = false;

		for (unsigned l = METRIC_LABELS_MAX; l-- > 0;) {
			if (labels[l].name == NULL)
				continue;
			digits[l] = rest % labels[l].count;
			rest /= labels[l].count;
		}
		begin_sample(w, "");
		for (unsigned l = 0; l < METRIC_LABELS_MAX && labels[l].name != NULL; l++)
			add_label(w, &open, labels[l].name, labels[l].values[digits[l]].name);
		end_labels(w, open);
		(family->in_time ? add_seconds : end_number)(
		    w, counters_get(metric, digits[0], digits[1], digits[2]));
	}
}

static void write_bucket(struct writer *w, const struct metric_label *by, unsigned a,
			 const char *bound, uint64_t count)
{
	bool open = false;

	begin_sample(w, "_bucket");
	if (by->name != NULL)
		add_label(w, &open, by->name, by->values[a].name);
	add_label(w, &open, "le", bound);
	end_labels(w, open);
	end_number(w, (int64_t)count);
}

static void write_total(struct writer *w, const struct metric_label *by, unsigned a,
			const char *suffix)
{
	bool open = false;

	begin_sample(w, suffix);
	if (by->name != NULL)
		add_label(w, &open, by->name, by->values[a].name);
	end_labels(w, open);
}

static void bound_text(int64_t nanoseconds, char *text, size_t size)
{
	snprintf(text, size, "%" PRId64 ".%03" PRId64, nanoseconds / CLOCK_SECOND,
		 nanoseconds % CLOCK_SECOND / CLOCK_MS);
}

static void write_histogram(struct writer *w, enum metric metric)
{
	const struct metric_label *by = &metric_families[metric].labels[0];
	unsigned series = metric_series(metric);

	for (unsigned a = 0; a < series; a++) {
		struct counters_histogram histogram;
		uint64_t below = 0;
		char bound[32];

		counters_histogram(metric, a, &histogram);
		for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
			below += histogram.buckets[i];
			bound_text(metric_buckets[i], bound, sizeof bound);
			write_bucket(w, by, a, bound, below);
		}
		write_bucket(w, by, a, "+Inf", histogram.count);
		write_total(w, by, a, "_sum");
		add_seconds(w, histogram.sum);
		write_total(w, by, a, "_count");
		end_number(w, (int64_t)histogram.count);
	}
}

static void write_domain(void *arg, const char *domain, const char *algorithm, uint64_t count)
{
	struct writer *w = arg;
	bool open = false;

	begin_sample(w, "");
	add_label(w, &open, "domain", domain);
	if (algorithm != NULL)
		add_label(w, &open, "algorithm", algorithm);
	end_labels(w, open);
	end_number(w, (int64_t)count);
}

/* ---- families that are not counted: the build, the signing keys ---- */

const struct metric_family exposition_extras[EXTRAS] = {
    [EXTRA_BUILD] = {"build_info", METRIC_GAUGE,
		     .labels = {{"version", NULL, 0}, {"openssl", NULL, 0}, {"sqlite", NULL, 0}},
		     .help = "Always 1; the labels are the versions in use."},
    [EXTRA_KEY_INFO] = {"key_info", METRIC_GAUGE,
			.labels = {{"domain", NULL, 0},
				   {"selector", NULL, 0},
				   {"type", NULL, 0},
				   {"state", NULL, 0}},
			.help = "1 for each signing key, with its type and state."},
    [EXTRA_KEY_PUBLISHED] = {"key_published", METRIC_GAUGE,
			     .labels = {{"domain", NULL, 0}, {"selector", NULL, 0}},
			     .help =
				 "1 if the DNS has the key's record, 0 if not; absent if unknown."},
    [EXTRA_KEY_CREATED] = {"key_created_timestamp_seconds", METRIC_GAUGE,
			   .labels = {{"domain", NULL, 0}, {"selector", NULL, 0}},
			   .help = "When the key file was written."},
};

static void write_build(struct writer *w)
{
	bool open = false;

	begin_family(w, &exposition_extras[EXTRA_BUILD]);
	begin_sample(w, "");
	add_label(w, &open, "version", VERSION);
	add_label(w, &open, "openssl", crypt_version());
	add_label(w, &open, "sqlite", ledger_sqlite_version());
	end_labels(w, open);
	end_number(w, 1);
}

static void write_key(struct writer *w, const struct counters_key *key, enum exposition_extra fact)
{
	bool open = false;

	if (fact == EXTRA_KEY_PUBLISHED && key->published < 0)
		return;
	begin_sample(w, "");
	add_label(w, &open, "domain", key->domain);
	add_label(w, &open, "selector", key->selector);
	if (fact == EXTRA_KEY_INFO) {
		add_label(w, &open, "type", key->type == CRYPT_ED25519 ? "ed25519" : "rsa");
		add_label(w, &open, "state", keystate_text(key->state));
	}
	end_labels(w, open);
	end_number(w, fact == EXTRA_KEY_INFO        ? 1
		      : fact == EXTRA_KEY_PUBLISHED ? key->published
						    : key->created);
}

static void write_keys(struct writer *w)
{
	struct arena *arena = arena_new(0);
	struct counters_key *keys = arena_array(arena, COUNTERS_KEYS_MAX, sizeof *keys);
	unsigned count = counters_keys(keys);

	for (unsigned fact = EXTRA_KEY_INFO; fact < EXTRAS; fact++) {
		begin_family(w, &exposition_extras[fact]);
		for (unsigned i = 0; i < count; i++)
			write_key(w, &keys[i], fact);
	}
	arena_free(arena);
}

/* ---- all ---- */

void exposition_write(struct buf *out, enum exposition_format format)
{
	struct writer w = {.out = out, .format = format};

	write_build(&w);
	for (unsigned metric = 0; metric < METRICS; metric++) {
		begin_family(&w, &metric_families[metric]);
		if (metric == METRIC_DKIM_SIGNED)
			counters_each_signed(write_domain, &w);
		else if (metric == METRIC_TLS_FAILURES)
			counters_each_tls_failed(write_domain, &w);
		else if (metric_families[metric].type == METRIC_HISTOGRAM)
			write_histogram(&w, metric);
		else
			write_plain(&w, metric);
	}
	write_keys(&w);
	if (format == EXPOSITION_OPENMETRICS)
		buf_string(out, "# EOF\n");
}

enum exposition_format exposition_wanted(const char *accept)
{
	return accept != NULL && strstr(accept, "application/openmetrics-text") != NULL
		   ? EXPOSITION_OPENMETRICS
		   : EXPOSITION_TEXT;
}

const char *exposition_media_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS
		   ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		   : "text/plain; version=0.0.4; charset=utf-8";
}
