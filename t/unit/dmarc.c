/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/dmarc/dmarc and policy/dmarc/treewalk: decision vectors. Each is a zone, an author, what
 * SPF and DKIM found, and what DMARC (RFC 9989) makes of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dmarc/treewalk.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

/*
 * zone: lines "D name record" (at _dmarc.name), "A name" (the name exists), "F name" (queries for
 * it fail), "P name" (the operator calls it a public suffix).
 * spf, dkim: "result domain", several for dkim; "" for none.
 * want: "result tag=policy@record-domain org=domain aligned-by [worst=policy] [t=y]"; "?": not
 * known.
 */
struct vector {
	const char *name, *zone, *author, *spf, *dkim, *want;
};

#define EXAMPLE "D example.com v=DMARC1; p=reject\n"

static const struct vector vectors[] = {
    /* ---- results (section 5.3.5) ---- */
    {"nothing authenticated", EXAMPLE, "example.com", "none example.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF fails", EXAMPLE, "example.com", "fail example.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF softfail is not a pass", EXAMPLE, "example.com", "softfail example.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF permerror is not a pass", EXAMPLE, "example.com", "permerror example.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF neutral is not a pass", EXAMPLE, "example.com", "neutral example.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"DKIM neutral and permerror are not a pass", EXAMPLE, "example.com", "",
     "neutral example.com permerror example.com none example.com",
     "fail p=reject@example.com org=example.com -"},
    {"SPF passes, identical", EXAMPLE, "example.com", "pass example.com", "",
     "pass p=reject@example.com org=example.com spf"},
    {"SPF passes, other case", EXAMPLE, "example.com", "pass EXAMPLE.com", "",
     "pass p=reject@example.com org=example.com spf"},
    {"SPF passes, below", EXAMPLE, "example.com", "pass bounce.example.com", "",
     "pass p=reject@example.com org=example.com spf"},
    {"SPF passes, above", EXAMPLE, "news.example.com", "pass example.com", "",
     "pass p=reject@example.com org=example.com spf"},
    {"SPF passes, beside", EXAMPLE, "news.example.com", "pass mail.example.com", "",
     "pass p=reject@example.com org=example.com spf"},
    {"SPF passes, elsewhere", EXAMPLE, "example.com", "pass example.net", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF passes, same suffix", EXAMPLE, "example.com", "pass other.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"a text suffix is not a subdomain", EXAMPLE, "example.com", "pass badexample.com", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF without a domain", EXAMPLE, "example.com", "pass -", "",
     "fail p=reject@example.com org=example.com -"},
    {"DKIM passes", EXAMPLE, "example.com", "fail example.com", "pass example.com",
     "pass p=reject@example.com org=example.com dkim"},
    {"DKIM passes, below", EXAMPLE, "example.com", "", "pass mail.example.com",
     "pass p=reject@example.com org=example.com dkim"},
    {"DKIM fails", EXAMPLE, "example.com", "", "fail example.com",
     "fail p=reject@example.com org=example.com -"},
    {"DKIM policy is not a pass", EXAMPLE, "example.com", "", "policy example.com",
     "fail p=reject@example.com org=example.com -"},
    {"the last of several signatures", EXAMPLE, "example.com", "",
     "fail example.com pass example.net permerror example.com pass a.example.com",
     "pass p=reject@example.com org=example.com dkim"},
    {"a pass of another's signature", EXAMPLE, "example.com", "",
     "fail example.com pass example.net", "fail p=reject@example.com org=example.com -"},
    {"both", EXAMPLE, "example.com", "pass example.com", "pass example.com",
     "pass p=reject@example.com org=example.com dkim,spf"},
    {"an A-label author", "D xn--mnchen-3ya.example v=DMARC1; p=reject\n", "xn--mnchen-3ya.example",
     "pass xn--mnchen-3ya.example", "",
     "pass p=reject@xn--mnchen-3ya.example org=xn--mnchen-3ya.example spf"},

    /* ---- strict alignment ---- */
    {"strict SPF, below", "D example.com v=DMARC1; p=reject; aspf=s\n", "example.com",
     "pass a.example.com", "", "fail p=reject@example.com org=example.com -"},
    {"strict SPF, identical", "D example.com v=DMARC1; p=reject; aspf=s\n", "example.com",
     "pass example.com", "", "pass p=reject@example.com org=example.com spf"},
    {"strict SPF leaves DKIM relaxed", "D example.com v=DMARC1; p=reject; aspf=s\n", "example.com",
     "pass a.example.com", "pass a.example.com", "pass p=reject@example.com org=example.com dkim"},
    {"strict DKIM, above", "D example.com v=DMARC1; p=reject; adkim=s\n", "a.example.com", "",
     "pass example.com", "fail p=reject@example.com org=example.com -"},
    {"strict DKIM, identical", "D example.com v=DMARC1; p=reject; adkim=s\n", "a.example.com", "",
     "pass a.example.com", "pass p=reject@example.com org=example.com dkim"},
    {"the mode is that of the record that applies",
     "D example.com v=DMARC1; p=reject; adkim=s\nD a.example.com v=DMARC1; p=none\n",
     "a.example.com", "", "pass example.com", "pass p=none@a.example.com org=example.com dkim"},

    /* ---- which record, which tag (section 4.10.1) ---- */
    {"no record", "A example.com\n", "example.com", "pass example.com", "",
     "none - org=example.com -"},
    {"no such domain, no record", "", "a.b.example", "pass a.b.example", "",
     "none - org=a.b.example -"},
    {"the author's own", EXAMPLE "D a.example.com v=DMARC1; p=quarantine; sp=none\n",
     "a.example.com", "", "", "fail p=quarantine@a.example.com org=example.com -"},
    {"inherited", EXAMPLE "A a.example.com\n", "a.example.com", "", "",
     "fail p=reject@example.com org=example.com -"},
    {"inherited, sp", "D example.com v=DMARC1; p=none; sp=quarantine\nA a.example.com\n",
     "a.example.com", "", "", "fail sp=quarantine@example.com org=example.com -"},
    {"sp does not apply to the domain itself", "D example.com v=DMARC1; p=none; sp=reject\n",
     "example.com", "", "", "fail p=none@example.com org=example.com -"},
    {"records between are never used",
     "D example.com v=DMARC1; p=quarantine\nD b.example.com v=DMARC1; p=reject; sp=reject\n",
     "a.b.example.com", "", "", "fail p=quarantine@example.com org=example.com -"},
    {"np, the domain does not exist", "D example.com v=DMARC1; p=none; sp=quarantine; np=reject\n",
     "nowhere.example.com", "", "", "fail np=reject@example.com org=example.com -"},
    {"np, no data is existence",
     "D example.com v=DMARC1; p=none; sp=quarantine; np=reject\nA a.example.com\n", "a.example.com",
     "", "", "fail sp=quarantine@example.com org=example.com -"},
    {"np, a name below is existence",
     "D example.com v=DMARC1; p=none; np=reject\nA x.a.example.com\n", "a.example.com", "", "",
     "fail p=none@example.com org=example.com -"},
    {"np, something at _dmarc is existence",
     "D example.com v=DMARC1; p=none; np=reject\nD a.example.com hello\n", "a.example.com", "", "",
     "fail p=none@example.com org=example.com -"},
    {"np weaker than sp", "D example.com v=DMARC1; p=reject; np=none\n", "nowhere.example.com", "",
     "", "fail np=none@example.com org=example.com -"},
    {"np falls back to sp", "D example.com v=DMARC1; p=none; sp=reject\n", "nowhere.example.com",
     "", "", "fail sp=reject@example.com org=example.com -"},
    {"np falls back to p", EXAMPLE, "nowhere.example.com", "", "",
     "fail p=reject@example.com org=example.com -"},
    {"a pass without existence", "D example.com v=DMARC1; p=none; np=reject\n",
     "nowhere.example.com", "", "pass example.com",
     "pass np=reject@example.com org=example.com dkim"},
    {"t=y leaves the policy", "D example.com v=DMARC1; p=reject; t=y\n", "example.com", "", "",
     "fail p=reject@example.com org=example.com - t=y"},
    {"t=y of the record that is inherited",
     "D example.com v=DMARC1; p=none; sp=reject; t=y\nA a.example.com\n", "a.example.com", "", "",
     "fail sp=reject@example.com org=example.com - t=y"},
    {"t=y for np", "D example.com v=DMARC1; p=none; np=quarantine; t=y\n", "nowhere.example.com",
     "", "", "fail np=quarantine@example.com org=example.com - t=y"},
    {"t=y above the record that applies",
     "D example.com v=DMARC1; p=reject; t=y\nD a.example.com v=DMARC1; p=reject\n", "a.example.com",
     "", "", "fail p=reject@a.example.com org=example.com -"},
    {"np does not apply to the domain itself", "D example.com v=DMARC1; p=none; np=reject\n",
     "example.com", "", "", "fail p=none@example.com org=example.com -"},
    {"sp and np at a subdomain say nothing",
     "D example.com v=DMARC1; p=none\nD b.example.com v=DMARC1; p=none; sp=reject; np=reject\n",
     "nowhere.b.example.com", "", "", "fail p=none@example.com org=example.com -"},
    {"np below a name that does not exist", "D example.com v=DMARC1; p=none; sp=none; np=reject\n",
     "a.nowhere.example.com", "", "", "fail np=reject@example.com org=example.com -"},
    {"p in other letters", "D example.com v=DMARC1; p=Reject; ADKIM=s; adkim=S\n", "example.com",
     "", "pass a.example.com", "fail p=reject@example.com org=example.com -"},

    /* ---- records that are none (sections 4.10 and 4.10.1) ---- */
    {"other TXT records beside", EXAMPLE "D example.com hello\nD example.com v=DMARC2; p=none\n",
     "example.com", "", "", "fail p=reject@example.com org=example.com -"},
    {"two at a name", EXAMPLE "D example.com v=DMARC1; p=none\n", "example.com", "", "",
     "none - org=example.com -"},
    {"two at the author's, one above",
     EXAMPLE "D a.example.com v=DMARC1; p=none\nD a.example.com v=DMARC1; p=quarantine\n",
     "a.example.com", "", "", "fail p=reject@example.com org=example.com -"},
    {"a broken one counts as one of two", EXAMPLE "D example.com v=DMARC1; p=none; p=reject\n",
     "example.com", "", "", "none - org=example.com -"},
    {"broken", "D example.com v=DMARC1; p=none; p=reject\n", "example.com", "", "",
     "permerror - org=example.com -"},
    {"broken at the author's, one above", EXAMPLE "D a.example.com v=DMARC1; p=none; p=reject\n",
     "a.example.com", "", "", "permerror - org=example.com -"},
    {"rua twice",
     "D example.com v=DMARC1; p=reject; rua=mailto:a@x.example; rua=mailto:b@x.example\n",
     "example.com", "", "", "fail p=reject@example.com org=example.com -"},
    {"names in upper case", "D example.com V = DMARC1 ; P = Reject ; ADKIM = S\n", "example.com",
     "", "pass a.example.com", "fail p=reject@example.com org=example.com -"},
    {"invalid p", "D example.com v=DMARC1; p=monitor\n", "example.com", "", "pass example.com",
     "permerror - org=example.com -"},
    {"invalid p with rua", "D example.com v=DMARC1; p=monitor; rua=mailto:a@example.com\n",
     "example.com", "", "", "fail p=none@example.com org=example.com -"},
    {"invalid sp spoils p", "D example.com v=DMARC1; p=reject; sp=x\n", "example.com", "", "",
     "permerror - org=example.com -"},
    {"invalid p above", "D example.com v=DMARC1; p=monitor\n", "a.example.com", "", "",
     "permerror - org=example.com -"},
    {"no p", "D example.com v=DMARC1; rua=mailto:a@example.com\n", "example.com", "", "",
     "fail p=none@example.com org=example.com -"},
    {"no p, no rua", "D example.com v=DMARC1\n", "example.com", "", "", "none - org=example.com -"},
    {"no p, a rua that is none", "D example.com v=DMARC1; rua=dmarc\n", "example.com", "",
     "pass example.com", "none - org=example.com -"},
    {"no p, no rua: the one above does not count", EXAMPLE "D a.example.com v=DMARC1; adkim=s\n",
     "a.example.com", "", "", "none - org=example.com -"},
    {"no p, but sp", "D example.com v=DMARC1; sp=reject\nA a.example.com\n", "a.example.com", "",
     "", "none - org=example.com -"},
    {"no p, but sp and rua",
     "D example.com v=DMARC1; sp=reject; rua=mailto:a@example.com\nA a.example.com\n",
     "a.example.com", "", "", "fail sp=reject@example.com org=example.com -"},
    {"invalid sp with rua",
     "D example.com v=DMARC1; p=reject; sp=x; rua=mailto:a@example.com\nA a.example.com\n",
     "a.example.com", "", "", "fail p=none@example.com org=example.com -"},
    {"invalid np with rua", "D example.com v=DMARC1; p=reject; np=x; rua=mailto:a@example.com\n",
     "example.com", "", "", "fail p=none@example.com org=example.com -"},
    {"invalid np with a rua that is none", "D example.com v=DMARC1; p=reject; np=x; rua=a\n",
     "example.com", "", "", "permerror - org=example.com -"},
    {"invalid p still aligns", "D example.com v=DMARC1; p=monitor; rua=mailto:a@example.com\n",
     "a.example.com", "", "pass b.example.com", "pass p=none@example.com org=example.com dkim"},
    {"an invalid adkim is relaxed", "D example.com v=DMARC1; p=reject; adkim=x\n", "example.com",
     "", "pass a.example.com", "pass p=reject@example.com org=example.com dkim"},
    {"tags that are obsolete", "D example.com v=DMARC1; p=reject; pct=0; rf=afrf; ri=1\n",
     "example.com", "", "", "fail p=reject@example.com org=example.com -"},
    {"v in other letters is another record", "D example.com v=dmarc1; p=reject\n", "example.com",
     "", "", "none - org=example.com -"},
    {"v is not the first", "D example.com p=reject; v=DMARC1\n", "example.com", "", "",
     "none - org=example.com -"},
    {"a suffix without an organization's record but two",
     "D bank.example v=DMARC1; p=reject; psd=y\nD mega.bank.example v=DMARC1; p=none\n"
     "D mega.bank.example v=DMARC1; p=quarantine\n",
     "mega.bank.example", "", "", "fail p=reject@bank.example org=mega.bank.example -"},

    /* ---- organizational domains (section 4.10.2) ---- */
    {"the fewest labels", EXAMPLE "D mail.example.com v=DMARC1; p=none\n", "a.mail.example.com", "",
     "pass example.com", "pass p=reject@example.com org=example.com dkim"},
    {"a record only below: the list knew better", "D mail.example.com v=DMARC1; p=reject\n",
     "mail.example.com", "", "pass example.com",
     "fail p=reject@mail.example.com org=mail.example.com -"},
    {"a record only below, aligned below", "D mail.example.com v=DMARC1; p=reject\n",
     "mail.example.com", "", "pass a.mail.example.com",
     "pass p=reject@mail.example.com org=mail.example.com dkim"},
    {"a record without psd=y on a suffix joins its tenants", EXAMPLE "D com v=DMARC1; p=none\n",
     "example.com", "", "pass evil.com", "pass p=reject@example.com org=com dkim"},
    {"psd=n keeps them apart", "D example.com v=DMARC1; p=reject; psd=n\nD com v=DMARC1; p=none\n",
     "example.com", "", "pass evil.com", "fail p=reject@example.com org=example.com -"},
    {"psd=y keeps them apart", EXAMPLE "D com v=DMARC1; p=none; psd=y\n", "example.com", "",
     "pass evil.com", "fail p=reject@example.com org=example.com -"},
    {"so does the operator's list", EXAMPLE "D com v=DMARC1; p=none\nP com\n", "example.com", "",
     "pass evil.com", "fail p=reject@example.com org=example.com -"},
    {"psd=n in between", EXAMPLE "D dept.example.com v=DMARC1; p=none; psd=n\n",
     "a.dept.example.com", "", "pass example.com",
     "fail p=none@dept.example.com org=dept.example.com -"},
    {"psd=n at the author's", EXAMPLE "D dept.example.com v=DMARC1; p=none; psd=n\n",
     "dept.example.com", "", "pass a.dept.example.com",
     "pass p=none@dept.example.com org=dept.example.com dkim"},
    {"psd=n below the author's", EXAMPLE "D dept.example.com v=DMARC1; p=none; psd=n\n",
     "example.com", "", "pass dept.example.com", "fail p=reject@example.com org=example.com -"},
    {"section 4.10.2, first example", EXAMPLE "D mail.example.com v=DMARC1; p=none\n",
     "a.mail.example.com", "", "pass x.example.com",
     "pass p=reject@example.com org=example.com dkim"},
    {"section 4.10.2, second example", EXAMPLE "D mail.example.com v=DMARC1; p=none; psd=n\n",
     "a.mail.example.com", "", "pass b.mail.example.com",
     "pass p=none@mail.example.com org=mail.example.com dkim"},
    {"section 4.10.2, third example", "D com v=DMARC1; p=none; psd=y\nA a.mail.example.com\n",
     "a.mail.example.com", "", "pass example.com", "pass p=none@com org=example.com dkim"},
    {"section 4.4, table 1, relaxed", EXAMPLE "A news.example.com\n", "news.example.com",
     "pass foo.example.com", "", "pass p=reject@example.com org=example.com spf"},
    {"section 4.4, table 1, none", EXAMPLE "A news.example.com\n", "news.example.com",
     "pass foo.example.net", "", "fail p=reject@example.com org=example.com -"},
    {"each identifier has a walk of its own",
     EXAMPLE "D dept.example.com v=DMARC1; p=none; psd=n\n", "example.com",
     "pass x.dept.example.com", "pass y.example.com",
     "pass p=reject@example.com org=example.com dkim"},
    {"two records at the top of an identifier",
     EXAMPLE "D com v=DMARC1; p=none\n"
	     "D com v=DMARC1; p=none\n",
     "example.com", "", "pass evil.com", "fail p=reject@example.com org=example.com -"},
    {"appendix B.4.1", EXAMPLE "D signing.example.com v=DMARC1; p=none\n", "example.com",
     "pass example.com", "pass signing.example.com",
     "pass p=reject@example.com org=example.com dkim,spf"},
    {"appendix B.4.3",
     "D bank.example v=DMARC1; p=none; psd=y\nD giant.bank.example v=DMARC1; p=reject\n",
     "giant.bank.example", "pass mail.giant.bank.example", "pass mail.mega.bank.example",
     "pass p=reject@giant.bank.example org=giant.bank.example spf"},
    {"section 11.8", EXAMPLE "D mail.example.com v=DMARC1; p=none\n", "evil.example.com", "",
     "pass mail.example.com", "pass p=reject@example.com org=example.com dkim"},

    /* ---- public suffix domains ---- */
    {"the suffix's record, sp",
     "D bank.example v=DMARC1; p=none; sp=quarantine; np=reject; psd=y\nA mega.bank.example\n",
     "mega.bank.example", "", "", "fail sp=quarantine@bank.example org=mega.bank.example -"},
    {"the suffix's record, np",
     "D bank.example v=DMARC1; p=none; sp=quarantine; np=reject; psd=y\n", "mega.bank.example", "",
     "", "fail np=reject@bank.example org=mega.bank.example -"},
    {"the suffix's record, aligned below", "D bank.example v=DMARC1; p=reject; psd=y\n",
     "a.mega.bank.example", "", "pass b.mega.bank.example",
     "pass p=reject@bank.example org=mega.bank.example dkim"},
    {"the organization's goes first",
     "D bank.example v=DMARC1; p=reject; psd=y\nD mega.bank.example v=DMARC1; p=none\n",
     "a.mega.bank.example", "", "", "fail p=none@mega.bank.example org=mega.bank.example -"},
    {"between organization and author is not used",
     "D bank.example v=DMARC1; p=reject; psd=y\nD b.mega.bank.example v=DMARC1; p=none\n",
     "a.b.mega.bank.example", "", "", "fail p=reject@bank.example org=mega.bank.example -"},
    {"mail from the suffix itself", "D bank.example v=DMARC1; p=reject; sp=none; psd=y\n",
     "bank.example", "", "pass bank.example", "pass p=reject@bank.example org=bank.example dkim"},
    {"its subdomain is another organization", "D bank.example v=DMARC1; p=reject; psd=y\n",
     "bank.example", "", "pass mega.bank.example", "fail p=reject@bank.example org=bank.example -"},
    {"psd=y ends the walk",
     "D bank.example v=DMARC1; p=reject; psd=y\nD example v=DMARC1; p=none\n", "mega.bank.example",
     "", "", "fail p=reject@bank.example org=mega.bank.example -"},
    {"a local suffix without a record", EXAMPLE "P example.com\nA a.example.com\n", "a.example.com",
     "", "pass a.example.com", "pass p=reject@example.com org=a.example.com dkim"},
    {"a local suffix, no record at all", "P host.example\nA a.host.example\n", "a.host.example", "",
     "", "none - org=a.host.example -"},
    {"a local suffix as author", EXAMPLE "P example.com\n", "example.com", "", "",
     "fail p=reject@example.com org=example.com -"},

    /* ---- more than eight labels (section 4.10 steps 3 and 4) ---- */
    {"appendix B.4.2", EXAMPLE "D signing.example.com v=DMARC1; p=none\n",
     "a.b.c.d.e.f.g.h.i.j.k.example.com", "pass example.com", "pass signing.example.com",
     "pass p=reject@example.com org=example.com dkim,spf"},
    {"section 5.1.8: a name that is passed over",
     EXAMPLE "D b.c.d.e.f.g.example.com v=DMARC1; p=none; psd=n\n",
     "mail.a.b.c.d.e.f.g.example.com", "", "", "fail p=reject@example.com org=example.com -"},
    {"the author's own is always seen",
     EXAMPLE "D mail.a.b.c.d.e.f.g.example.com v=DMARC1; p=none\n",
     "mail.a.b.c.d.e.f.g.example.com", "", "",
     "fail p=none@mail.a.b.c.d.e.f.g.example.com org=example.com -"},
    {"eight labels: all of them are looked at",
     EXAMPLE "D b.c.d.e.f.example.com v=DMARC1; p=none; psd=n\n", "a.b.c.d.e.f.example.com", "", "",
     "fail p=none@b.c.d.e.f.example.com org=b.c.d.e.f.example.com -"},
    {"seven labels are the longest inherited",
     EXAMPLE "D c.d.e.f.g.example.com v=DMARC1; p=none; psd=n\n", "mail.a.b.c.d.e.f.g.example.com",
     "", "", "fail p=none@c.d.e.f.g.example.com org=c.d.e.f.g.example.com -"},
    {"psd=y at seven labels", "D c.d.e.f.g.example.com v=DMARC1; p=none; psd=y\n",
     "mail.a.b.c.d.e.f.g.example.com", "", "pass x.b.c.d.e.f.g.example.com",
     "pass p=none@c.d.e.f.g.example.com org=b.c.d.e.f.g.example.com dkim"},
    {"one label", "D example v=DMARC1; p=reject\n", "example", "", "pass example",
     "pass p=reject@example org=example dkim"},

    /* ---- answers that are missing (section 5.3.6) ---- */
    {"the author's record", EXAMPLE "F _dmarc.example.com\n", "example.com", "", "",
     "temperror - org=? - worst=reject"},
    {"the author's record, aligned anyway", EXAMPLE "F _dmarc.example.com\n", "example.com", "",
     "pass example.com", "temperror - org=? dkim"},
    {"the author's record, could be strict", EXAMPLE "F _dmarc.a.example.com\n", "a.example.com",
     "", "pass example.com", "temperror - org=? - worst=reject"},
    {"the organization's record", EXAMPLE "F _dmarc.example.com\n", "a.example.com", "", "",
     "temperror - org=? - worst=reject"},
    {"a name between that could end the walk", EXAMPLE "F _dmarc.b.example.com\n",
     "a.b.example.com", "", "", "temperror - org=? - worst=reject"},
    {"the top, nothing inherited but by it", "F _dmarc.com\nA example.com\n", "example.com", "", "",
     "temperror - org=? - worst=reject"},
    {"the top, inherited", EXAMPLE "F _dmarc.com\nA a.example.com\n", "a.example.com", "", "",
     "temperror - org=? - worst=reject"},
    {"the top, nobody to align", EXAMPLE "F _dmarc.com\n", "example.com", "fail example.com", "",
     "fail p=reject@example.com org=? -"},
    {"the top, identical", EXAMPLE "F _dmarc.com\n", "example.com", "pass example.com", "",
     "pass p=reject@example.com org=? spf"},
    {"the top, aligned whatever it says", EXAMPLE "F _dmarc.com\n", "example.com",
     "pass a.example.com", "", "pass p=reject@example.com org=? spf"},
    {"the top, and a tenant of it", EXAMPLE "F _dmarc.com\n", "example.com", "pass other.com", "",
     "temperror p=reject@example.com org=? - worst=reject"},
    {"the top, and somebody else", EXAMPLE "F _dmarc.com\n", "example.com", "pass example.net", "",
     "fail p=reject@example.com org=? -"},
    {"the top, with a local suffix", EXAMPLE "F _dmarc.com\nP com\n", "example.com",
     "pass other.com", "", "fail p=reject@example.com org=example.com -"},
    {"a local suffix whose record is asked for", "F _dmarc.com\nP com\nA example.com\n",
     "example.com", "", "", "temperror - org=example.com - worst=reject"},
    {"beyond the end of the walk", "D example.com v=DMARC1; p=reject; psd=n\nF _dmarc.com\n",
     "a.example.com", "pass b.example.com", "", "pass p=reject@example.com org=example.com spf"},
    {"strict needs no walk", "D example.com v=DMARC1; p=reject; aspf=s\nF _dmarc.com\n",
     "example.com", "pass a.example.com", "", "fail p=reject@example.com org=? -"},
    {"the identifier's own name", EXAMPLE "F _dmarc.a.example.com\n", "example.com",
     "pass a.example.com", "", "temperror p=reject@example.com org=example.com - worst=reject"},
    {"with p=none", "D example.com v=DMARC1; p=none\nF _dmarc.a.example.com\n", "example.com",
     "pass a.example.com", "", "temperror p=none@example.com org=example.com -"},
    {"another identifier settles it", EXAMPLE "F _dmarc.a.example.com\n", "example.com",
     "pass a.example.com", "pass b.example.com", "pass p=reject@example.com org=example.com dkim"},
    {"many unknown names",
     EXAMPLE "F _dmarc.w.x.y.z.example.com\nF _dmarc.x.y.z.example.com\n"
	     "F _dmarc.y.z.example.com\nF _dmarc.z.example.com\n",
     "example.com", "pass w.x.y.z.example.com", "",
     "temperror p=reject@example.com org=example.com - worst=reject"},
    {"SPF temperror, aligned", EXAMPLE, "example.com", "temperror example.com", "",
     "temperror p=reject@example.com org=example.com - worst=reject"},
    {"SPF temperror, not aligned", EXAMPLE, "example.com", "temperror example.net", "",
     "fail p=reject@example.com org=example.com -"},
    {"SPF temperror, DKIM pass", EXAMPLE, "example.com", "temperror example.com",
     "pass example.com", "pass p=reject@example.com org=example.com dkim"},
    {"DKIM temperror, aligned", EXAMPLE, "example.com", "fail example.com",
     "temperror a.example.com", "temperror p=reject@example.com org=example.com - worst=reject"},
    {"DKIM temperror, not aligned", EXAMPLE, "example.com", "", "temperror example.net",
     "fail p=reject@example.com org=example.com -"},
    {"DKIM temperror, SPF pass", EXAMPLE, "example.com", "pass example.com",
     "temperror example.com", "pass p=reject@example.com org=example.com spf"},
    {"existence, np stricter", "D example.com v=DMARC1; p=none; np=reject\nF a.example.com\n",
     "a.example.com", "", "", "temperror p=none@example.com org=example.com - worst=reject"},
    {"existence, np weaker", "D example.com v=DMARC1; p=reject; np=none\nF a.example.com\n",
     "a.example.com", "", "", "temperror p=reject@example.com org=example.com - worst=reject"},
    {"existence, passes anyway", "D example.com v=DMARC1; p=none; np=reject\nF a.example.com\n",
     "a.example.com", "", "pass a.example.com", "pass p=none@example.com org=example.com dkim"},
    {"existence, np is as sp",
     "D example.com v=DMARC1; p=none; sp=reject; np=reject\nF a.example.com\n", "a.example.com", "",
     "", "fail sp=reject@example.com org=example.com -"},
};

