#!/bin/sh
# Sets up two pairs with the command line alone, ping in Python with pong in shell and the other way around, shows what
# they say, and takes everything down again.
#
#   ./run.sh [--pongs N] [--seconds N]
#
# Ends well when both pings have got N pongs (3 unless said), and with status 1 when that takes more than N seconds (60 unless
# said). Nothing outside of it is touched: it has a daemon of its own. ORCH names another orch than the one in this repository.
set -eu

pongs=3
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

scratch=$(mktemp -d "${TMPDIR:-/tmp}/orch-json-lines.XXXXXX")
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

# follow NAME ID: what it prints, with its name before each line
follow() {
	orch runtime stdout "$2" | while IFS= read -r line; do printf '%s | %s\n' "$1" "$line"; done &
}

# has_pongs ID: whether this ping has got as many as it should
has_pongs() {
	[ "$(orch runtime stdout --no-follow "$1" | grep -c '^pong ')" -ge "$pongs" ]
}

orch daemon start --quiet

ping_py=$(orch runtime add ./bin/ping.py)
pong_sh=$(orch runtime add ./bin/pong.sh)
orch link add --from "$ping_py" --type Ping --to "$pong_sh"
orch link add --from "$pong_sh" --type Pong --to "$ping_py"

ping_sh=$(orch runtime add ./bin/ping.sh)
pong_py=$(orch runtime add ./bin/pong.py)
orch link add --from "$ping_sh" --type Ping --to "$pong_py"
orch link add --from "$pong_py" --type Pong --to "$ping_sh"

follow ping.py "$ping_py"
follow pong.sh "$pong_sh"
follow ping.sh "$ping_sh"
follow pong.py "$pong_py"

orch runtime start "$pong_sh" "$pong_py"
orch runtime start "$ping_py" "$ping_sh"

waited=0
until has_pongs "$ping_py" && has_pongs "$ping_sh"; do
	[ "$waited" -lt "$seconds" ] || { echo "run.sh: no $pongs pongs each within $seconds s" >&2 && exit 1; }
	waited=$((waited + 1))
	sleep 1
done

orch link stats
