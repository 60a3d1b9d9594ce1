# Connects this shell to orch: what is written to descriptor 3 is sent, what is read from descriptor 4 has come.
# To be read by `.`; needs socat, or a netcat that knows Unix sockets (-U).

if command -v socat >/dev/null; then
	dial() { exec socat - "UNIX-CONNECT:$ORCH_IPC_SOCKET"; }
elif command -v nc >/dev/null; then
	dial() { exec nc -U "$ORCH_IPC_SOCKET"; }
else
	echo "needs socat or nc to open a Unix socket: neither is here" >&2
	exit 127
fi

pipes=$(mktemp -d)
mkfifo "$pipes/out" "$pipes/in"
dial <"$pipes/out" >"$pipes/in" &
dialer=$!
exec 3>"$pipes/out" 4<"$pipes/in"
# open descriptors need no names
rm -r "$pipes"
trap 'kill "$dialer" 2>/dev/null || :' EXIT
trap 'exit 0' TERM INT

# the number behind "seq": in the line $1, with a blank before it or without
seq_of() {
	number=${1#*\"seq\":}
	number=${number# }
	printf '%s' "${number%%[!0-9]*}"
}
