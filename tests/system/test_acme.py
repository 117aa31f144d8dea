"""Certificates by ACME: certbot and uacme ask Debian's Pebble, Sealpost answers the challenges, renewal is a rollover."""
import json
import os
import pathlib
import re
import ssl
import subprocess
import urllib.request

import pytest

from sealpost import free_port
from waiting import wait_for

HOOKS = pathlib.Path(__file__).resolve().parents[2] / 'packaging' / 'acme'
NAME = 'mx.acme.example'


class Pebble:
    """An ACME server whose own HTTPS is trusted by AUTHORITY, and a name server for which every name is this machine."""

    def __init__(self, directory, authority, http_port):
        directory.mkdir()
        own = authority.issue('localhost', extensions=['subjectAltName=DNS:localhost,IP:127.0.0.1'], names=[],
                              file=f'pebble-{http_port}')
        self.port, self.management, dns, dns_management = (free_port() for _ in range(4))
        self.trust = authority.certificate
        configuration = directory / 'pebble.json'
        configuration.write_text(json.dumps({'pebble': {
            'listenAddress': f'127.0.0.1:{self.port}', 'managementListenAddress': f'127.0.0.1:{self.management}',
            'certificate': str(own.chain), 'privateKey': str(own.key), 'httpPort': http_port, 'tlsPort': free_port(),
            'ocspResponderURL': '', 'externalAccountBindingRequired': False}}))
        self.log = open(directory / 'log', 'wb')
        self.processes = [
            subprocess.Popen(['pebble-challtestsrv', '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dns01',
                              f'127.0.0.1:{dns}', '-http01', '', '-https01', '', '-tlsalpn01', '', '-management',
                              f'127.0.0.1:{dns_management}'], stdout=self.log, stderr=self.log),
            subprocess.Popen(['pebble', '-config', str(configuration), '-dnsserver', f'127.0.0.1:{dns}', '-strict'],
                             env={**os.environ, 'PEBBLE_VA_NOSLEEP': '1', 'PEBBLE_WFE_NONCEREJECT': '0'},
                             stdout=self.log, stderr=self.log)]
        self.url = f'https://127.0.0.1:{self.port}/dir'
        self.root = directory / 'root.pem'
        self.root.write_bytes(wait_for(lambda: self.fetch('roots/0'), 'pebble to listen'))
        wait_for(lambda: b'newOrder' in self.fetch('dir', self.port), 'pebble to answer')

    def fetch(self, path, port=None):
        context = ssl.create_default_context(cafile=self.trust)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        with opener.open(f'https://127.0.0.1:{port or self.management}/{path}', timeout=10) as answer:
            return answer.read()

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.log.close()


