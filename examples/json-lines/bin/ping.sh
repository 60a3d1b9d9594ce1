#!/bin/sh
# Sends a ping every second and says which pongs come back. One line of JSON is one message.
set -eu
. "$(dirname -- "$0")/connect.sh"

while IFS= read -r line <&4; do
	case $line in
	'{"type":"Pong",'*) echo "pong $(seq_of "$line")" ;;
	*) printf '%s\n' "$line" >&2 ;;
	esac
done &

seq=0
echo '{"ready":true}' >&3
while :; do
	seq=$((seq + 1))
	echo "{\"type\":\"Ping\",\"data\":{\"seq\":$seq}}" >&3
	echo "ping $seq"
	sleep 1
done
