#!/usr/bin/env bash
# Two companies force TLS with each other, and see that it held.
#
# usage: tools/demo.sh [build/src/sealpost]
#
# Makes ./demo (or $DEMO_DIR): two Sealposts on loopback, contoso and fabrikam, each with its own CA.
# Each requires of the other a certificate with the right name.  Mail goes both ways; then one side
# presents a wrong certificate, and mail waits rather than go out unproven.
# DEMO_EXIT=1 ends after the story; otherwise both run until Ctrl-C.
set -euo pipefail

sealpost=$(realpath "${1:-build/src/sealpost}")
demo=${DEMO_DIR:-$PWD/demo}
companies="contoso fabrikam"
office=127.0.0.2 # where each company's own mail server connects from
declare -A port center pid=()

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
fail() {
	printf 'demo: %s\n' "$*" >&2
	for company in $companies; do
		[ -f "$demo/$company/log" ] && { echo "--- $demo/$company/log" >&2; tail -n 15 "$demo/$company/log" >&2; }
	done
	exit 1
}

stop() {
	local company
	for company in "${!pid[@]}"; do kill -TERM "${pid[$company]}" 2>/dev/null || true; done
	for company in "${!pid[@]}"; do wait "${pid[$company]}" 2>/dev/null || true; done
	pid=()
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# poll WHAT COMMAND...: until the command succeeds, at most half a minute.
poll() {
	local what=$1 tries=0
	shift
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || fail "waited 30 seconds in vain: $what"
		sleep 0.1
	done
}

free_port() {
	local candidate=$1
	while (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; do candidate=$((candidate + 1)); done
	echo "$candidate"
}

other() { [ "$1" = contoso ] && echo fabrikam || echo contoso; }
at() { # at COMPANY VERB...: the command line of one of the two
	local company=$1
	shift
	"$sealpost" "$@" --node "$demo/$company/node.yaml"
}

# ---- certificates: a CA for each company, and one certificate for its server ------------------------

make_ca() { # FILE NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$2" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
		-keyout "$1.key.pem" -out "$1.pem" 2>/dev/null
}

issue() { # CA NAME FILE: FILE.chain.pem and FILE.key.pem
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
		-keyout "$3.key.pem" -out "$3.csr" 2>/dev/null
	openssl x509 -req -in "$3.csr" -CA "$1.pem" -CAkey "$1.key.pem" -CAcreateserial -days 365 \
		-extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' "$2") \
		-out "$3.leaf.pem" 2>/dev/null
	cat "$3.leaf.pem" "$1.pem" >"$3.chain.pem"
}

# ---- one company ------------------------------------------------------------------------------------

write_node() {
	local company=$1
	cat >"$demo/$company/node.yaml" <<-YAML
		hostname: mx.$company.example
		data: ./data
		run: $run/$company
		listeners:
		  - {name: mx, address: "127.0.0.1:${port[$company]}", tls: starttls}
		certificates:
		  - {name: mx, chain: mx.chain.pem, key: mx.key.pem}
		dns: {servers: ["127.0.0.1@9"], trust_anchor: none}   # nothing here needs DNS
		admin: {listen: "127.0.0.1:${center[$company]}"}
		maildirs: [./mail]
		queue: {retry: [30s], idle_connection: 0s}
		processes: {receive: 1, deliver: 1}
		users: {keys: keep, receive: keep, spool: keep, deliver: keep, lookup: keep, admin: keep, web: keep}
	YAML
}

write_configuration() {
	local company=$1 partner
	partner=$(other "$company")
	cat >"$demo/$company/configuration.yaml" <<-YAML
		organisations:
		  - name: $company
		    certificate: mx              # presented to next hops
		domains:
		  - name: $company.example
		    organisation: $company
		    delivery: maildir:$demo/$company/mail/{local}
		connectors:
		  - name: office                 # the company's own mail server: may send anywhere
		    organisation: $company
		    type: on-premises
		    inbound: {addresses: [$office]}
		  - name: $partner                # the partner: proven by certificate, both ways
		    organisation: $company
		    type: partner
		    trust: |
		$(sed 's/^/      /' "$demo/$partner/ca.pem")
		    inbound:
		      sender_domains: [$partner.example]
		      require_tls: true
		      certificate_name: mx.$partner.example
		      restrict_to_certificate: true
		    outbound:
		      recipient_domains: [$partner.example]
		      smart_hosts: ["127.0.0.1:${port[$partner]}"]
		      tls: name
		      tls_domain: mx.$partner.example
	YAML
}

answers() {
	kill -0 "${pid[$1]}" 2>/dev/null || fail "$1 ended"
	at "$1" status >/dev/null 2>&1
}

start() {
	"$sealpost" serve --node "$demo/$1/node.yaml" >>"$demo/$1/log" 2>&1 </dev/null &
	pid[$1]=$!
	poll "$1 to answer" answers "$1"
}

# ---- mail -------------------------------------------------------------------------------------------

send() { # FROM TO SUBJECT: hand a message to FROM's own server, as the office does
	local company=${1#*@}
	company=${company%%.*}
	local server=127.0.0.1:${port[$company]}
	printf 'From: <%s>\nTo: <%s>\nSubject: %s\nDate: %s\nMessage-ID: <%s.%s@demo.example>\n\nHello!\n' \
		"$1" "$2" "$3" "$(LC_ALL=C date -R)" "$$" "$RANDOM$RANDOM" | sed 's/$/\r/' >"$demo/message.eml"
	if $with_curl; then
		curl --silent --show-error --ssl-reqd --insecure --interface $office \
			--url "smtp://$server/office.$company.example" --mail-from "$1" --mail-rcpt "$2" \
			--upload-file "$demo/message.eml" 2>"$demo/client.log" || fail "curl: $(cat "$demo/client.log")"
	else
		swaks --server "$server" --local-interface $office --from "$1" --to "$2" --helo "office.$company.example" \
			--tls --data "@$demo/message.eml" --silent 1 >"$demo/client.log" 2>&1 || fail "swaks: $(cat "$demo/client.log")"
	fi
}

has_mail() { # COMPANY LOCAL SUBJECT
	grep -rqs "^Subject: $3" "$demo/$1/mail/$2/new/"
}

id_of() { # COMPANY RECIPIENT: id of the newest message to that address
	at "$1" trace --to="$2" --limit=1 | awk 'NR == 2 { print $1 }'
}

story_has() { # COMPANY ID TEXT
	at "$1" trace "$2" | grep -qF "$3"
}

is_put_off() { # COMPANY ID
	story_has "$1" "$2" 'Put off'
}

# ---- the story --------------------------------------------------------------------------------------

prepare() {
	local company
	if [ -e "$demo" ] && [ ! -e "$demo/.made-by-demo" ]; then fail "$demo exists and was not made by this demo"; fi
	for company in $companies; do
		[ ! -d "$demo/$company/data" ] || flock -n "$demo/$company/data/lock" true 2>/dev/null ||
			fail "a demo is running in $demo already; stop it first (Ctrl-C)"
	done
	rm -rf "$demo"
	mkdir -p "$demo"
	touch "$demo/.made-by-demo"
	run=$demo/run
	# The path of a Unix socket has 107 bytes.
	[ ${#run} -le 80 ] || { run=$(mktemp -d /tmp/sealpost-demo.XXXXXX); ln -s "$run" "$demo/run"; }
	port[contoso]=$(free_port 12525)
	port[fabrikam]=$(free_port $((port[contoso] + 1)))
	center[contoso]=$(free_port 18443)
	center[fabrikam]=$(free_port $((center[contoso] + 1)))
	for company in $companies; do
		mkdir -p "$demo/$company" "$run/$company"
		make_ca "$demo/$company/ca" "${company^} CA"
		issue "$demo/$company/ca" "mx.$company.example" "$demo/$company/mx"
		write_node "$company"
	done
	for company in $companies; do write_configuration "$company"; done
}

exchange() { # FROM TO SUBJECT: send, wait, show
	local from=${1#*@} to=${2#*@} id text
	from=${from%%.*} to=${to%%.*}
	say "$1 writes to $2"
	send "$1" "$2" "$3"
	poll "mail for $2" has_mail "$to" "${2%%@*}" "$3"
	id=$(id_of "$from" "$2")
	poll "the trace of $id" story_has "$from" "$id" 'Delivered to'
	at "$from" trace "$id"
	for text in "mx.$to.example is the name required" 'trusted, against the anchors of' 'TLSv1.'; do
		story_has "$from" "$id" "$text" || fail "the trace of $id does not say: $text"
	done
	say "The same message, as $to saw it"
	id=$(id_of "$to" "$2")
	at "$to" trace "$id"
	story_has "$to" "$id" "mx.$from.example is the name required" || fail "$to did not prove who $from is"
}

swap_certificate() { # FILE: fabrikam presents it from now on
	cp "$demo/fabrikam/$1.key.pem" "$demo/fabrikam/mx.key.pem"
	cp "$demo/fabrikam/$1.chain.pem" "$demo/fabrikam/mx.chain.pem"
	at fabrikam reload >/dev/null
}

wrong_certificate() {
	local id
	say "Fabrikam's server presents a certificate for another name"
	cp "$demo/fabrikam/mx.key.pem" "$demo/fabrikam/right.key.pem"
	cp "$demo/fabrikam/mx.chain.pem" "$demo/fabrikam/right.chain.pem"
	issue "$demo/fabrikam/ca" www.fabrikam.example "$demo/fabrikam/wrong"
	swap_certificate wrong
	at contoso host list >/dev/null
	send anna@contoso.example bob@fabrikam.example 'Only if it is you'
	id=$(id_of contoso bob@fabrikam.example)
	poll "contoso to find out" is_put_off contoso "$id"
	at contoso trace "$id"
	story_has contoso "$id" name-mismatch || fail "the trace does not say why"
	! has_mail fabrikam bob 'Only if it is you' || fail "the message went out over an unproven connection"
	say "It waits, and never goes out unproven"
	at contoso queue list
	say "Fabrikam repairs its certificate; contoso tries again"
	swap_certificate right
	at contoso queue retry "$id"
	poll "mail for bob@fabrikam.example" has_mail fabrikam bob 'Only if it is you'
	poll "the trace of $id" story_has contoso "$id" 'Delivered to'
	at contoso trace "$id" | sed -n '/Delivered to/,$p'
}

link_of() { # COMPANY: by which the first user of its admin center sets a password
	grep -o 'admin\.setup_link.*' "$demo/$1/log" | grep -o 'https://[^" ]*' | tail -n 1
}

show_centers() {
	local company
	for company in $companies; do
		poll "$company's first link" link_of "$company" >/dev/null
		echo "  ${company^}'s admin center, for its first user: $(link_of "$company")"
	done
}

leave_running() {
	local client="curl --ssl-reqd --insecure --interface $office smtp://127.0.0.1:${port[contoso]} --mail-from anna@contoso.example --mail-rcpt bob@fabrikam.example --upload-file $demo/message.eml"
	if swaks --support 2>/dev/null | grep -q '^=== TLS supported'; then
		client="swaks --server 127.0.0.1:${port[contoso]} --local-interface $office --tls --from anna@contoso.example --to bob@fabrikam.example"
	fi
	say "Both are running; Ctrl-C ends them.  Try:"
	cat <<-TEXT
		  $client
		  $sealpost trace --node $demo/contoso/node.yaml --since=1h
		  $sealpost explain --node $demo/contoso/node.yaml --from=eve@fabrikam.example --to=anna@contoso.example --ip=192.0.2.1
	TEXT
	wait
}

command -v openssl >/dev/null || fail "the openssl command is missing"
with_curl=true
command -v curl >/dev/null || with_curl=false
$with_curl || swaks --support 2>/dev/null | grep -q '^=== TLS supported' || fail "neither curl, nor swaks with TLS, is there to send with"
[ -x "$sealpost" ] || fail "$sealpost: not there; build it first"
say "Two companies, each with its own CA, in $demo"
prepare
for company in $companies; do start "$company"; done
show_centers
for company in $companies; do at "$company" apply "$demo/$company/configuration.yaml" --yes; done
exchange anna@contoso.example bob@fabrikam.example 'An offer'
exchange bob@fabrikam.example anna@contoso.example 'An answer'
wrong_certificate
say "Everything went as it should"
[ -n "${DEMO_EXIT:-}" ] || leave_running
