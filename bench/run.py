#!/usr/bin/python3
"""Measure Sealpost beside Debian's Postfix, in one run, on loopback, both with a durable queue.

    bench/run.py [--build build] [--rounds 3] [--scenario NAME ...] [--messages 100000]

Scenarios: accept1 (one message a connection, a full TLS 1.3 handshake each, client certificate presented),
accept100 (a hundred messages a connection), relay (STARTTLS in, verified and required STARTTLS out, to a sink
that keeps nothing), handshakes (connect, STARTTLS, QUIT), idle (memory per idle TLS session).
The scenario policy is Sealpost's alone, and needs neither root nor Postfix: what one decision takes, by the number
of connectors.  The scenario restart is Sealpost's alone, and runs only when asked for: a queue of MESSAGES for a next
hop that is down, due within the next hour, is opened by a server; how long until it works, until new mail has gone through it, and what the process that holds
the queue needs in memory.  The scenario trace is Sealpost's alone, needs no root, and runs only when asked for: searches and reports in
a trace of MESSAGES over 90 days, and commits of the queue beside them.

Medians of the rounds, and Sealpost's ratio to Postfix; below each scenario the CPU seconds the servers' processes
took for a thousand messages or sessions.  The load generator and the sink share the machine with the server under
test.  Results are also written to BUILD/bench.json.
"""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'system'))

from certs import Authority  # noqa: E402
from peers import Postfix, make_traversable  # noqa: E402
from sealpost import Sealpost, free_port  # noqa: E402
from waiting import wait_for  # noqa: E402

CONNECTIONS = 50
SIZE = 4096
# name: (messages, messages per connection)
ACCEPT = {'accept1': (1500, 1), 'accept100': (20000, 100)}
RELAY = (4000, 20)
HANDSHAKES = 2000
CPU = ', CPU seconds per 1,000'


