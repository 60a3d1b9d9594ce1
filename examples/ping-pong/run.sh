#!/bin/sh
# Sets up ping and pong with the command line alone, shows what they say, and takes everything down again.
#
#   ./run.sh [--pongs N] [--seconds N]
#
# Ends well when ping has got N pongs (5 unless said), and with status 1 when that takes more than N seconds (60 unless said).
# Nothing outside of it is touched: it has a daemon of its own. ORCH names another orch than the one in this repository.
set -eu

pongs=5
seconds=60
while [ $# -gt 0 ]; do
	case $1 in
	--pongs) pongs=$2 && shift 2 ;;
	--seconds) seconds=$2 && shift 2 ;;
	*) echo "usage: run.sh [--pongs N] [--seconds N]" >&2 && exit 2 ;;
	esac
done

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
orch() { "${ORCH:-$here/../../packages/cli/bin/orch.cjs}" "$@"; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/orch-ping-pong.XXXXXX")
export ORCH_SOCKET="$scratch/orchd.sock" ORCH_HOME="$scratch/home"
take_down() {
	status=$?
	trap - EXIT
	# whoever follows the output of a runtime ends when it is removed
	orch clear --yes --quiet || :
	wait
	orch daemon stop --quiet || :
	rm -rf "$scratch"
	exit "$status"
}
trap take_down EXIT
trap 'exit 130' INT TERM

# with a name before each line
labelled() {
	while IFS= read -r line; do printf '%s | %s\n' "$1" "$line"; done
}

orch daemon start --quiet

# the two programs; what `add` prints on standard output is the id
ping=$(orch runtime add ./bin/ping)
pong=$(orch runtime add ./bin/pong)

# which messages go where: the programs themselves do not know of each other
orch link add --from "$ping" --type Ping --to "$pong"
orch link add --from "$pong" --type Pong --to "$ping"

# in other terminals, one would say: what they print, from the first line on
orch runtime stdout "$ping" | labelled ping &
orch runtime stdout "$pong" | labelled pong &

orch runtime start "$pong"
orch runtime start "$ping"

waited=0
until [ "$(orch runtime stdout --no-follow "$ping" | grep -c '^pong ')" -ge "$pongs" ]; do
	[ "$waited" -lt "$seconds" ] || { echo "run.sh: no $pongs pongs within $seconds s" >&2 && exit 1; }
	waited=$((waited + 1))
	sleep 1
done

orch link stats
