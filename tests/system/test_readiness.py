"""What administrators ask before it matters: which TLS is offered to whom."""
import subprocess

import pytest

from sealpost import free_port
from setups import local_domain, organisation, outbound_partner


@pytest.fixture
def server(tmp_path, instances, authority):
    """Both kinds of key at one listener, one kind at another, and one without TLS."""
    ports = {name: free_port() for name in ('rsa', 'plain')}
    made = instances(tmp_path / 'ours', 'mx.ours.example', [
        ('ec', authority.issue('mx.ours.example', file='ec')),
        ('rsa', authority.issue('mx.ours.example', key='rsa2048', file='rsa'))])
    made.node['listeners'] += [
        {'name': 'rsa', 'address': f'127.0.0.1:{ports["rsa"]}', 'tls': 'implicit', 'certificates': ['rsa']},
        {'name': 'plain', 'address': f'127.0.0.1:{ports["plain"]}', 'tls': 'off'}]
    made.start()
    made.ports = {'mx': made.port, **ports}
    return made


def handshake(port, *options, starttls=True):
    """Does a client with these options of openssl come to terms with the server?"""
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{port}',
                           *(['-starttls', 'smtp'] if starttls else []), *options],
                          input='', capture_output=True, text=True, timeout=30)
    return done.returncode == 0 and 'Cipher is (NONE)' not in done.stdout


@pytest.mark.parametrize('name', ['mx', 'rsa'])
def test_a_listener_does_what_is_listed_and_nothing_else(server, name):
    listed = next(x for x in server.json('tls', 'list')['listeners'] if x['name'] == name)
    starttls = listed['tls'] == 'starttls'
    old = [s['library'] for s in listed['suites'] if s['version'] == 'TLSv1.2']
    everything = subprocess.run(['openssl', 'ciphers', 'ALL:!PSK:!SRP:@SECLEVEL=0'], capture_output=True, text=True,
                                check=True).stdout.strip().split(':')
    taken = [c for c in everything if not c.startswith('TLS_') and
             handshake(server.ports[name], '-tls1_2', '-cipher', f'{c}:@SECLEVEL=0', starttls=starttls)]
    assert sorted(taken) == sorted(old)
    assert all(s['forward_secrecy'] for s in listed['suites'])
    assert any('ECDSA' in s for s in old) == (name == 'mx')
    for suite in (s['library'] for s in listed['suites'] if s['version'] == 'TLSv1.3'):
        assert handshake(server.ports[name], '-tls1_3', '-ciphersuites', suite, starttls=starttls), suite
    assert not handshake(server.ports[name], '-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_SHA256', starttls=starttls)
    assert not handshake(server.ports[name], '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0', starttls=starttls)
    for group, is_listed in {'X25519': 'x25519', 'P-256': 'secp256r1', 'P-384': 'secp384r1', 'X448': 'x448'}.items():
        assert handshake(server.ports[name], '-groups', group, starttls=starttls) == (is_listed in listed['groups'])


def test_connectors_and_listeners_have_their_own_lists(server, authority):
    server.apply({
        'organisations': [organisation('ours', certificate='rsa')],
        'domains': [local_domain('ours.example', 'ours', server)],
        'connectors': [
            {**outbound_partner('ours', 'strict', 'strict.example', ['127.0.0.1:9'], 'chain', None, authority.pem),
             'minimum_version': '1.3', 'groups': ['secp384r1'],
             'inbound': {'sender_domains': ['strict.example'], 'require_tls': True}},
            outbound_partner('ours', 'easy', 'easy.example', ['127.0.0.1:9'], 'none', None, authority.pem)]})
    answer = server.json('tls', 'list')
    assert [x['name'] for x in answer['listeners']] == ['mx', 'rsa', 'plain']
    assert answer['listeners'][2]['tls'] == 'off' and 'suites' not in answer['listeners'][2]
    by = {(x['name'], x['direction']): x for x in answer['connectors']}
    for direction in ('inbound', 'outbound'):
        strict = by['ours/strict', direction]
        assert strict['versions'] == ['TLSv1.3'] and strict['groups'] == ['secp384r1'], strict
        assert {s['version'] for s in strict['suites']} == {'TLSv1.3'}
    assert by['ours/strict', 'outbound']['certificate'] == 'rsa'
    assert 'rsa_pss_rsae_sha256' in by['ours/strict', 'outbound']['own_signatures']
    assert 'rsa_pkcs1_sha256' not in by['ours/strict', 'outbound']['own_signatures']
    easy = by['ours/easy', 'outbound']
    assert easy['versions'] == ['TLSv1.3', 'TLSv1.2'] and easy['groups'][0] == 'x25519'
    assert easy['suites'] == answer['others']['suites']
    # For people; and one alone.
    text = server.cli('tls', 'list').stdout
    assert 'listener plain' in text and 'forward secrecy' in text and 'NO forward' not in text
    assert 'connector ours/strict, outbound (requires chain, presents rsa)' in text
    one = server.json('tls', 'list', '--connector=strict')
    assert {x['name'] for x in one['connectors']} == {'ours/strict'} and one['listeners'] == []
    missing = server.cli('tls', 'list', '--listener=nobody', check=False)
    assert missing.returncode == 1 and 'there is no listener nobody' in missing.stderr