@pytest.fixture
def pebble(tmp_path, authority):
    made = []

    def make(http_port):
        made.append(Pebble(tmp_path / 'pebble', authority, http_port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def server(tmp_path, instances):
    port = free_port()
    made = instances(tmp_path / 'ours', NAME, node={'publish': {'listen': f'127.0.0.1:{port}'}})
    made.publish_port = port
    return made.start()


def environment(server, pebble, **more):
    return {**os.environ, 'SEALPOST': str(server.binary), 'SEALPOST_NODE': str(server.write_node()),
            'SEALPOST_TRUST': str(pebble.root), 'REQUESTS_CA_BUNDLE': str(pebble.trust),
            'no_proxy': '127.0.0.1', 'NO_PROXY': '127.0.0.1', **more}


def run(arguments, env, want=0):
    done = subprocess.run([str(a) for a in arguments], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == want, done.stdout + done.stderr
    return done.stdout + done.stderr


def states(server, name):
    path = server.directory / 'data' / 'certificates' / name / 'life.json'
    return [v['state'] for v in json.loads(path.read_text())['versions']]


def presented(server):
    done = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-servername', NAME, '-connect',
                           f'127.0.0.1:{server.port}'], input='QUIT\r\n', capture_output=True, text=True, timeout=30)
    return re.search('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', done.stdout, re.DOTALL).group(0)


def leaf(path):
    return re.search('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', path.read_text(), re.DOTALL).group(0)


def test_certbot_issues_and_renews(tmp_path, server, pebble):
    acme = pebble(server.publish_port)
    home = tmp_path / 'certbot'
    where = ['--config-dir', home / 'etc', '--work-dir', home / 'work', '--logs-dir', home / 'log', '-n']
    live = home / 'etc' / 'live' / 'mx' / 'cert.pem'
    run(['certbot', 'certonly', *where, '--server', acme.url, '--agree-tos', '--register-unsafely-without-email',
         '--manual', '--preferred-challenges', 'http', '--manual-auth-hook', f'{HOOKS}/certbot-auth add',
         '--manual-cleanup-hook', f'{HOOKS}/certbot-auth remove', '--deploy-hook', f'{HOOKS}/certbot-deploy',
         '--cert-name', 'mx', '-d', NAME], environment(server, acme))
    assert states(server, 'mx') == ['current']
    first = presented(server)
    assert first == leaf(live)
    assert server.json('cert', 'challenge', 'list') == []
    pids = {p['role']: p['pid'] for p in server.processes()}

    # Renewal: the next version is current at once, the old one stays for those who refuse it.
    run(['certbot', 'renew', *where, '--force-renewal', '--no-random-sleep-on-renew'], environment(server, acme))
    assert states(server, 'mx') == ['deprecated', 'current']
    assert presented(server) == leaf(live) != first

    # Renewal with an announcement: it becomes current in a week, by the server's own clock.
    second = presented(server)
    run(['certbot', 'renew', *where, '--force-renewal', '--no-random-sleep-on-renew'],
        environment(server, acme, SEALPOST_ADVANCE='+7d'))
    assert states(server, 'mx').count('next') == 1 and presented(server) == second != leaf(live)
    plan = json.loads((server.directory / 'data' / 'certificates' / 'mx' / 'life.json').read_text())['plan']
    assert plan.get('advance') or plan.get('advance_ms'), plan
    assert {p['role']: p['pid'] for p in server.processes()} == pids


@pytest.mark.skipif(os.geteuid() != 0, reason='uacme trusts nothing but the system\'s roots: that needs a mount')
def test_uacme_issues_and_renews(tmp_path, server, pebble):
    acme = pebble(server.publish_port)
    home = tmp_path / 'uacme'
    env = environment(server, acme, UACME_CONFDIR=str(home), SEALPOST_CERTIFICATE='by-uacme')

    def uacme(*arguments, want=0):
        trusting = 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec uacme "$@"'
        return run(['unshare', '--mount', 'sh', '-c', trusting, acme.trust, '-y', '-v', '-a', acme.url, '-c', home,
                    *arguments], env, want)

    uacme('new')
    uacme('-h', HOOKS / 'uacme-hook', 'issue', NAME)
    run([HOOKS / 'uacme-hook', 'deploy', NAME], env)
    assert states(server, 'by-uacme') == ['current']
    assert presented(server) == leaf(home / NAME / 'cert.pem')
    assert server.json('cert', 'challenge', 'list') == []
    uacme('-h', HOOKS / 'uacme-hook', 'issue', NAME, want=1)  # not needed yet

    uacme('-f', '-h', HOOKS / 'uacme-hook', 'issue', NAME)
    run([HOOKS / 'uacme-hook', 'deploy', NAME], {**env, 'SEALPOST_RETIRE': '+30d'})
    assert states(server, 'by-uacme') == ['deprecated', 'current']
    assert presented(server) == leaf(home / NAME / 'cert.pem')
    life = json.loads((server.directory / 'data' / 'certificates' / 'by-uacme' / 'life.json').read_text())
    assert life['plan'].get('retire') or life['plan'].get('retire_ms'), life['plan']


def test_what_a_challenge_may_be(tmp_path, server, instances):
    """Only what ACME asks for is published, and only where somebody can fetch it."""
    def get(path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f'http://127.0.0.1:{server.publish_port}/.well-known/acme-challenge/{path}') as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as problem:
            return problem.code

    server.cli('cert', 'challenge', 'add', 'abc', 'abc.thumb-print_1')
    assert get('abc') == 'abc.thumb-print_1'
    assert server.json('cert', 'challenge', 'list') == [{'token': 'abc', 'answer': 'abc.thumb-print_1'}]
    server.cli('cert', 'challenge', 'remove', 'abc')
    assert get('abc') == 404
    for token, answer in (('abc', 'another.thumb'), ('../abc', '../abc.thumb'), ('abc', 'abc.<script>'), ('abc', 'abc')):
        done = server.cli('cert', 'challenge', 'add', token, answer, check=False)
        assert done.returncode != 0 and 'expected' in done.stderr, done
    assert server.cli('cert', 'challenge', 'remove', 'abc', check=False).returncode != 0
    assert server.cli('cert', 'challenge', 'put', 'abc', check=False).returncode == 2

    silent = instances(tmp_path / 'silent').start()
    done = silent.cli('cert', 'challenge', 'add', 'abc', 'abc.thumb', check=False)
    assert done.returncode != 0 and 'publish.listen' in done.stderr
