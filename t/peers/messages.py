#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""messages.py KEY: cases for t/bimi_peers.sh. Prints the zone of all of them; writes NAME.in for each message, NAME.after with
what is put before it once it is signed, and a list, the file "messages": NAME, the author's domain, the domain that is to sign ("-": nobody). KEY: the DKIM record of all domains."""
import sys

key = sys.argv[1]
LOGO = 'v=BIMI1; l=https://$D/l.svg; a=https://$D/c.pem'
REJECT = 'v=DMARC1; p=reject'


def case(record=LOGO, dmarc=REJECT, signer='$D', author='$D', fields='', more=(), sender='bob', after=''):
    return locals()


CASES = {
    'record': case(),
    'no_certificate': case('v=BIMI1; l=https://$D/l.svg'),
    'personal': case('v=BIMI1; l=https://$D/l.svg; a=; avp=personal'),
    'no_record': case(None),
    'declined': case('v=BIMI1; l=; a='),
    'declined_without_a': case('v=BIMI1; l='),
    'other_order': case('v=BIMI1; a=https://$D/c.pem; l=https://$D/l.svg'),
    'no_blanks': case('v=BIMI1;l=https://$D/l.svg;a='),
    'unknown_tag': case('v=BIMI1; l=https://$D/l.svg; x=y'),
    'other_text': case(more=['default._bimi.$D v=spf1 -all', 'default._bimi.$D hello']),
    'http': case('v=BIMI1; l=http://$D/l.svg'),
    'http_certificate': case('v=BIMI1; l=https://$D/l.svg; a=http://$D/c.pem'),
    'javascript': case('v=BIMI1; l=javascript:alert(1)'),
    'only_certificate': case('v=BIMI1; l=; a=https://$D/c.pem'),
    'no_location': case('v=BIMI1; a=https://$D/c.pem'),
    'picture': case('v=BIMI1; l=https://$D/l.png'),
    'twice': case('v=BIMI1; l=https://$D/l.svg; l=https://$D/m.svg'),
    'no_equals': case('v=BIMI1; l=https://$D/l.svg; a'),
    'version_case': case('v=bimi1; l=https://$D/l.svg'),
    'version_late': case('l=https://$D/l.svg; v=BIMI1'),
    'version_2': case('v=BIMI2; l=https://$D/l.svg'),
    'tag_case': case('v=BIMI1; L=https://$D/l.svg'),
    'two_records': case(more=['default._bimi.$D v=BIMI1; l=; a=']),
    'dns_fails': case(None, more=['; servfail default._bimi.$D']),
    'local_part': case('v=BIMI1; l=https://$D/l.svg; lps=news', more=['news-letter._bimi.$D v=BIMI1; l=https://$D/news.svg'],
                       sender='news.letter'),
    # DMARC
    'not_signed': case(signer='-'),
    'signed_by_another': case(signer='other.test'),
    'no_policy': case(dmarc=None),
    'none': case(dmarc='v=DMARC1; p=none'),
    'subdomains_none': case(dmarc='v=DMARC1; p=reject; sp=none'),
    'testing': case(dmarc='v=DMARC1; p=reject; t=y'),
    'quarantine': case(dmarc='v=DMARC1; p=quarantine'),
    'quarantine_all': case(dmarc='v=DMARC1; p=quarantine; pct=100'),
    'quarantine_some': case(dmarc='v=DMARC1; p=quarantine; pct=99'),
    'reject_some': case(dmarc='v=DMARC1; p=reject; pct=50'),
    # subdomains
    'organization': case(author='news.$D'),
    'own_record': case(author='news.$D', more=['default._bimi.news.$D v=BIMI1; l=; a=']),
    'weak_organization': case(author='news.$D', signer='news.$D', dmarc='v=DMARC1; p=none', more=['_dmarc.news.$D v=DMARC1; p=reject']),
    'weak_author': case(author='news.$D', more=['_dmarc.news.$D v=DMARC1; p=none']),
    # BIMI-Selector
    'selector': case(fields='BIMI-Selector: v=BIMI1; s=brand', more=['brand._bimi.$D v=BIMI1; l=https://$D/brand.svg']),
    'selector_unsigned': case(after='BIMI-Selector: v=BIMI1; s=brand', more=['brand._bimi.$D v=BIMI1; l=https://$D/brand.svg']),
    'selector_without_record': case(fields='BIMI-Selector: v=BIMI1; s=brand'),
    'selector_organization': case(fields='BIMI-Selector: v=BIMI1; s=brand', author='news.$D',
                                  more=['brand._bimi.$D v=BIMI1; l=https://$D/brand.svg']),
    'selector_version': case(fields='BIMI-Selector: v=BIMI2; s=brand', more=['brand._bimi.$D v=BIMI1; l=https://$D/brand.svg']),
    'selector_twice': case(fields='BIMI-Selector: v=BIMI1; s=brand\nBIMI-Selector: v=BIMI1; s=brand',
                           more=['brand._bimi.$D v=BIMI1; l=https://$D/brand.svg']),
    'selector_bad': case(fields='BIMI-Selector: v=BIMI1; s=a b'),
    'two_authors': case(fields='X-Note: x', sender='ann@$D, bob'),
}
zone, listed = [], []
for name, of in CASES.items():
    domain = name.replace('_', '-') + '.test'

    def fill(text):
        return text.replace('$D', domain)
    author, signer = fill(of['author']), fill(of['signer'])
    records = [] if of['record'] is None else ['default._bimi.$D ' + of['record']]
    records += [] if of['dmarc'] is None else ['_dmarc.$D ' + of['dmarc']]
    records += ['s._domainkey.%s %s' % (signer, key)] if signer not in ('-', 'other.test') else []
    records += ['%s v=spf1 ip4:198.51.100.25 -all' % author]
    for record in records + list(of['more']):
        at, text = fill(record).split(' ', 1)
        zone.append(fill(record) if at == ';' else '%s 60 TXT "%s"' % (at, text))
    with open(name + '.in', 'w') as f:
        f.write('From: %s@%s\nTo: alice@example.com\nSubject: x\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n%s\nhello\n' %
                (fill(of['sender']), author, of['fields'] + '\n' if of['fields'] else ''))
    with open(name + '.after', 'w') as f:
        f.write(of['after'] and of['after'] + '\r\n')
    listed.append('%s %s %s\n' % (name, author, signer))
zone.append('s._domainkey.other.test 60 TXT "%s"' % key)
print('\n'.join(zone))
with open('messages', 'w') as f:
    f.writelines(listed)