/* The same with the public suffix list com, co.uk (and *). */
static const struct vector psl_vectors[] = {
    {"a record only below", "D mail.example.com v=DMARC1; p=reject\n", "mail.example.com", "",
     "pass example.com", "pass p=reject@mail.example.com org=example.com dkim"},
    {"inherited", EXAMPLE, "a.b.example.com", "pass c.example.com", "",
     "pass p=reject@example.com org=example.com spf"},
    {"inherited, sp", "D example.co.uk v=DMARC1; p=none; sp=reject\nA a.example.co.uk\n",
     "a.example.co.uk", "", "pass other.co.uk", "fail sp=reject@example.co.uk org=example.co.uk -"},
    {"inherited, np", "D example.com v=DMARC1; p=none; np=reject\n", "a.example.com", "", "",
     "fail np=reject@example.com org=example.com -"},
    {"records between and above are not looked at",
     "D com v=DMARC1; p=reject\nD b.example.com v=DMARC1; p=reject\nF _dmarc.com\n",
     "a.b.example.com", "", "", "none - org=example.com -"},
    {"psd=n means nothing", "D a.example.com v=DMARC1; p=reject; psd=n\n", "a.example.com", "",
     "pass example.com", "pass p=reject@a.example.com org=example.com dkim"},
    {"the organization's record is missing", "F _dmarc.example.com\n", "a.example.com", "", "",
     "temperror - org=example.com - worst=reject"},
    {"strict", "D example.com v=DMARC1; p=reject; adkim=s\n", "example.com", "",
     "pass a.example.com", "fail p=reject@example.com org=example.com -"},
};

