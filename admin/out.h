/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for a person: styles, tables, and foreign text made harmless.
 */
#ifndef ADMIN_OUT_H
#define ADMIN_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/arena.h"

enum out_style { OUT_PLAIN, OUT_GOOD, OUT_WARN, OUT_BAD, OUT_DIM, OUT_BOLD };

/* What switches a style on and off; "" where COLOR is false. */
const char *out_on(enum out_style style, bool color);
const char *out_off(enum out_style style, bool color);

/* TEXT with control characters and bytes that are not characters of the locale as \xNN: nothing
 * that comes from a message, from DNS or from a file may steer the terminal. */
void out_text(FILE *stream, const char *text);

/*
 * A table: its columns are as wide as their widest cell. A heading that begins with '>' is for a
 * column of numbers (set to the right). Cells are added row by row, from left to right.
 */
struct out_table;

struct out_table *out_table_new(struct arena *arena, const char *const *headings, unsigned columns);
void out_cell(struct out_table *table, enum out_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The headings are left out when there is no row. */
void out_table_print(const struct out_table *table, FILE *stream, bool color);

#endif
