/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The samples are in Prometheus's text format 0.0.4, of which this reads what our daemon writes: no
 * time stamps, no white space but one blank before the value.
 *
 *     line   = "#" text / name [ "{" label *( "," label ) "}" ] SP value
 *     label  = name "=" DQUOTE *( escaped / other ) DQUOTE      escaped: \\ \" \n
 */
#include "metrics/read.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64, LINES_MAX = 20000 };

static bool is_name_char(char c)
{
	return char_is_alnum((unsigned char)c) || c == '_' || c == ':';
}

static bool take_name(struct span *s, struct arena *arena, const char **name)
{
	const char *start = s->p;

	while (s->p < s->end && is_name_char(*s->p))
		s->p++;
	*name = arena_span(arena, (struct span){start, s->p});
	return s->p > start;
}

static bool take_char(struct span *s, char c)
{
	if (span_empty(*s) || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool take_quoted(struct span *s, struct arena *arena, const char **value)
{
	char *out;
	size_t len = 0;

	if (!take_char(s, '"'))
		return false;
	out = arena_alloc(arena, span_len(*s) + 1);
	for (; s->p < s->end && *s->p != '"'; s->p++) {
		char c = *s->p;

		if (c == '\\') {
			if (++s->p == s->end)
				return false;
			c = *s->p == 'n' ? '\n' : *s->p;
		}
		out[len++] = c;
	}
	*value = out;
	return take_char(s, '"');
}

static bool take_labels(struct span *s, struct arena *arena, struct metrics_read_sample *sample)
{
	do {
		struct metrics_read_label *label = &sample->labels[sample->label_count];

		if (sample->label_count == METRICS_READ_LABELS_MAX ||
		    !take_name(s, arena, &label->name) || !take_char(s, '=') ||
		    !take_quoted(s, arena, &label->value))
			return false;
		sample->label_count++;
	} while (take_char(s, ','));
	return take_char(s, '}');
}

static bool take_number(struct span s, double *value)
{
	char text[NUMBER_MAX], *end;
	size_t len = span_len(s);

	if (len == 0 || len >= sizeof text)
		return false;
	memcpy(text, s.p, len);
	text[len] = '\0';
	if (!char_is_digit((unsigned char)text[0]) && text[0] != '-')
		return false;
	*value = strtod(text, &end);
	return *end == '\0';
}

static bool parse_sample(struct span line, struct arena *arena, struct metrics_read_sample *sample)
{
	if (!take_name(&line, arena, &sample->name))
		return false;
	if (take_char(&line, '{') && !take_labels(&line, arena, sample))
		return false;
	return take_char(&line, ' ') && take_number(line, &sample->value);
}

static bool parse_fact(struct span line, struct arena *arena, struct metrics_read_fact *fact)
{
	if (!take_name(&line, arena, &fact->name) || !take_char(&line, ' '))
		return false;
	fact->text = arena_span(arena, line);
	while (fact->word_count + 1 < METRICS_READ_WORDS_MAX) {
		const char *blank = span_empty(line) ? NULL : memchr(line.p, ' ', span_len(line));

		if (blank == NULL)
			break;
		fact->words[fact->word_count++] = arena_span(arena, (struct span){line.p, blank});
		line.p = blank + 1;
	}
	fact->words[fact->word_count++] = arena_span(arena, line);
	return true;
}

/* At most LINES_MAX are read: the daemon sends about a thousand. */
static unsigned count_lines(struct span text)
{
	unsigned lines = 0;

	for (; text.p < text.end && lines < LINES_MAX; text.p++)
		lines += *text.p == '\n';
	return lines + 1;
}

static struct span next_line(struct span *text)
{
	const char *lf = memchr(text->p, '\n', span_len(*text));
	struct span line = {text->p, lf == NULL ? text->end : lf};

	text->p = lf == NULL ? text->end : lf + 1;
	return line;
}

static int bad_line(struct span line, struct why *why)
{
	return why_set(why, "the daemon's answer has an unknown line: %.*s",
		       (int)(span_len(line) < 80 ? span_len(line) : 80), line.p);
}

static int parse_samples(struct span text, struct arena *arena, struct metrics_read *status,
			 struct why *why)
{
	unsigned room = count_lines(text);
	struct metrics_read_sample *samples = arena_array(arena, room, sizeof *samples);

	status->samples = samples;
	while (!span_empty(text)) {
		struct span line = next_line(&text);

		if (span_empty(line) || *line.p == '#')
			continue;
		if (status->sample_count == room ||
		    !parse_sample(line, arena, &samples[status->sample_count]))
			return bad_line(line, why);
		status->sample_count++;
	}
	return 0;
}

int metrics_read_parse(struct span text, struct arena *arena, struct metrics_read *status,
		       struct why *why)
{
	unsigned room = count_lines(text);
	struct metrics_read_fact *facts = arena_array(arena, room, sizeof *facts);

	memset(status, 0, sizeof *status);
	status->facts = facts;
	while (!span_empty(text)) {
		struct span line = next_line(&text);

		if (span_empty(line))
			return parse_samples(text, arena, status, why);
		if (status->fact_count == room ||
		    !parse_fact(line, arena, &facts[status->fact_count]))
			return bad_line(line, why);
		status->fact_count++;
	}
	return 0;
}

const struct metrics_read_fact *metrics_read_fact(const struct metrics_read *status,
						  const char *name, unsigned i)
{
	for (unsigned at = 0; at < status->fact_count; at++) {
		if (strcmp(status->facts[at].name, name) == 0 && i-- == 0)
			return &status->facts[at];
	}
	return NULL;
}

const char *metrics_read_text(const struct metrics_read *status, const char *name)
{
	const struct metrics_read_fact *fact = metrics_read_fact(status, name, 0);

	return fact == NULL ? "" : fact->text;
}

const char *metrics_read_word(const struct metrics_read_fact *fact, unsigned i)
{
	return fact == NULL || i >= fact->word_count ? "" : fact->words[i];
}

const char *metrics_read_label(const struct metrics_read_sample *sample, const char *name)
{
	for (unsigned i = 0; i < sample->label_count; i++) {
		if (strcmp(sample->labels[i].name, name) == 0)
			return sample->labels[i].value;
	}
	return "";
}

static bool has_labels(const struct metrics_read_sample *sample,
		       const struct metrics_read_label *labels, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(metrics_read_label(sample, labels[i].name), labels[i].value) != 0)
			return false;
	}
	return true;
}

double metrics_read_sum(const struct metrics_read *status, const char *name, const char *label,
			const char *value)
{
	const struct metrics_read_label one = {label, value};

	return metrics_read_sum_of(status, name, &one, label != NULL);
}

double metrics_read_sum_of(const struct metrics_read *status, const char *name,
			   const struct metrics_read_label *labels, unsigned count)
{
	static const char prefix[] = "countersign_";
	double sum = 0;

	for (unsigned i = 0; i < status->sample_count; i++) {
		const struct metrics_read_sample *sample = &status->samples[i];
		const char *own = sample->name;

		if (strncmp(own, prefix, sizeof prefix - 1) == 0)
			own += sizeof prefix - 1;
		if (strcmp(own, name) == 0 && has_labels(sample, labels, count))
			sum += sample->value;
	}
	return sum;
}
