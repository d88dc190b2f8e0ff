#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Publishes the MTA-STS policy of south.example, on south's machine of contrib/road.
. "$COUNTERSIGN_SRC/t/lib/eventually.sh"
export LC_ALL=C PATH=/usr/local/sbin:$PATH
said=/root/sts
mkdir -p /var/www/mta-sts
countersign tls sts make south.example --mode=enforce --output=/var/www/mta-sts/south.example.txt >$said || exit 1
cat $said
{
	echo 'events { }'
	echo 'http { access_log off; error_log /root/nginx.log;'
	sed -n '/^server {/,/^}$/p' $said | sed 's,"/etc/letsencrypt[^"]*","/etc/ssl/private/mail.pem",; s/ \[::\]:443/ 127.0.0.1:443/'
	echo '}'
} >/root/nginx.conf
nginx -c /root/nginx.conf -g 'pid /root/nginx.pid;' || exit 1
record=$(grep -oE 'v=STSv1; *id=[^";]*' $said | head -1)
[ -n "$record" ] || exit 1
echo "_mta-sts IN TXT \"$record;\"" >>/root/dns/zone
sed -i "s/SOA ns hostmaster [0-9]*/SOA ns hostmaster $(($(date +%s) + 100))/" /root/dns/zone
kill -HUP "$(cat /root/dns/nsd.pid)"
published() { countersign tls sts check south.example; }
eventually published
published
