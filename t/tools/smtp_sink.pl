#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A mail server for tests: smtp_sink.pl DIR. Takes a free port of 127.0.0.1 and writes it to DIR/port;
# each message it accepts becomes DIR/TIME.PID.N.mail, its envelope in front (X-Mail, X-Rcpt). What it
# says depends on the recipient's name: no... 550, grey... 451 unless DIR/open exists, late... 452
# after the message, slow... an answer after 20 ms (the message is kept before). Ends with its parent.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(time usleep);

my $dir = shift or die "usage: smtp_sink.pl DIR\n";
my $server = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1)
	or die "smtp_sink: $!\n";
open my $port, '>', "$dir/port.new" or die;
print $port $server->sockport, "\n";
close $port;
rename "$dir/port.new", "$dir/port";
$SIG{CHLD} = 'IGNORE';
my $parent = getppid;

sub keep {
	my ($n, $mail, $rcpt, $body) = @_;
	my $name = sprintf '%s/%.6f.%d.%d', $dir, time, $$, $n;
	open my $out, '>', "$name.part" or die;
	print $out "X-Mail: $mail\nX-Rcpt: $rcpt\n", $body;
	close $out;
	rename "$name.part", "$name.mail";
}

sub serve {
	my ($client) = @_;
	my ($mail, $rcpt, $n) = ('', '', 0);
	$client->autoflush(1);
	print $client "220 sink\r\n";
	while (defined(my $line = <$client>)) {
		$line =~ s/\r?\n$//;
		if ($line =~ /^(EHLO|HELO|RSET|NOOP)/i) { print $client "250 ok\r\n" }
		elsif ($line =~ /^MAIL FROM:(\S+)/i) { $mail = $1; print $client "250 ok\r\n" }
		elsif ($line =~ /^RCPT TO:<no/i) { print $client "550 5.1.1 no such user\r\n" }
		elsif ($line =~ /^RCPT TO:<grey/i && !-e "$dir/open") { print $client "451 4.7.1 greylisted\r\n" }
		elsif ($line =~ /^RCPT TO:<(\S+)>/i) { $rcpt = $1; print $client "250 ok\r\n" }
		elsif ($line =~ /^DATA/i) {
			my $body = '';
			print $client "354 go\r\n";
			while (1) {
				my $text = <$client>;
				return unless defined $text;
				last if $text eq ".\r\n";
				$text =~ s/^\.//;
				$body .= $text;
			}
			if ($rcpt =~ /^late/) { print $client "452 4.3.1 full\r\n"; next }
			keep(++$n, $mail, $rcpt, $body);
			usleep(20000) if $rcpt =~ /^slow/;
			print $client "250 2.0.0 taken\r\n";
		}
		elsif ($line =~ /^QUIT/i) { print $client "221 bye\r\n"; return }
		else { print $client "500 what\r\n" }
	}
}

while (getppid == $parent) {
	my $ready = '';
	vec($ready, fileno($server), 1) = 1;
	next unless select($ready, undef, undef, 1);
	my $client = $server->accept or next;
	my $pid = fork;
	if (defined $pid && $pid == 0) { close $server; serve($client); exit 0 }
	close $client;
}
