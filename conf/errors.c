/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/errors.h"

#include <stdlib.h>
#include <string.h>

enum { ERRORS_MAX = 200 };

void conf_errors_init(struct conf_errors *errors)
{
	memset(errors, 0, sizeof *errors);
	errors->arena = arena_new(0);
}

void conf_errors_free(struct conf_errors *errors)
{
	arena_free(errors->arena);
	memset(errors, 0, sizeof *errors);
}

const char *conf_errors_file(struct conf_errors *errors, const char *name)
{
	const char **files;

	for (unsigned i = 0; i < errors->file_count; i++) {
		if (strcmp(errors->files[i], name) == 0)
			return errors->files[i];
	}
	files = arena_array(errors->arena, errors->file_count + 1, sizeof *files);
	for (unsigned i = 0; i < errors->file_count; i++)
		files[i] = errors->files[i];
	files[errors->file_count] = arena_string(errors->arena, name);
	errors->files = files;
	return files[errors->file_count++];
}

void conf_errors_vadd(struct conf_errors *errors, const char *file, unsigned line,
		      const char *format, va_list ap)
{
	struct conf_error *error;

	if (errors->items == NULL)
		errors->items = arena_array(errors->arena, ERRORS_MAX + 1, sizeof *errors->items);
	if (errors->count > ERRORS_MAX)
		return;
	error = &errors->items[errors->count++];
	error->file = conf_errors_file(errors, file);
	error->line = line;
	if (errors->count <= ERRORS_MAX)
		error->text = arena_vprintf(errors->arena, format, ap);
	else
		error->text = "too many errors: those behind this one are not shown";
}

void conf_errors_add(struct conf_errors *errors, const char *file, unsigned line,
		     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	conf_errors_vadd(errors, file, line, format, ap);
	va_end(ap);
}

static unsigned file_order(const struct conf_errors *errors, const char *file)
{
	unsigned i = 0;

	while (i < errors->file_count && errors->files[i] != file)
		i++;
	return i;
}

static bool comes_after(const struct conf_errors *errors, const struct conf_error *a,
			const struct conf_error *b)
{
	unsigned x = file_order(errors, a->file), y = file_order(errors, b->file);

	return x != y ? x > y : a->line > b->line;
}

/* By insertion: stable, and there are never many. */
void conf_errors_sort(struct conf_errors *errors)
{
	for (unsigned i = 1; i < errors->count; i++) {
		struct conf_error error = errors->items[i];
		unsigned k = i;

		for (; k > 0 && comes_after(errors, &errors->items[k - 1], &error); k--)
			errors->items[k] = errors->items[k - 1];
		errors->items[k] = error;
	}
}
