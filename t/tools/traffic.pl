#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# traffic.pl PORT MESSAGES CLIENTS FROM TO [SECONDS [ADDRESS]]: sends messages over SMTP, each in a connection of its
# own, from several clients at once, spread over SECONDS; prints how many were accepted, deferred (4xx), refused
# (5xx) or lost (no answer). The client is ADDRESS, one of this host; without it XCLIENT says who it is.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my ($port, $messages, $clients, $from, $to, $seconds, $address) = @ARGV;
my @xclient = $address ? () : ("XCLIENT ADDR=198.51.100.25 NAME=mail.sender.test", "EHLO client.test");
my $pause = ($seconds // 0) * $clients / $messages;

sub reply {
	my $s = shift;
	my $code;
	while (defined(my $line = <$s>)) {
		$code = substr($line, 0, 1);
		return $code if $line =~ /^\d\d\d /;
	}
	return "lost";
}

sub one {
	my $id = shift;
	my $s = IO::Socket::INET->new($address ? (LocalAddr => $address) : (), PeerAddr => "127.0.0.1", PeerPort => $port, Timeout => 20) or return "lost";
	$s->autoflush(1);
	my $code = reply($s);
	for my $line ("EHLO client.test", @xclient, "MAIL FROM:<$from>", "RCPT TO:<$to>", "DATA",
		"From: $from\r\nTo: $to\r\nSubject: traffic $id\r\n\r\nbody $id\r\n.") {
		return $code unless $code =~ /^[23]$/;
		print $s "$line\r\n" or return "lost";
		$code = reply($s);
	}
	print $s "QUIT\r\n";
	return $code;
}

local $SIG{PIPE} = "IGNORE";
my @pipes;
for my $c (1 .. $clients) {
	pipe(my $r, my $w) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		close $r;
		my %n = (2 => 0, 4 => 0, 5 => 0, lost => 0);
		for (my $i = $c; $i <= $messages; $i += $clients) {
			my $start = time;
			$n{one($i)}++;
			my $left = $pause - (time - $start);
			sleep $left if $left > 0;
		}
		print $w join(" ", @n{2, 4, 5, "lost"}), "\n";
		exit 0;
	}
	close $w;
	push @pipes, $r;
}
my @total = (0) x 4;
for my $r (@pipes) {
	my @n = split ' ', <$r> // "0 0 0 0";
	$total[$_] += $n[$_] for 0 .. 3;
}
wait() for 1 .. $clients;
printf "accepted %d deferred %d refused %d lost %d\n", @total;
