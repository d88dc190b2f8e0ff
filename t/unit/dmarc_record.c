/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dmarc/record: RFC 9989 sections 4.7, 4.8 and 4.10.1. */
#include <string.h>

#include "policy/dmarc/record.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* "p/sp/np adkim aspf t psd fo rua ruf notes", with upper case for what the record itself says;
 * "ignored", "unusable". */
static const char *read(struct span text)
{
	struct dmarc_record r;
	struct why why = {""};

	if (dmarc_record_parse(arena, text, &r, &why) == -1)
		return "ignored";
	if (!r.usable)
		return why.text[0] == '\0' ? "unusable without a reason" : "unusable";
	return arena_printf(arena, "%s%s %s%s %s%s %c%c %c %c %s %s %s %u", r.has_p ? "+" : "",
			    dmarc_policy_text(r.p), r.has_sp ? "+" : "", dmarc_policy_text(r.sp),
			    r.has_np ? "+" : "", dmarc_policy_text(r.np),
			    r.adkim_strict ? 's' : 'r', r.aspf_strict ? 's' : 'r',
			    r.testing ? 'y' : 'n', "uyn"[r.psd], r.fo, r.rua == NULL ? "-" : r.rua,
			    r.ruf == NULL ? "-" : r.ruf, r.notes);
}

static void test_faults(void)
{
	struct dmarc_record r;

	dmarc_record_parse(arena, span_of("v=DMARC1; p=reject; aspf=x; junk; rua=dmarc"), &r, NULL);
	is_text(r.faults, "a part of it has no \"=\"; aspf= is not valid; rua= is not valid",
		"what its owner is told");
	dmarc_record_parse(arena, span_of("v=DMARC1; p=reject; pct=50; x=y"), &r, NULL);
	ok(r.faults == NULL, "what is historic or unknown is not a fault");
	dmarc_record_parse(arena, span_of("v=DMARC1; p=reject; sp=none; sp=reject; p=reject"), &r,
			   NULL);
	is_text(r.faults, "p= appears twice; sp= appears twice with different values",
		"repeated tags");
}

#define REJECT "+reject reject reject "
#define PLAIN  REJECT "rr n u 0 - - 0"
#define NONE   "none none none rr n u 0 "