static struct dns *dns;
static struct dmarc_rules rules;
static const char *psd_domains[8];

static void add_line(struct arena *arena, char kind, const char *name, const char *text)
{
	struct why why = {""};
	int result = 0;

	switch (kind) {
	case 'D':
		result = dns_memory_add(dns, arena_printf(arena, "_dmarc.%s", name), DNS_TYPE_TXT,
					text, strlen(text), &why);
		break;
	case 'A':
		result = dns_memory_add(dns, name, DNS_TYPE_A, "192.0.2.1", 9, &why);
		break;
	case 'F':
		dns_memory_mode(dns, name, 0, DNS_MEMORY_SERVFAIL);
		break;
	case 'P':
		psd_domains[rules.psd_count++] = name;
		break;
	default:
		result = -1;
	}
	if (result != 0)
		ok(false, "zone line %c %s: %s", kind, name, why.text);
}

static void load_zone(struct arena *arena, const char *zone)
{
	struct span rest = span_of(zone), line, kind, name;
	bool more = true, inner;

	dns_memory_clear(dns);
	rules.psd_count = 0;
	while (span_split(&rest, &more, '\n', &line)) {
		inner = true;
		if (span_empty(line))
			continue;
		span_split(&line, &inner, ' ', &kind);
		span_split(&line, &inner, ' ', &name);
		add_line(arena, *kind.p, arena_span(arena, name), arena_span(arena, line));
	}
}