class Bench:
    def __init__(self, build, directory):
        self.build = pathlib.Path(build).resolve()
        self.directory = pathlib.Path(directory)
        make_traversable(self.directory)
        self.authority = Authority(self.directory / 'ca', 'Bench Root')
        self.client = self.authority.issue('client.example')
        self.sink_certificate = self.authority.issue('sink.example')

    def load(self, port, *arguments, certificate=True):
        command = [self.build / 'bench' / 'bench-load', '--port', port, '--connections', CONNECTIONS, '--size', SIZE,
                   '--tls', '--from', 'load@client.example', '--to', 'sink@server.example', *arguments]
        if certificate:
            command += ['--cert', self.client.chain, '--key', self.client.key]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f'load generator: {done.stdout}{done.stderr}')
        return json.loads(done.stdout)

    def idle(self, port, count):
        """Open COUNT sessions; a process to be told when to let go."""
        process = subprocess.Popen(
            [*map(str, [self.build / 'bench' / 'bench-load', '--port', port, '--connections', count, '--messages',
                        count, '--tls', '--idle'])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == 'open\n', 'the sessions did not open'
        return process

    def sink(self):
        port = free_port()
        process = subprocess.Popen(
            [*map(str, [self.build / 'bench' / 'bench-sink', '--port', port, '--cert', self.sink_certificate.chain,
                        '--key', self.sink_certificate.key])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == 'ready\n', 'the sink did not start'
        return port, process

    @staticmethod
    def taken(sink):
        sink.stdin.write('?\n')
        sink.stdin.flush()
        return int(sink.stdout.readline())


class SealpostServer:
    name = 'Sealpost'

    def __init__(self, bench, label, next_hop):
        certificate = bench.authority.issue('mx.server.example', file=f'sealpost-{label}')
        self.server = Sealpost(
            bench.directory / f'sealpost-{label}', 'mx.server.example', [('mx', certificate)],
            binary=str(bench.build / 'src' / 'sealpost'),
            node={'limits': {'connections': 5000, 'connections_per_address': 5000, 'queue': 10000000},
                  'log': {'level': 'warning'}, 'queue': {'connections_per_destination': 20}})
        self.server.start()
        self.server.apply({
            'organisations': [{'name': 'ours', 'certificate': 'mx'}],
            'domains': [{'name': 'client.example', 'organisation': 'ours'}],
            'connectors': [
                {'name': 'clients', 'organisation': 'ours', 'type': 'on-premises', 'inbound': {'addresses': ['127.0.0.1']}},
                {'name': 'next', 'organisation': 'ours', 'type': 'partner', 'trust': bench.authority.pem,
                 'outbound': {'recipient_domains': ['server.example'], 'smart_hosts': [f'127.0.0.1:{next_hop}'],
                              'tls': 'name', 'tls_domain': 'sink.example', 'certificate': 'mx'}},
                {'name': 'closed', 'organisation': 'ours', 'type': 'partner',
                 'outbound': {'recipient_domains': ['*.closed.example'],
                              'smart_hosts': [f'127.0.0.1:{free_port()}']}}]})
        self.port = self.server.port

    def pids(self):
        return [self.server.process.pid] + [p['pid'] for p in self.server.processes()]

    def stop(self):
        self.server.stop()


class PostfixServer:
    name = 'Postfix'

    def __init__(self, bench, label, next_hop):
        certificate = bench.authority.issue('mx.server.example', file=f'postfix-{label}')
        settings = {
            'default_process_limit': '1200',
            'smtpd_client_connection_count_limit': '5000',
            'smtpd_tls_security_level': 'may',
            'smtpd_tls_chain_files': f'{certificate.key}, {certificate.chain}',
            'smtpd_tls_ask_ccert': 'yes',
            'smtpd_tls_CAfile': bench.authority.certificate,
            'smtpd_tls_loglevel': '0',
            'smtp_tls_loglevel': '0',
            'smtp_tls_security_level': 'secure',
            'smtp_tls_secure_cert_match': 'sink.example',
            'smtp_tls_CAfile': bench.authority.certificate,
            'smtp_tls_chain_files': f'{certificate.key}, {certificate.chain}',
            'smtp_tls_connection_reuse': 'yes',
            'default_destination_concurrency_limit': '20',
            'relayhost': f'[127.0.0.1]:{next_hop}',
            'in_flow_delay': '0',
        }
        if label == 'accept':
            settings['defer_transports'] = 'smtp'
        self.server = Postfix(bench.directory / f'postfix-{label}', 'mx.server.example', settings)
        self.server.start()
        self.port = self.server.port

    def pids(self):
        master = int((self.server.queue / 'pid' / 'master.pid').read_text())
        found = [master]
        for entry in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                if int((entry / 'stat').read_text().rsplit(')', 1)[1].split()[1]) == master:
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def stop(self):
        self.server.stop()


SERVERS = (SealpostServer, PostfixServer)


def pss_kib(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
            if line.startswith('Pss:'):
                total += int(line.split()[1])
    return total


class Cost:
    """CPU time the processes of a server take, with the children they have waited for, within a `with`."""

    def __init__(self, server):
        self.server = server
        self.seconds = 0

    def __enter__(self):
        self.before = self.ticks()
        return self

    def __exit__(self, *_):
        after = self.ticks()
        self.seconds = sum(after.values()) - sum(ticks for pid, ticks in self.before.items() if pid in after)

    def ticks(self):
        found = {}
        for pid in self.server.pids():
            try:
                fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[pid] = sum(map(int, fields[11:15])) / os.sysconf('SC_CLK_TCK')
        return found


def scenario_accept(bench, name, rounds):
    """Mail is kept: the next hop is closed."""
    messages, per_connection = ACCEPT[name]
    results = {}
    for make in SERVERS:
        server = make(bench, 'accept', free_port())
        try:
            with Cost(server) as cost:
                results[make.name] = statistics.median(
                    bench.load(server.port, '--messages', messages, '--per-connection', per_connection)['per_second']
                    for _ in range(rounds))
            results[make.name + CPU] = cost.seconds * 1000 / messages / rounds
        finally:
            server.stop()
    return results


def scenario_relay(bench, name, rounds):
    """Until the last message has arrived at the sink."""
    messages, per_connection = RELAY
    results = {}
    for make in SERVERS:
        port, sink = bench.sink()
        server = make(bench, 'relay', port)
        try:
            rates = []
            with Cost(server) as cost:
                for _ in range(rounds):
                    before, started = bench.taken(sink), time.monotonic()
                    bench.load(server.port, '--messages', messages, '--per-connection', per_connection)
                    wait_for(lambda: bench.taken(sink) >= before + messages, 'all messages at the sink', 180, 0.02)
                    rates.append(messages / (time.monotonic() - started))
            results[make.name] = statistics.median(rates)
            results[make.name + CPU] = cost.seconds * 1000 / messages / rounds
        finally:
            server.stop()
            sink.stdin.close()
            sink.wait(10)
    return results


def scenario_handshakes(bench, name, rounds):
    results = {}
    for make in SERVERS:
        server = make(bench, 'handshakes', free_port())
        try:
            with Cost(server) as cost:
                results[make.name] = statistics.median(
                    bench.load(server.port, '--handshakes', '--messages', HANDSHAKES, certificate=False)['per_second']
                    for _ in range(rounds))
            results[make.name + CPU] = cost.seconds * 1000 / HANDSHAKES / rounds
        finally:
            server.stop()
    return results


def scenario_idle(bench, name, rounds):
    """KiB of PSS per session; Postfix with 100 sessions (it needs a process each), Sealpost with 100 and 1,000."""
    results = {}
    for make, counts in ((SealpostServer, (100, 1000)), (PostfixServer, (100,))):
        server = make(bench, 'idle', free_port())
        try:
            for count in counts:
                bench.load(server.port, '--handshakes', '--messages', 60)  # warm up
                before = pss_kib(server.pids())
                sessions = bench.idle(server.port, count)
                after = pss_kib(server.pids())
                sessions.communicate('\n', timeout=60)
                label = make.name if count == 100 else f'{make.name}, {count} sessions'
                results[label] = (after - before) / count
        finally:
            server.stop()
    return results


def restart(bench, messages):
    port, sink = bench.sink()
    server = SealpostServer(bench, 'restart', port)
    try:
        server.stop()
        data = server.server.directory / 'data'
        subprocess.run([*map(str, [bench.build / 'bench' / 'bench-store', data, messages, 1000, SIZE, 'fill'])],
                       check=True, stdout=subprocess.DEVNULL)
        started = time.monotonic()
        server.server.start()
        ready = time.monotonic() - started
        bench.load(server.port, '--messages', 1)
        wait_for(lambda: bench.taken(sink) >= 1, 'new mail at the sink', 180, 0.02)
        through = time.monotonic() - started
        spool = [server.server.pid_of('spool')]
        soon = pss_kib(spool)
        bench.load(server.port, '--messages', 2000, '--per-connection', 100)
        wait_for(lambda: bench.taken(sink) >= 2001, 'more mail at the sink', 180, 0.02)
        results = {'messages': messages, 'ready': ready, 'new mail through': through,
                   'spool PSS, MiB': soon / 1024, 'spool PSS after 2,000 more, MiB': pss_kib(spool) / 1024}
    finally:
        server.stop()
        sink.stdin.close()
        sink.wait(10)
    print(f'start with {messages:,} messages in the queue: works after {ready:.1f} s, new mail has gone through after '
          f'{through:.1f} s; the spool has {soon / 1024:.0f} MiB, and {results["spool PSS after 2,000 more, MiB"]:.0f} '
          'after 2,000 messages more', flush=True)
    return results


SCENARIOS = {
    'accept1': (scenario_accept, 'accept 4 KiB, 1 message a connection (full handshake, client certificate)', 'messages/s'),
    'accept100': (scenario_accept, 'accept 4 KiB, 100 messages a connection', 'messages/s'),
    'relay': (scenario_relay, 'relay 4 KiB, STARTTLS in (20 a connection), required and verified out', 'messages/s'),
    'handshakes': (scenario_handshakes, 'connect, STARTTLS, QUIT', 'sessions/s'),
    'idle': (scenario_idle, 'memory (PSS) per idle TLS session, 100 sessions', 'KiB'),
}


def policy(build):
    """Microseconds of one decision: bench/policy.c prints the table."""
    done = subprocess.run([str(build / 'bench' / 'bench-policy'), '--json'], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=str(ROOT / 'build'))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--scenario', action='append', choices=[*SCENARIOS, 'policy', 'restart', 'trace'])
    parser.add_argument('--messages', type=int, default=100000)
    options = parser.parse_args()
    names = options.scenario or [*SCENARIOS, 'policy']
    if os.geteuid() != 0 and not set(names) <= {'policy', 'trace'}:
        print('Postfix can only be started by root: run this as root', file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not before the servers have ended
    report = {}
    if not set(names) <= {'policy', 'trace'}:
        print(f'{"scenario":76} {"Sealpost":>10} {"Postfix":>10} {"ratio":>7}')
    for name in names:
        if name == 'policy':
            report[name] = policy(pathlib.Path(options.build))
            continue
        if name == 'trace':
            with tempfile.TemporaryDirectory(prefix='sealpost-bench-', dir=os.environ.get('TMPDIR', '/var/tmp')) as directory:
                subprocess.run([str(pathlib.Path(options.build) / 'bench' / 'bench-trace'), directory, str(options.messages)],
                               check=True)
            continue
        if name == 'restart':
            with tempfile.TemporaryDirectory(prefix='sealpost-bench-') as directory:
                report[name] = restart(Bench(options.build, directory), options.messages)
            continue
        run, title, unit = SCENARIOS[name]
        with tempfile.TemporaryDirectory(prefix='sealpost-bench-') as directory:
            results = run(Bench(options.build, directory), name, options.rounds)
        ours, theirs = results['Sealpost'], results['Postfix']
        ratio = theirs / ours if unit == 'KiB' else ours / theirs
        print(f'{title + ", " + unit:76} {ours:10.1f} {theirs:10.1f} {ratio:6.1f}x', flush=True)
        for label, value in results.items():
            if label not in ('Sealpost', 'Postfix'):
                print(f'{"  " + label + ("" if CPU in label else ", " + unit):76} {value:10.2f}', flush=True)
        report[name] = {'title': title, 'unit': unit, **results}
    (pathlib.Path(options.build) / 'bench.json').write_text(json.dumps(report, indent=1) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
