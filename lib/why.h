/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reason an operation failed, as text for a person.
 *
 * A function that can fail takes a struct why and returns -1 after why_set(); the text names the
 * object, the field and the fault, and what to do where that is known. Libraries fill it in,
 * programs print it, once.
 */
#ifndef LIB_WHY_H
#define LIB_WHY_H

struct why {
	char text[512]; /* NUL-terminated; longer reasons are cut */
};

/* Always returns -1, so that a caller can write: return why_set(why, "..."). WHY may be NULL. */
int why_set(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts text in front of the reason already there ("conf/x.conf: " + reason). Returns -1. */
int why_prefix(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* clang's analyzer reads one file at a time, and would follow a failure that gives 0. */
#ifdef __clang_analyzer__
#define why_set(...)    (why_set(__VA_ARGS__), -1)
#define why_prefix(...) (why_prefix(__VA_ARGS__), -1)
#endif

#endif