/* "result domain" off the front of *TEXT. */
static bool next_result(struct arena *arena, struct span *text, enum auth_result *result,
			const char **domain)
{
	struct span word;
	bool more = !span_empty(*text);

	if (!span_split(text, &more, ' ', &word))
		return false;
	*result = (enum auth_result)name_code(auth_result_names, word, AUTH_NONE);
	span_split(text, &more, ' ', &word);
	*domain = span_eq(word, "-") ? "" : arena_span(arena, word);
	return true;
}

static void set_results(struct arena *arena, const struct vector *v, struct verdict *verdict)
{
	struct span text = span_of(v->spf);

	memset(verdict, 0, sizeof *verdict);
	verdict->spf.domain = "";
	next_result(arena, &text, &verdict->spf.result, &verdict->spf.domain);
	verdict->dkim = arena_array(arena, 8, sizeof *verdict->dkim);
	text = span_of(v->dkim);
	while (next_result(arena, &text, &verdict->dkim[verdict->dkim_count].result,
			   &verdict->dkim[verdict->dkim_count].domain))
		verdict->dkim_count++;
}

static const char *describe(struct arena *arena, const struct dmarc_verdict *out)
{
	struct buf text;

	buf_init(&text, arena, 0);
	buf_printf(&text, "%s ", auth_text(out->result));
	if (out->published != NULL)
		buf_printf(&text, "%s=%s@%s", out->policy_tag, dmarc_policy_text(out->policy),
			   out->published->domain);
	else
		buf_string(&text, "-");
	buf_printf(&text, " org=%s ", out->org_domain == NULL ? "?" : out->org_domain);
	if (!out->dkim_aligned && !out->spf_aligned)
		buf_string(&text, "-");
	buf_printf(&text, "%s%s%s", out->dkim_aligned ? "dkim" : "",
		   out->dkim_aligned && out->spf_aligned ? "," : "", out->spf_aligned ? "spf" : "");
	if (out->worst != DMARC_POLICY_NONE)
		buf_printf(&text, " worst=%s", dmarc_policy_text(out->worst));
	if (out->published != NULL && out->published->testing)
		buf_string(&text, " t=y");
	return buf_text(&text);
}

