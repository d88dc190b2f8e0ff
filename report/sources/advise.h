/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What received reports say about a stricter policy: whether mail that should arrive would be lost.
 * Only reports that agree with what is known here count (report/sources/reporters.h; RFC 9990
 * section 8.2: forged ones could move a decision).
 */
#ifndef REPORT_SOURCES_ADVISE_H
#define REPORT_SOURCES_ADVISE_H

#include "report/sources/gather.h"

enum advice_verdict { ADVICE_READY, ADVICE_NOT_YET, ADVICE_NO_DATA };
extern const struct name_code advice_verdict_names[];

enum advice_subject {
	ADVICE_QUARANTINE, /* p=quarantine */
	ADVICE_REJECT,     /* p=reject */
	ADVICE_SP,         /* sp=reject: mail in the name of subdomains */
	ADVICE_STRICT,     /* adkim=s; aspf=s */
	ADVICE_SUBJECTS
};
extern const struct name_code advice_subject_names[];

/* How much must be known before anything is said; unless the operator says otherwise: */
enum { ADVICE_DAYS_NEEDED = 14, ADVICE_REPORTERS_NEEDED = 3, ADVICE_SHARE_NEEDED = 10 };
struct advice_needs {
	int64_t days, reporters;
	int64_t share; /* per cent of what was sent from here, where that is known */
};

struct advice {
	enum advice_verdict verdict;
	int64_t legitimate; /* messages that should arrive */
	int64_t lost;       /* of them, those that the policy would affect */
	double share;       /* LOST in per cent */
	double allowed;     /* per cent that is not held against it */
};

/* Messages of FLOW that the policy would affect. */
int64_t advice_lost(enum advice_subject subject, const struct flow *flow);

/* About one policy domain's FLOWS. */
void advice_give(enum advice_subject subject, const struct flow *flows, const char *domain,
		 const struct coverage *coverage, const struct advice_needs *needs,
		 struct advice *advice);

/* Whether enough is known. */
bool advice_has_data(const struct coverage *coverage, const struct advice_needs *needs);

/* Of what was sent from here, how much reports that count tell about, in per cent, 100 at most; 0
 * where nothing was sent. */
double advice_coverage(const struct coverage *coverage);

#endif
