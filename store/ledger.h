/*
 * The ledger: aggregate data, counted. One row stands for all messages of a day that look alike to
 * a report; the row has a count. This room knows no mail and no RFC: a row is texts and numbers
 * (report/tally.h makes rows from verdicts and reads them back).
 *
 * One writer thread for each open ledger takes rows from a bounded queue and commits them in
 * groups. ledger_add() returns when the row is on disk (SQLite, synchronous=FULL).
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/why.h"

struct ledger;

/* The policy configuration a row was judged by: rows of one day and one configuration form one
 * report. All texts may be long; NULL is stored as such. */
struct ledger_policy {
	const char *domain;    /* the policy domain */
	const char *p, *sp, *np;   /* "none" "quarantine" "reject" */
	const char *adkim, *aspf;  /* "r" "s" */
	const char *fo;
	const char *testing;       /* "y" "n" */
	const char *discovery;     /* "treewalk" "psl" */
	const char *rua;           /* NULL: no report is wanted */
	const char *ruf;
};

/* One combination; everything but COUNT is the row's identity. */
struct ledger_row {
	int32_t day;               /* UTC, as clock_day() */
	struct ledger_policy policy;
	const char *source_ip;
	const char *disposition;   /* "none" "pass" "quarantine" "reject" */
	const char *dkim_aligned;  /* "pass" "fail" */
	const char *spf_aligned;   /* "pass" "fail" */
	const char *reasons;       /* JSON array of {"type","comment"}; "[]" for none */
	const char *header_from;
	const char *envelope_from; /* domain; "" for the null sender */
	const char *envelope_to;   /* domain, or "" */
	const char *dkim;          /* JSON array of {"domain","selector","result","human_result"} */
	const char *spf_domain;    /* or "" */
	const char *spf_result;    /* "none" "pass" ... */
	int64_t count;
};

struct ledger_settings {
	const char *path;        /* of the SQLite file; made (mode 0640) when absent */
	bool read_only;          /* for the command: no writer, no change */
	unsigned queue_rows;     /* bound of the queue; 0: 4096 */
	unsigned group_rows;     /* rows of one commit at most; 0: 1000 */
};

/* Opens and, unless read-only, brings the schema up to date and starts the writer. */
struct ledger *ledger_open(const struct ledger_settings *settings, struct why *why);
void ledger_close(struct ledger *ledger); /* commits what is queued; NULL is fine */

/*
 * Adds ROW->count to its row and waits until that is committed or DEADLINE (clock_mono()) passes.
 * 0: committed. 1: not yet, but queued and it will be, or the reason is logged by whoever reads
 * ledger_stats. -1: refused (queue full, store failed); the row is not counted; WHY says why.
 */
int ledger_add(struct ledger *ledger, const struct ledger_row *row, int64_t deadline,
	       struct why *why);

struct ledger_stats {
	uint64_t rows;     /* committed */
	uint64_t groups;   /* commits */
	uint64_t failures; /* rows lost to a failed commit or a full queue */
	uint64_t pending;  /* rows in the queue now */
	char last_error[256];
};
void ledger_stats(struct ledger *ledger, struct ledger_stats *stats);

/* ---- reading ---- */

struct ledger_day {
	const char *domain;
	int32_t day;
	const char *p;
	int64_t messages, passed; /* passed: dkim_aligned or spf_aligned is "pass" */
	int64_t rows;
	const char *rua;
};

/* One call for each (policy domain, configuration) of DAY, ordered by domain. Texts live during
 * the call. A callback that returns non-zero ends the reading; that value is returned. */
typedef int ledger_day_visit(void *arg, const struct ledger_day *day);
int ledger_days(struct ledger *ledger, int32_t from_day, int32_t to_day, ledger_day_visit *visit,
		void *arg, struct why *why);

/* The rows of one domain and day, ordered by configuration, then source. Streams: memory does not
 * grow with their number. */
typedef int ledger_row_visit(void *arg, const struct ledger_row *row);
int ledger_rows(struct ledger *ledger, const char *domain, int32_t day, ledger_row_visit *visit,
		void *arg, struct why *why);

#endif