static void run(const struct vector *v)
{
	struct arena *arena = arena_new(1 << 20);
	struct dns_scope *scope = dns_scope_new(dns, 100, 2 * CLOCK_SECOND);
	struct dmarc_author author = {
	    .fields = 1, .domains = &v->author, .domain_count = 1, .explain = true};
	struct dmarc_verdict out;
	struct verdict verdict;
	bool good;

	load_zone(arena, v->zone);
	set_results(arena, v, &verdict);
	dmarc_start_author(scope, &rules, v->author);
	dmarc_check(scope, &rules, &author, &verdict, arena, &out);
	good = is_text(describe(arena, &out), v->want, "%s", v->name);
	ok(out.why != NULL && out.why[0] != '\0' && out.step_count > 0, "%s: explained", v->name);
	for (unsigned i = 0; i < out.step_count && !good; i++)
		tap_note("%s", out.steps[i]);
	if (!good)
		tap_note("%s", out.why);
	dns_scope_free(scope);
	arena_free(arena);
}

static void test_psl(void)
{
	static const char list[] = "com\nco.uk\nuk\n";
	struct why why = {""};
	struct psl *psl;
	char path[100];
	FILE *file;

	snprintf(path, sizeof path, "%s/list", tap_directory());
	file = fopen(path, "w");
	ok(file != NULL && fputs(list, file) >= 0 && fclose(file) == 0, "a suffix list");
	psl = psl_load(path, &why);
	if (!ok(psl != NULL, "is loaded"))
		return;
	rules.discovery = DMARC_PSL;
	rules.psl = psl;
	for (size_t i = 0; i < sizeof psl_vectors / sizeof psl_vectors[0]; i++)
		run(&psl_vectors[i]);
	rules.discovery = DMARC_TREEWALK;
	rules.psl = NULL;
	psl_unload(psl);
}

