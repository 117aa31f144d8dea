"""`sealpost check roots`: which root everything depends on, and whether the trust store in use has it."""
import json

import pytest

from certs import Authority, openssl
from oddpeer import OddPeer
from sealpost import message
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

HOST = 'mx.partner.example'


def fingerprint(authority):
    return openssl('x509', '-in', authority.certificate, '-noout', '-fingerprint', '-sha256').strip().split('=')[1]


@pytest.fixture
def old_authority(tmp_path):
    """A root that has expired."""
    return Authority(tmp_path / 'old', 'Old Root', start='20150101000000Z', end='20200101000000Z')


@pytest.fixture
def server(tmp_path, instances, authority, old_authority):
    roots = tmp_path / 'roots.pem'
    roots.write_text(authority.pem + old_authority.pem)
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'roots': str(roots), 'queue': QUICK_QUEUE}).start()


def check(instance, *arguments, status=0):
    done = instance.cli('check', 'roots', '--json', *arguments, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer['ok'] == (status == 0)
    return answer


def row(answer, kind, name):
    found = [x for x in answer['items'] if (x['kind'], x['name']) == (kind, name)]
    assert len(found) == 1, answer
    return found[0]


def test_own_certificates(server, authority, foreign_authority, instances, tmp_path):
    mine = row(check(server), 'certificate', 'mx')
    assert mine['result'] == 'ok' and mine['root']['common_name'] == 'Test Root' and mine['days_left'] > 300
    middle = Authority(tmp_path / 'middle', 'Middle', foreign_authority)
    other = instances(tmp_path / 'other', 'mx.other.example', [
        ('foreign', foreign_authority.issue('mx.other.example', file='roots-foreign')),
        ('cut', middle.issue('mx.cut.example', leaf_only=True))], node={'roots': str(authority.certificate)}).start()
    answer = check(other, status=1)
    assert row(answer, 'certificate', 'cut')['result'] == 'failed'
    assert 'Middle' in row(answer, 'certificate', 'cut')['text']
    # One that leads to a root nobody knows: its issuer is not there either.
    assert row(answer, 'certificate', 'foreign')['result'] == 'failed'
    other.cli('cert', 'self-signed', 'trial', '--host=trial.example', '--node', other.directory / 'node.yaml')
    assert 'signed itself' in row(check(other, status=1), 'certificate', 'trial version 1 (current)')['text']
    text = other.cli('check', 'roots', check=False).stdout
    assert 'what to do' in text and 'intermediates' in text


def test_connectors_and_what_they_lack(server, authority, foreign_authority, old_authority):
    """A partner changes its CA: the check says which root is to be installed where."""
    peer = OddPeer(foreign_authority.issue(HOST, file='roots-peer'), recipients={})
    try:
        server.apply({
            'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', server)],
            'connectors': [
                own_server_by_address('ours'),
                outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'], 'chain', None,
                                 authority.pem),
                outbound_partner('ours', 'old', 'old.example', ['127.0.0.1:9'], 'chain', None, old_authority.pem),
                outbound_partner('ours', 'any', 'any.example', ['127.0.0.1:9'], 'chain')]})
        answer = check(server, status=1)
        assert row(answer, 'connector', 'ours/partner')['root']['common_name'] == 'Test Root'
        assert row(answer, 'connector', 'ours/partner')['store'] == 'connector ours/partner'
        assert row(answer, 'connector', 'ours/old')['text'] == 'it has expired'
        assert row(answer, 'connector', 'ours/any')['store'] == 'system'
        server.send('a@ours.example', 'b@partner.example', message('a@ours.example', 'b@partner.example'))
        seen = wait_for(lambda: [x for x in check(server, status=1)['items'] if x['kind'] == 'partner'],
                        'the chain of the partner to be kept')[0]
        assert seen['result'] == 'failed' and seen['store'] == 'connector ours/partner', seen
        assert 'sealpost connector set ours/partner --trust' in seen['remedy'], seen
    finally:
        peer.close()


def test_a_root_that_is_required(server, authority, foreign_authority, old_authority):
    server.apply({'organisations': [organisation('ours')],
                  'domains': [local_domain('ours.example', 'ours', server)],
                  'connectors': [outbound_partner('ours', 'partner', 'partner.example', ['127.0.0.1:9'], 'chain', None,
                                                  foreign_authority.pem)]})
    subject = row(check(server), 'certificate', 'mx')['root']['subject']
    for wanted in ('Test Root', 'test root', subject, fingerprint(authority),
                   fingerprint(authority).replace(':', '').lower()):
        assert len(check(server, f'--require={wanted}')['required'][0]['found']) == 1
    for wanted in ('Test', 'Foreign Root', fingerprint(foreign_authority), 'Old Root', fingerprint(old_authority)):
        answer = check(server, f'--require={wanted}', status=1)
        assert answer['required'][0]['result'] == 'failed' and answer['required'][0]['remedy'], wanted
    both = check(server, '--require=Test Root', '--require=Foreign Root', status=1)
    assert [x['result'] for x in both['required']] == ['ok', 'failed']
    # The store of one connector.
    assert check(server, '--require=Foreign Root', '--connector=partner')['required'][0]['store'] == \
        'connector ours/partner'
    check(server, '--require=Test Root', '--connector=ours/partner', status=1)
    missing = server.cli('check', 'roots', '--require=Test Root', '--connector=ours/nobody', check=False)
    assert missing.returncode == 1 and 'no such connector' in missing.stderr
