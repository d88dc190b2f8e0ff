/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in a gzip (RFC 1952) or zip file, with a limit on the bytes that come out; the form is
 * told by the first bytes, whatever name and media type say. zlib and libarchive are used for
 * reading here, and libarchive nowhere else.
 */
#ifndef REPORT_INBOX_UNPACK_H
#define REPORT_INBOX_UNPACK_H

#include "report/inbox/feed.h"

enum unpack_form { UNPACK_NONE, UNPACK_GZIP, UNPACK_ZIP };
enum unpack_form unpack_form(struct span first); /* by its magic; at least 4 bytes */

enum { UNPACK_ENTRIES_MAX = 16 };

/* The content of gzip: several members are one text, what follows the last is ignored, a truncated
 * file ends early; see unpack_remark(). BUDGET: bytes that may still come out of this message;
 * counted down, and a fault where it does not suffice. */
struct feed *unpack_gzip(struct arena *arena, struct feed *from, int64_t *budget);
/* Of a zip file, entry N (0 is the first); UNPACK_ENTRIES_MAX: a fault. Nothing comes out of an
 * entry that is not there (*THERE false), encrypted or of another method than stored or deflated.
 */
struct feed *unpack_zip(struct arena *arena, struct feed *from, unsigned n, int64_t *budget);
bool unpack_there(struct feed *zip); /* reads its header; false: no such entry, or a fault */
const char *unpack_name(const struct feed *zip); /* after unpack_there(); or NULL */

/* What was odd about the file so far, or NULL. */
const char *unpack_remark(const struct feed *gzip);

#endif