/* ---- the From field ---- */

static const char *const zone4 =
    "D reject.example v=DMARC1; p=reject\nD quarantine.example v=DMARC1; p=quarantine\n"
    "D none.example v=DMARC1; p=none\nA absent.example\nF _dmarc.lost.example\n"
    "D broken.example v=DMARC1; p=x\n";

static const struct {
	const char *name, *domains, *error, *want;
	unsigned fields;
	bool incomplete;
} authors[] = {
    {"none", "", "there is no From field", "permerror  -", 0, false},
    {"malformed", "", "malformed", "permerror  -", 1, false},
    {"no address", "", NULL, "permerror  -", 1, false},
    {"the strictest of those that fail", "none.example reject.example quarantine.example", NULL,
     "fail reject.example reject", 1, false},
    {"a pass does not hide a failure", "pass.example none.example", NULL, "fail none.example none",
     1, false},
    {"a pass does not hide one without a record", "pass.example absent.example", NULL,
     "none absent.example -", 1, false},
    {"a pass does not hide one with a broken record", "pass.example broken.example", NULL,
     "permerror broken.example -", 1, false},
    {"a failure goes before what is missing", "lost.example quarantine.example", NULL,
     "fail quarantine.example quarantine", 1, false},
    {"but not without a policy", "none.example lost.example", NULL, "temperror lost.example -", 1,
     false},
    {"all pass", "pass.example sub.pass.example", NULL, "pass pass.example reject", 1, false},
    {"too many, one fails", "reject.example a.example b.example c.example d.example", NULL,
     "fail reject.example reject", 1, true},
    {"too many, none of the first fails",
     "pass.example a.example b.example c.example reject.example", NULL, "permerror a.example -", 1,
     true},
    {"two fields, one fails", "pass.example reject.example", NULL, "fail reject.example reject", 2,
     false},
    {"two fields, passing", "pass.example", NULL, "permerror pass.example -", 2, false},
    {"an address without a domain beside", "pass.example", "an address without a domain",
     "permerror pass.example -", 1, false},
};

