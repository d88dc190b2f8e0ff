#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare.py KIND OURS THEIRS DIFFERENCES: what countersign and mailauth say of the same cases, lines "KEY<tab>VALUE".

Of logos and certificates only matters whether both accept them; a difference has as its reason what countersign found, or
for what only mailauth refuses "+" and its error; of certificates and messages, the name of the case. Prints "differs" and
"unused" lines, and a sum."""
import sys

kind, ours, theirs, differences = sys.argv[1:]


def read(path):
    with open(path) as f:
        return dict(line.rstrip('\n').split('\t', 1) for line in f)


def same(mine, other):
    if kind == 'messages':
        return mine == other
    return (mine == 'good') == (other == 'good')


def reason(key, mine, other):
    if kind != 'logos':
        return key
    return mine if mine != 'good' else '+' + other


reasons = {}
with open(differences) as f:
    for line in f:
        if line.strip() and not line.startswith('#'):
            of, key, why = line.split(None, 2)
            if of == kind:
                reasons[key] = why.strip()
mine, other = read(ours), read(theirs)
agreed, used, cases = 0, set(), 0
for key in mine:
    if same(mine[key], other.get(key)):
        agreed += 1
        continue
    cases += 1
    used.add(reason(key, mine[key], other.get(key)))
    if reason(key, mine[key], other.get(key)) not in reasons:
        print('differs: %s: countersign %s, mailauth %s' % (key, mine[key], other.get(key)))
for key in sorted(set(reasons) - used):
    print('unused: %s' % key)
print('%d cases, %d agree, %d differ for %d reasons' % (len(mine), agreed, cases, len(used)))
