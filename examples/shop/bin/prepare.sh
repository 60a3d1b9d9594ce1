#!/bin/sh
# Makes what the store needs; does it once, and ends.
set -eu
mkdir -p "$SHOP_DATA"
touch "$SHOP_DATA/packed.jsonl"
echo "prepared $SHOP_DATA"
