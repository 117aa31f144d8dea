#!/bin/sh
# Fill the generated parts of the manual pages, of docs/outcomes.md and docs/metrics.md from the program.
# usage: tools/manual.sh build/src/sealpost        (--check: only tell whether they are current)
set -eu
check=false
[ "${1:-}" = --check ] && { check=true; shift; }
[ $# -eq 1 ] || { echo "usage: tools/manual.sh [--check] build/src/sealpost" >&2; exit 2; }
program=$1
docs=$(dirname "$0")/../docs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stale=0

for topic in options verbs node configuration; do
	"$program" help --reference=$topic --mdoc >"$work/$topic"
done
"$program" help --reference=outcomes >"$work/outcomes"
"$program" help --reference=metrics >"$work/metrics"
for page in "$docs"/man/*.[158] "$docs"/outcomes.md "$docs"/metrics.md; do
	awk -v work="$work" '
		/^(\.\\"|<!--) generated: / { print; while ((getline line < (work "/" $3)) > 0) print line; inside = 1; next }
		/^(\.\\" end|<!-- end -->)$/ { inside = 0 }
		!inside { print }
	' "$page" >"$work/page"
	cmp -s "$work/page" "$page" && continue
	if $check; then
		echo "$page is not what the program says: run tools/manual.sh $program" >&2
		stale=1
	else
		cat "$work/page" >"$page"
		echo "written: $page"
	fi
done
exit $stale