static void test_authors(void)
{
	const struct vector v = {.spf = "pass pass.example", .dkim = ""};

	for (size_t i = 0; i < sizeof authors / sizeof authors[0]; i++) {
		struct arena *arena = arena_new(1 << 20);
		struct dns_scope *scope = dns_scope_new(dns, 100, 2 * CLOCK_SECOND);
		struct span rest = span_of(authors[i].domains), part;
		const char *domains[8];
		struct dmarc_author author = {
		    .fields = authors[i].fields, .domains = domains, .error = authors[i].error};
		bool more = !span_empty(rest);
		struct dmarc_verdict out;
		struct verdict verdict;

		load_zone(arena, zone4);
		add_line(arena, 'D', "pass.example", "v=DMARC1; p=reject");
		while (span_split(&rest, &more, ' ', &part))
			domains[author.domain_count++] = arena_span(arena, part);
		set_results(arena, &v, &verdict);
		dmarc_check(scope, &rules, &author, &verdict, arena, &out);
		is_text(arena_printf(arena, "%s %s %s", auth_text(out.result), out.author_domain,
				     out.published == NULL ? "-" : dmarc_policy_text(out.policy)),
			authors[i].want, "From: %s", authors[i].name);
		is_int(out.incomplete, authors[i].incomplete, "all evaluated: %s", authors[i].name);
		dns_scope_free(scope);
		arena_free(arena);
	}
}

/* Sections 3.2.4 and 4.4.2: MAIL FROM is the only identity; a HELO that passes is none. */
static void test_spf_identity(void)
{
	static const struct {
		const char *name;
		struct spf_verdict helo, spf;
		enum auth_result want;
	} identities[] = {
	    {"HELO alone",
	     {.result = AUTH_PASS, .scope = SPF_SCOPE_HELO, .domain = "example.com"},
	     {.result = AUTH_NONE, .domain = "example.net"},
	     AUTH_FAIL},
	    {"HELO, and MAIL FROM fails",
	     {.result = AUTH_PASS, .scope = SPF_SCOPE_HELO, .domain = "example.com"},
	     {.result = AUTH_FAIL, .domain = "example.com"},
	     AUTH_FAIL},
	    {"HELO instead of MAIL FROM",
	     {.result = AUTH_NONE, .domain = ""},
	     {.result = AUTH_PASS, .scope = SPF_SCOPE_HELO, .domain = "example.com"},
	     AUTH_FAIL},
	    {"HELO not known",
	     {.result = AUTH_TEMPERROR, .scope = SPF_SCOPE_HELO, .domain = "example.com"},
	     {.result = AUTH_NONE, .domain = "example.net"},
	     AUTH_FAIL},
	    {"postmaster@HELO, for the null sender",
	     {.result = AUTH_PASS, .scope = SPF_SCOPE_HELO, .domain = "example.com"},
	     {.result = AUTH_PASS, .scope = SPF_SCOPE_MFROM, .domain = "example.com"},
	     AUTH_PASS},
	};
	const char *domain = "example.com";

	for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
		struct arena *arena = arena_new(1 << 20);
		struct dns_scope *scope = dns_scope_new(dns, 100, 2 * CLOCK_SECOND);
		struct dmarc_author author = {.fields = 1, .domains = &domain, .domain_count = 1};
		struct verdict verdict = {.spf_helo = identities[i].helo, .spf = identities[i].spf};
		struct dmarc_verdict out;

		load_zone(arena, EXAMPLE);
		dmarc_check(scope, &rules, &author, &verdict, arena, &out);
		is_text(auth_text(out.result), auth_text(identities[i].want), "SPF: %s",
			identities[i].name);
		dns_scope_free(scope);
		arena_free(arena);
	}
}

/* ---- what is reported, what is asked ---- */