static const struct {
	const char *text, *want;
} cases[] = {
    {"v=DMARC1; p=reject", PLAIN},
    {"v=DMARC1;p=reject;", PLAIN},
    {"v=DMARC1 ; p = reject ; ", PLAIN},
    {"v\t=\tDMARC1\t;\tp\t=\treject\t;\t", PLAIN},
    {"V=DMARC1; p=reject", PLAIN}, /* "v" is an ABNF string */
    {"v=DMARC1; p=REJECT", PLAIN},
    {"v=DMARC1; sp=none; p=reject", "+reject +none none rr n u 0 - - 0"},
    {"v=DMARC1; p=none; np=reject; sp=quarantine", "+none +quarantine +reject rr n u 0 - - 0"},
    {"v=DMARC1; p=reject; np=none", "+reject reject +none rr n u 0 - - 0"},
    {"v=DMARC1; p=quarantine; adkim=s; aspf=S; t=y; psd=n",
     "+quarantine quarantine quarantine ss y n 0 - - 0"},
    {"v=DMARC1; p=reject; psd=Y; t=N", REJECT "rr n y 0 - - 0"},
    {"v=DMARC1; p=reject; psd=u", PLAIN},
    /* the version: first, exact */
    {"", "ignored"},
    {"v", "ignored"},
    {"v=", "ignored"},
    {"v=DMARC", "ignored"},
    {"v=dmarc1; p=reject", "ignored"},
    {"v=DMARC12; p=reject", "ignored"},
    {"v=DMARC1p=reject", "ignored"},
    {"v=DMARC1 p=reject", "ignored"},
    {"v=DMARC1, p=reject", "ignored"},
    {" v=DMARC1; p=reject", "ignored"},
    {"p=reject; v=DMARC1", "ignored"},
    {"v=spf1 -all", "ignored"},
    {"v=DMARC2; p=reject", "ignored"},
    {"v=DMARC1\r\n; p=reject", "ignored"},
    {"version=DMARC1; p=reject", "ignored"},
    /* no policy, bad policy */
    {"v=DMARC1", "unusable"},
    {"v=DMARC1;", "unusable"},
    {"v=DMARC1; rua=nonsense", "unusable"},
    {"v=DMARC1; ruf=mailto:a@b.example", "unusable"},
    {"v=DMARC1; sp=reject; rua=mailto:a@b.example",
     "none +reject reject rr n u 0 mailto:a@b.example - 4"},
    {"v=DMARC1; rua=mailto:a@b.example", NONE "mailto:a@b.example - 4"},
    {"v=DMARC1; sp=reject", "unusable"},
    {"v=DMARC1; p=monitor", "unusable"},
    {"v=DMARC1; p=", "unusable"},
    {"v=DMARC1; p=reject none", "unusable"},
    {"v=DMARC1; p=reject, sp=none", "unusable"},
    {"v=DMARC1; p=rejec\xc3\xa9", "unusable"},
    {"v=DMARC1; p=monitor; rua=mailto:a@b.example", NONE "mailto:a@b.example - 1"},
    {"v=DMARC1; p=reject; sp=monitor", "unusable"},
    {"v=DMARC1; p=reject; np=monitor; rua=bad", "unusable"},
    {"v=DMARC1; p=reject; sp=quarantine; np=?; rua=mailto:a@b.example",
     NONE "mailto:a@b.example - 1"},
    {"v=DMARC1; p=reject; sp=bad; rua=https://r.example/x", NONE "https://r.example/x - 1"},
    /* names in either case */
    {"v=DMARC1; P=reject", PLAIN},
    {"V = DMARC1 ; P = Reject ; ADKIM = S", REJECT "sr n u 0 - - 0"},
    {"V=DMARC1; P=None; SP=Reject; Np=Quarantine; aSPF=s; T=Y; PSD=N; Rua=mailto:a@b.example",
     "+none +reject +quarantine rs y n 0 mailto:a@b.example - 0"},
    {"v=DMARC1; p=reject; PCT=50", REJECT "rr n u 0 - - 2"},
    {"v=DMARC1; P=monitor", "unusable"},
    /* errors elsewhere cost their tag alone */
    {"v=DMARC1; p=reject; adkim=x; aspf=; t=maybe; psd=1", REJECT "rr n u 0 - - 1"},
    {"v=DMARC1; p=reject; garbage", REJECT "rr n u 0 - - 1"},
    {"v=DMARC1;; p=reject;;", PLAIN},
    {"v=DMARC1; p=reject; =x; x=; unknown=1; un_known=2; x=3; x=4", PLAIN},
    {"v=DMARC1; p=reject; adkim=s\x01", REJECT "rr n u 0 - - 1"},
    /* historic tags */
    {"v=DMARC1; p=reject; pct=50; rf=afrf; ri=3600", REJECT "rr n u 0 - - 2"},
    {"v=DMARC1; p=reject; rf=afrfruf=mailto:a@b.example", REJECT "rr n u 0 - - 2"},
    /* twice */
    {"v=DMARC1; p=reject; p=none", "unusable"},
    {"v=DMARC1; p=reject; P=none", "unusable"},
    {"v=DMARC1; p=reject; p=none; rua=mailto:a@b.example", NONE "mailto:a@b.example - 1"},
    {"v=DMARC1; p=reject; p=none; p=reject", "unusable"},
    {"v=DMARC1; p=reject; sp=none; sp=reject", "unusable"},
    {"v=DMARC1; p=reject; p=Reject", REJECT "rr n u 0 - - 1"},
    {"v=DMARC1; p=reject; v=DMARC1", PLAIN},
    {"v=DMARC1; p=reject; rua=mailto:a@b.example; rua=mailto:c@b.example",
     REJECT "rr n u 0 mailto:a@b.example - 1"},
    {"v=DMARC1; rua=mailto:a@b.example; p=reject; rua=nonsense",
     REJECT "rr n u 0 mailto:a@b.example - 1"},
    {"v=DMARC1; p=reject; adkim=s; adkim=r", REJECT "rr n u 0 - - 1"},
    {"v=DMARC1; p=reject; adkim=s; ADKIM=S", REJECT "sr n u 0 - - 1"},
    {"v=DMARC1; p=reject; psd=y; psd=n", REJECT "rr n u 0 - - 1"},
    {"v=DMARC1; p=reject; pct=1; pct=2", REJECT "rr n u 0 - - 3"},
    /* fo */
    {"v=DMARC1; p=reject; fo=1", PLAIN},
    {"v=DMARC1; p=reject; fo=1; ruf=mailto:a@b.example", REJECT "rr n u 1 - mailto:a@b.example 0"},
    {"v=DMARC1; p=reject; fo=1:D:s; ruf=x:y", REJECT "rr n u 1:d:s - x:y 0"},
    {"v=DMARC1; p=reject; fo=d:0:s; ruf=x:y", REJECT "rr n u d:0:s - x:y 0"},
    {"v=DMARC1; p=reject; fo=s; ruf=x:y", REJECT "rr n u s - x:y 0"},
    {"v=DMARC1; p=reject; fo=0:1; ruf=x:y", REJECT "rr n u 0 - x:y 1"},
    {"v=DMARC1; p=reject; fo=d:d; ruf=x:y", REJECT "rr n u 0 - x:y 1"},
    {"v=DMARC1; p=reject; fo=; ruf=x:y", REJECT "rr n u 0 - x:y 1"},
    {"v=DMARC1; p=reject; fo=1::s; ruf=x:y", REJECT "rr n u 0 - x:y 1"},
    {"v=DMARC1; p=reject; fo=any; ruf=x:y", REJECT "rr n u 0 - x:y 1"},
    /* URIs */
    {"v=DMARC1; p=reject; rua=mailto:a@b.example!10m, mailto:c@d.example",
     REJECT "rr n u 0 mailto:a@b.example!10m, mailto:c@d.example - 8"},
    {"v=DMARC1; p=reject; rua=mailto:a@b.example!10", REJECT "rr n u 0 mailto:a@b.example!10 - 8"},
    {"v=DMARC1; p=reject; rua=mailto:a!b@c.example", REJECT "rr n u 0 mailto:a!b@c.example - 1"},
    {"v=DMARC1; p=reject; rua=a@b.example", REJECT "rr n u 0 a@b.example - 1"},
    {"v=DMARC1; p=reject; rua=mailto:0", REJECT "rr n u 0 mailto:0 - 1"},
    {"v=DMARC1; p=reject; rua=mailto:a%2Cb@c.example",
     REJECT "rr n u 0 mailto:a%2Cb@c.example - 0"},
    {"v=DMARC1; p=reject; rua=mailto:a%2@c.example", REJECT "rr n u 0 mailto:a%2@c.example - 1"},
    {"v=DMARC1; p=reject; rua=", REJECT "rr n u 0 - - 1"},
    {"v=DMARC1; p=bad; rua=mailto:0, mailto:a@b.example", NONE "mailto:0, mailto:a@b.example - 1"},
    {"v=DMARC1; p=bad; rua=mailto:a@b.example!x", "unusable"},
    {"v=DMARC1; p=bad; rua=!10m", "unusable"},
    {"v=DMARC1; p=bad; rua=mailto:", "unusable"},
    {"v=DMARC1; p=bad; rua=mailto:a@!10m", "unusable"},
};

static void test_text(void)
{
	struct dmarc_record r;

	is_int(dmarc_record_parse(arena, span_of("v=DMARC1; x=\x1b[2J\xff"), &r, NULL), 0,
	       "raw bytes");
	is_text(r.text, "v=DMARC1; x=?[2J?", "do not reach a terminal");
	is_text(read(span_make("v=DMARC1; p=reject\0", 19)), "unusable", "NUL behind a value");
	is_text(read(span_make("v=DMARC1\0; p=reject", 19)), "ignored", "NUL behind the version");
}

int main(void)
{
	arena = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_text(read(span_of(cases[i].text)), cases[i].want, "record %zu", i);
	test_text();
	test_faults();
	arena_free(arena);
	return tap_done();
}
