#!/usr/bin/env bash
# Install the Debian packages that building (`build`) and testing (`check`) Sealpost need.
# Says what is missing, asks once; YES=1 (or no terminal, as in CI) does not ask.
set -euo pipefail

build_packages=(
	gcc make pkg-config meson ninja-build openssl curl
	libjansson-dev libyaml-dev libevent-dev libssl-dev libsqlite3-dev libunbound-dev
	libcurl4-openssl-dev libseccomp-dev libsystemd-dev libidn2-dev libp11-dev libcmocka-dev
	ca-certificates dns-root-data swaks libnet-ssleay-perl
)
# For the admin center. Some other node and npm will do as well.
command -v node >/dev/null && command -v npm >/dev/null || build_packages+=(nodejs npm)
check_packages=(
	clang libclang-rt-14-dev lld llvm clang-format clang-tidy git
	python3 python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema
	chromium
	postfix dovecot-core dovecot-lmtpd nsd ldnsutils gnutls-bin iproute2 mandoc faketime zsh fish
	softhsm2 pebble uacme certbot prometheus
	systemd-container # boots a machine in which the Debian package is tried
	libcrypt1 libdb5.3 libgnutls-dane0 libgnutls30 libidn12 libidn2-0 libnsl2 libpcre2-8-0 # what Exim is linked with
)
package_packages=(debhelper dpkg-dev fakeroot lintian)
# Debian lets only one of Postfix and Exim be installed.  The tests need both, so Exim's package is only unpacked,
# where tests/system/peers.py looks for it.  The program ends at once where its user does not exist.
exim_package=exim4-daemon-light
exim_directory=/opt/sealpost-peers/exim
exim_user=Debian-exim

exim_is_there() {
	[ -x $exim_directory/usr/sbin/exim4 ] && getent passwd $exim_user >/dev/null
}

unpack_exim() {
	if ! getent passwd $exim_user >/dev/null; then
		"${as_root[@]}" useradd --system --user-group --no-create-home --home-dir /var/spool/exim4 \
			--shell /usr/sbin/nologin --badname $exim_user
	fi
	download=$(mktemp -d)
	chmod 755 "$download"
	"${as_root[@]}" chown _apt "$download"
	(cd "$download" && "${as_root[@]}" apt-get download -qq $exim_package)
	"${as_root[@]}" rm -rf $exim_directory $exim_directory.new
	"${as_root[@]}" mkdir -p $exim_directory.new
	"${as_root[@]}" dpkg -x "$download"/${exim_package}_*.deb $exim_directory.new
	# Nobody is to become root by a program that no package manager keeps up to date.
	"${as_root[@]}" chmod u-s $exim_directory.new/usr/sbin/exim4
	"${as_root[@]}" mv $exim_directory.new $exim_directory
}

# What the admin center is made of stands in ui/package-lock.json; npm brings exactly that, into ui/node_modules.
get_ui_packages() {
	local ui stamp log
	ui=$(cd "$(dirname "$0")/../ui" && pwd)
	stamp=$ui/node_modules/.package-lock.json
	[ -f "$stamp" ] && [ ! "$ui/package-lock.json" -nt "$stamp" ] && return
	log=$(mktemp)
	echo "Getting the packages of the admin center (npm ci in ui/)."
	if ! npm --prefix "$ui" ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		echo "npm ci failed in ui/: it needs the npm registry, or a mirror of it (npm config set registry URL)." >&2
		echo "To build without the admin center: meson setup build -Dui=disabled && ninja -C build" >&2
		exit 1
	fi
	rm -f "$log"
	touch "$stamp" "$ui/../src/process/admin/meson.build" # a build directory made before looks for node_modules again
}

# The validator of the API's document, for the tests.
get_api_packages() {
	local api
	api=$(cd "$(dirname "$0")/../tests/api" && pwd)
	[ -f "$api/node_modules/.package-lock.json" ] &&
		[ ! "$api/package-lock.json" -nt "$api/node_modules/.package-lock.json" ] && return
	echo "Getting the validator of OpenAPI documents (npm ci in tests/api/)."
	npm --prefix "$api" ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch "$api/node_modules/.package-lock.json"
}

packages=()
unpack=()
checks=false
for what in "$@"; do
	case $what in
	build) packages+=("${build_packages[@]}") ;;
	package) packages+=("${package_packages[@]}") ;;
	check)
		packages+=("${check_packages[@]}" "${package_packages[@]}")
		checks=true
		exim_is_there || unpack=("$exim_package")
		;;
	*) echo "usage: tools/setup.sh build|package|check ..." >&2; exit 2 ;;
	esac
done

missing=()
for package in "${packages[@]}"; do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] ||
		missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ] && [ ${#unpack[@]} -eq 0 ]; then
	get_ui_packages
	! $checks || get_api_packages
	exit 0
fi

if [ ${#missing[@]} -gt 0 ]; then
	echo "Sealpost needs these Debian packages that are not installed:"
	printf '  %s\n' "${missing[*]}" | fold -s -w 96
fi
if [ ${#unpack[@]} -gt 0 ]; then
	echo "Its tests need ${unpack[*]}, unpacked in $exim_directory (it cannot be installed beside"
	echo "Postfix), and the system user $exim_user."
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Ask an administrator to run:  tools/setup.sh $*" >&2
		exit 1
	fi
	as_root=(sudo)
fi
if [ "${YES:-}" != 1 ] && [ -t 0 ]; then
	read -r -p "Install them now with apt-get? [Y/n] " answer
	case $answer in
	'' | [Yy]*) ;;
	*) echo "Nothing installed."; exit 1 ;;
	esac
fi
# Services that come with the packages (Postfix, Dovecot, NSD) are for the tests only, which start
# their own with their own configuration: the packages' must not start here.
policy=/usr/sbin/policy-rc.d
made_policy=
download=
finish() {
	if [ -n "$made_policy" ]; then "${as_root[@]}" rm -f $policy; fi
	if [ -n "$download" ]; then "${as_root[@]}" rm -rf "$download"; fi
}
trap finish EXIT
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
	"${as_root[@]}" chmod +x $policy
	made_policy=1
fi
"${as_root[@]}" apt-get update -qq
[ ${#missing[@]} -eq 0 ] ||
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
[ ${#unpack[@]} -eq 0 ] || unpack_exim
get_ui_packages
! $checks || get_api_packages
