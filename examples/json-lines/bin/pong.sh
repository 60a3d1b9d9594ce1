#!/bin/sh
# Answers every ping with a pong. One line of JSON is one message.
set -eu
. "$(dirname -- "$0")/connect.sh"

# whoever only listens must say something too, so that it is known what it speaks
echo '{"ready":true}' >&3
while IFS= read -r line <&4; do
	case $line in
	'{"type":"Ping",'*)
		seq=$(seq_of "$line")
		echo "{\"type\":\"Pong\",\"data\":{\"seq\":$seq}}" >&3
		echo "pong $seq"
		;;
	*) printf '%s\n' "$line" >&2 ;;
	esac
done
