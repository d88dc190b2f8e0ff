dnl
dnl countersign with Sendmail 8.14 or later. Copy this file to /etc/mail/m4/countersign.m4, put
dnl
dnl     include(`/etc/mail/m4/countersign.m4')dnl
dnl
dnl into sendmail.mc, after FEATURE and before MAILER lines, and rebuild sendmail.cf.
dnl
dnl S=  where countersignd listens (its setting `listen'). To have it elsewhere, define
dnl     COUNTERSIGN_SOCKET before the include; over TCP it is inet:PORT@HOST.
dnl F=T mail is deferred with 451 while countersignd is not there. Without F= it would pass unjudged
dnl     and unsigned.
dnl T=  C: to connect; S: to send a part; R: to wait for an answer; E: for all of the end of a
dnl     message. Sendmail's own R of 10 seconds is less than a large message on a busy host may need.
dnl     countersignd's own bound for DNS is its setting dns.timeout.
dnl
dnl No confMILTER_MACROS_* line is needed: countersignd asks for the macros that it uses, j and
dnl {daemon_name} at the connection, i, {auth_type} and {auth_authen} at MAIL, i at the end of a
dnl message, whatever those lines say.
dnl
ifdef(`COUNTERSIGN_SOCKET', `', `define(`COUNTERSIGN_SOCKET', `local:/run/countersign/milter.sock')')dnl
INPUT_MAIL_FILTER(`countersign', `S='COUNTERSIGN_SOCKET`, F=T, T=C:10s;S:30s;R:60s;E:2m')dnl
