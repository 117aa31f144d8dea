#!/usr/bin/env bash
# In name spaces of its own (mount, network, processes): install PACKAGE into a layer over this machine, use it, upgrade
# to LATER, remove, purge.  Each step says what it expects; the last line is "all as it should be".
set -euo pipefail
package=$1 later=$2

fail() {
	echo "package: $*"
	[ ! -e "$root/tmp/serve.log" ] || tail -n 40 "$root/tmp/serve.log"
	exit 1
}
has() { "${inside[@]}" test -e "$1" || fail "$1 is not there"; }
has_not() { ! "${inside[@]}" test -e "$1" || fail "$1 is still there"; }
wait_until() { # WHAT COMMAND...
	local what=$1 tries=0
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || fail "waited a minute in vain: $what"
		sleep 0.1
	done
}

layer=$(mktemp -d)
mount -t tmpfs none "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
root=$layer/root
inside=(chroot "$root")
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/tmp"
mount -t tmpfs none "$root/run"
ip link set lo up
cp "$package" "$root/tmp/package.deb"
cp "$later" "$root/tmp/later.deb"
# Services are not started by installing where no service manager runs: this test does what the unit says.
export DEBIAN_FRONTEND=noninteractive

start() {
	local line
	line=$("${inside[@]}" sed -n 's/^ExecStart=//p' /lib/systemd/system/sealpost.service)
	# shellcheck disable=SC2086
	"${inside[@]}" env -u NOTIFY_SOCKET $line >>"$root/tmp/serve.log" 2>&1 </dev/null &
	server=$!
	wait_until 'the server to work' "${inside[@]}" sealpost status
}
stop() {
	kill -TERM "$server"
	wait "$server" || fail 'the server did not end well'
}

"${inside[@]}" dpkg -i /tmp/package.deb || fail 'it cannot be installed'
has /usr/bin/sealpost
has /etc/sealpost/sealpost.yaml
for role in keys lookup spool receive deliver admin web; do
	"${inside[@]}" getent passwd "sealpost-$role" >/dev/null || fail "no user sealpost-$role"
done
"${inside[@]}" test -L /etc/systemd/system/multi-user.target.wants/sealpost.service || fail 'the unit is not enabled'

start
"${inside[@]}" ss -Hltn | grep '127.0.0.1:25 ' >/dev/null || fail 'it does not listen on 127.0.0.1:25'
! "${inside[@]}" ss -Hltn | grep -Ev '127\.0\.0\.1|\[::1\]' || fail 'others can reach it'
"${inside[@]}" swaks --server 127.0.0.1:25 --from a@example.org --to b@example.net --quit-after RCPT >"$root/tmp/swaks" 2>&1 &&
	fail 'it takes mail for anybody'
grep -q '<\*\* *5' "$root/tmp/swaks" || fail "no refusal: $(cat "$root/tmp/swaks")"
cat >"$root/tmp/organisation.yaml" <<-YAML
	organisations: [{name: contoso}]
	domains: [{name: contoso.example, organisation: contoso, delivery: "maildir:{local}"}]
YAML
"${inside[@]}" sealpost apply /tmp/organisation.yaml --yes >/dev/null || fail 'nothing can be configured'
"${inside[@]}" swaks --server 127.0.0.1:25 --from a@example.org --to ann@contoso.example --suppress-data >/dev/null ||
	fail 'mail is not taken'
wait_until 'the mail to be delivered' sh -c "ls $root/var/lib/sealpost/maildir/ann/new/*"
echo '# a line of the administrator' >>"$root/etc/sealpost/sealpost.yaml"

stop
"${inside[@]}" dpkg -i /tmp/later.deb || fail 'it cannot be upgraded'
"${inside[@]}" grep -q 'a line of the administrator' /etc/sealpost/sealpost.yaml || fail 'the node file was changed'
start
"${inside[@]}" sealpost domain list | grep contoso.example >/dev/null || fail 'the upgrade lost the configuration'
"${inside[@]}" sealpost trace ann@contoso.example --json | grep contoso.example >/dev/null || fail 'the upgrade lost the trace'
stop

"${inside[@]}" dpkg -r sealpost || fail 'it cannot be removed'
has /var/lib/sealpost/queue.db
has /etc/sealpost/sealpost.yaml
has_not /usr/bin/sealpost
"${inside[@]}" dpkg -P sealpost || fail 'it cannot be purged'
has_not /var/lib/sealpost
has_not /etc/sealpost
echo 'all as it should be'
