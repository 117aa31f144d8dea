#!/usr/bin/env bash
# Install the Debian packages that building (`build`) and testing (`check`) Sealpost need.
# Says what is missing, asks once; YES=1 (or no terminal, as in CI) does not ask.
set -euo pipefail

build_packages=(
	gcc make pkg-config meson ninja-build openssl curl
	libjansson-dev libyaml-dev libevent-dev libssl-dev libsqlite3-dev libunbound-dev
	libcurl4-openssl-dev libseccomp-dev libsystemd-dev libidn2-dev libcmocka-dev
	ca-certificates dns-root-data swaks libnet-ssleay-perl
)
check_packages=(
	clang libclang-rt-14-dev llvm clang-format clang-tidy git
	python3 python3-pytest python3-yaml
	postfix dovecot-core dovecot-lmtpd nsd ldnsutils gnutls-bin iproute2 mandoc faketime zsh fish
)

packages=()
for what in "$@"; do
	case $what in
	build) packages+=("${build_packages[@]}") ;;
	check) packages+=("${check_packages[@]}") ;;
	*) echo "usage: tools/setup.sh build|check ..." >&2; exit 2 ;;
	esac
done

missing=()
for package in "${packages[@]}"; do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] ||
		missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Sealpost needs these Debian packages that are not installed:"
printf '  %s\n' "${missing[*]}" | fold -s -w 96
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Ask an administrator to run:  apt-get install ${missing[*]}" >&2
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
finish() {
	if [ -n "$made_policy" ]; then "${as_root[@]}" rm -f $policy; fi
}
trap finish EXIT
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
	"${as_root[@]}" chmod +x $policy
	made_policy=1
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
