/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is stored, as plain structs: a counted row with the policy that applied to it, a day's
 * totals, and a line of the log of messages. Each function says how long their texts live.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <stdbool.h>
#include <stdint.h>

/* The policy configuration that applied to a row. Rows of one day, domain and configuration form
 * one report. RUA, RUF and ERROR are not part of its identity: the last ones are kept. */
struct ledger_policy {
	const char *domain;       /* the policy domain; never NULL or "" */
	const char *p, *sp, *np;  /* "none" "quarantine" "reject"; sp, np or NULL */
	const char *adkim, *aspf; /* "r" "s" */
	const char *fo;
	const char *testing;   /* "y" "n" */
	const char *discovery; /* "treewalk" "psl" */
	const char *rua;       /* NULL: no reports are wanted */
	const char *ruf;
	const char *error; /* what is wrong with the record, or NULL */
};

/* A row. All texts but RUA, RUF, ERROR and the notes are its identity; the notes are those of its
 * first message. Texts are UTF-8; NULL stands for "" except in the policy. */
struct ledger_row {
	int32_t day; /* UTC, as clock_day() */
	struct ledger_policy policy;
	const char *source_ip;
	const char *disposition;  /* "none" "pass" "quarantine" "reject" */
	const char *dkim_aligned; /* "pass" "fail" */
	const char *spf_aligned;  /* "pass" "fail" */
	const char *reasons;      /* JSON array of {"type","comment"}; "[]" for none */
	const char *header_from;
	const char *envelope_from; /* domain; "" for the null sender */
	const char *envelope_to;   /* domain, or "" */
	const char *dkim;          /* JSON array of {"domain","selector","result"} */
	const char *dkim_notes;    /* JSON array of {"text"}, one for each of DKIM; for people */
	const char *spf_domain;    /* or "" */
	const char *spf_result;    /* "none" "pass" ... */
	const char *spf_note;      /* for people, or "" */
	int64_t count;             /* 1 or more */
	int64_t quiet;             /* how many of them are not worth a report; LEDGER_SENT */
};

/* QUIET of a count of our own mail (report/sent.h), which is not a row of a report. */
#define LEDGER_SENT INT64_C(-1)

enum { LEDGER_CONFIG_MAX = 33 };

/* The rows of one policy domain, day and configuration, which make one report. */
struct ledger_day {
	int32_t day;
	struct ledger_policy policy;
	char config[LEDGER_CONFIG_MAX]; /* names the configuration: 32 hexadecimal digits */
	int64_t since;                  /* wall seconds: when its first row was committed */
	int64_t messages, passed;       /* passed: dkim_aligned or spf_aligned is "pass" */
	int64_t rows;
	int64_t accepted; /* of MESSAGES: those that were not rejected */
	int64_t quiet;    /* of MESSAGES: not worth a report, see struct ledger_row */
	bool damaged;     /* the rows are not what was counted: MISSING messages more, or less */
	int64_t missing;
};

/* What names the rows and the report of one domain, day and configuration. */
struct ledger_key {
	const char *domain;
	int32_t day;
	const char *config;
};

/* That of DAY, whose texts it borrows. */
static inline struct ledger_key ledger_day_key(const struct ledger_day *day)
{
	return (struct ledger_key){day->policy.domain, day->day, day->config};
}

/* A line of the log of messages (store/messages.h), and the next one of its list. */
struct messages_line {
	struct messages_line *next;
	int64_t at; /* wall seconds */
	char text[];
};

#endif