static void test_published(void)
{
	static const char text[] = "v=DMARC1; p=reject; sp=none; adkim=s; t=y; fo=1:d; psd=y; "
				   "rua=mailto:a@example.com; ruf=mailto:b@example.com";
	struct arena *arena = arena_new(1 << 20);
	struct dns_scope *scope = dns_scope_new(dns, 100, 2 * CLOCK_SECOND);
	const char *domain = "example.com";
	struct dmarc_author author = {.fields = 1, .domains = &domain, .domain_count = 1};
	struct verdict verdict;
	struct dmarc_verdict out;

	load_zone(arena, "");
	add_line(arena, 'D', domain, text);
	set_results(arena, &(struct vector){.spf = "", .dkim = ""}, &verdict);
	dmarc_check(scope, &rules, &author, &verdict, arena, &out);
	ok(out.step_count == 0, "no steps where none were asked for");
	if (ok(out.published != NULL, "published")) {
		const struct dmarc_published *p = out.published;

		is_text(p->domain, "example.com", "domain");
		is_text(p->record, text, "record");
		ok(p->p == DMARC_POLICY_REJECT && p->sp == DMARC_POLICY_NONE &&
		       p->np == DMARC_POLICY_NONE,
		   "policies, as published");
		ok(p->has_sp && !p->has_np, "which of them are there");
		ok(p->adkim_strict && !p->aspf_strict && p->testing && p->psd, "flags");
		is_text(p->fo, "1:d", "fo");
		is_text(p->rua, "mailto:a@example.com", "rua");
		is_text(p->ruf, "mailto:b@example.com", "ruf");
		is_int(p->discovery, DMARC_TREEWALK, "discovery");
	}
	ok(strstr(out.why, "RFC 9989 section 5.3.5") != NULL, "why names the section: %s", out.why);
	dns_scope_free(scope);
	arena_free(arena);
}

static void collect_name(void *arg, const char *name, enum dns_type type,
			 const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	(void)answer, (void)cached, (void)start, (void)end;
	buf_printf(arg, "%s%s", name, type == DNS_TYPE_TXT ? " " : "? ");
}

static void asked(const char *domain, bool as_author, const char *want)
{
	struct dns_scope *scope = dns_scope_new(dns, 100, 2 * CLOCK_SECOND);
	struct buf names;

	buf_init(&names, NULL, 0);
	if (as_author)
		dmarc_start_author(scope, &rules, domain);
	else
		dmarc_start(scope, &rules, domain);
	for (int i = 0; i < 100 && dns_scope_lookups(scope) < 2; i++)
		usleep(1000);
	dns_scope_each(scope, collect_name, &names);
	is_text(buf_text(&names), want, "asked for %s", domain);
	buf_free(&names);
	dns_scope_free(scope);
}

static void test_queries(void)
{
	struct arena *arena = arena_new(1 << 20);

	load_zone(arena, EXAMPLE);
	asked("com", false, "_dmarc.com ");
	asked("a.example.com", false, "_dmarc.a.example.com _dmarc.example.com _dmarc.com ");
	asked("b.c.d.e.f.g.example.com", false,
	      "_dmarc.b.c.d.e.f.g.example.com _dmarc.c.d.e.f.g.example.com "
	      "_dmarc.d.e.f.g.example.com "
	      "_dmarc.e.f.g.example.com _dmarc.f.g.example.com _dmarc.g.example.com "
	      "_dmarc.example.com "
	      "_dmarc.com ");
	asked("a.b.c.d.e.f.g.h.i.j.mail.example.com", false,
	      "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com _dmarc.g.h.i.j.mail.example.com "
	      "_dmarc.h.i.j.mail.example.com _dmarc.i.j.mail.example.com _dmarc.j.mail.example.com "
	      "_dmarc.mail.example.com _dmarc.example.com _dmarc.com ");
	asked("example.com", true, "_dmarc.example.com _dmarc.com ");
	arena_free(arena);
}

/* 1000 labels cannot come out of domain_to_ascii, but nothing here may depend on that. */
static void test_odd_names(void)
{
	struct arena *arena = arena_new(1 << 20);
	struct dns_scope *scope = dns_scope_new(dns, 1000, 2 * CLOCK_SECOND);
	struct dmarc_verdict out;
	struct verdict verdict;
	struct buf long_name;
	const char *domain;
	struct dmarc_author author = {.fields = 1, .domains = &domain, .domain_count = 1};

	load_zone(arena, EXAMPLE);
	buf_init(&long_name, arena, 0);
	for (int i = 0; i < 1000; i++)
		buf_string(&long_name, "a.");
	buf_string(&long_name, "example.com");
	domain = buf_text(&long_name);
	set_results(arena, &(struct vector){.spf = "", .dkim = ""}, &verdict);
	dmarc_start_author(scope, &rules, domain);
	dmarc_check(scope, &rules, &author, &verdict, arena, &out);
	is_int(out.result, AUTH_FAIL, "a name that DNS cannot carry inherits");
	ok(dns_scope_lookups(scope) <= TREEWALK_MAX + 1, "no more than eight names are asked for");
	ok(dmarc_could_align("a.example.com", "b.EXAMPLE.com"), "could align");
	ok(!dmarc_could_align("a.example.com", "a.example.net"), "cannot align");
	dns_scope_free(scope);
	arena_free(arena);
}

static void test_org_domain(void)
{
	struct arena *arena = arena_new(1 << 20);
	struct dns_scope *scope = dns_scope_new(dns, 100, 2 * CLOCK_SECOND);
	struct why why = {""};

	load_zone(arena, EXAMPLE "F _dmarc.net\n");
	is_text(dmarc_org_domain(scope, &rules, arena, "a.b.example.com", &why), "example.com",
		"org domain");
	is_text(dmarc_org_domain(scope, &rules, arena, "example.net", &why), NULL,
		"org domain, not known");
	ok(strstr(why.text, "_dmarc.net") != NULL, "why: %s", why.text);
	dns_scope_free(scope);
	arena_free(arena);
}

int main(void)
{
	dns = dns_new_memory(&(struct dns_settings){0});
	rules = (struct dmarc_rules){
	    .discovery = DMARC_TREEWALK, .psd_domains = psd_domains, .authors_max = 4};
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		run(&vectors[i]);
	test_psl();
	test_authors();
	test_spf_identity();
	test_published();
	test_queries();
	test_odd_names();
	test_org_domain();
	dns_free(dns);
	return tap_done();
}
