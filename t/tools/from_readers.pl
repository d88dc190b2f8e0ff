#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# How two parsers of Perl read From fields: Email::Address::XS, which is Dovecot's parser, and Mail::Address of MailTools.
# A value in hexadecimal a line; for each a line "dovecot<TAB>addresses" and one "mailtools<TAB>addresses", those with
# blanks between, each in hexadecimal.
use strict;
use warnings;
use Email::Address::XS qw(parse_email_addresses);
use Mail::Address;

$| = 1;
$SIG{__WARN__} = sub {};	# Mail::Address warns of each field that is not well-formed
while (my $line = <STDIN>) {
	chomp $line;
	my $value = pack 'H*', $line;
	my @dovecot = map { ($_->user // '') . '@' . $_->host } grep { defined $_->host } parse_email_addresses($value);
	my @mailtools = map { $_->address } grep { defined $_->address } Mail::Address->parse($value);
	print "dovecot\t", join(' ', map { unpack 'H*', $_ } @dovecot), "\n";
	print "mailtools\t", join(' ', map { unpack 'H*', $_ } @mailtools), "\n";
}
