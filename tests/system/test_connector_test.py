"""`sealpost connector test`: each step of the way to the next hops of a connector, as it would go for mail; a message
sent for a trial; and the dry run of a connector for mail that comes in."""
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from certs import self_signed
from oddpeer import OddPeer
from peers import Nsd, Postfix
from sealpost import free_port
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'


@pytest.fixture
def tester(tmp_path, instances, authority):
    return instances(tmp_path / 'tester', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()


def apply_partner(instance, authority, hosts, level='name', **more):
    """One connector to HOSTS."""
    connector = outbound_partner('ours', 'partner', DOMAIN, hosts, level, HOST if level == 'name' else None,
                                 authority.pem, **more)
    instance.apply({'organisations': [organisation('ours')],
                    'domains': [local_domain('ours.example', 'ours', instance)],
                    'connectors': [own_server_by_address('ours'), connector]})


def run_test(instance, *arguments, ok=True, connector='ours/partner'):
    """The steps as JSON lines tell them; the exit status must fit."""
    done = instance.cli('connector', 'test', connector, '--json', *arguments, check=False)
    assert done.returncode == (0 if ok else 1), done.stdout + done.stderr
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert steps[-1]['step'] == 'summary' and steps[-1]['result'] == ('ok' if ok else 'failed'), steps
    return steps


def step_of(steps, name, result=None):
    found = [s for s in steps if s['step'] == name and (result is None or s['result'] == result)]
    assert found, (name, result, steps)
    return found[-1]


# ---- all is well ----------------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_every_step_against_a_real_server(tester, authority, tmp_path):
    certificate = authority.issue(HOST)
    postfix = Postfix(tmp_path / 'postfix', HOST, {
        'smtpd_tls_security_level': 'may', 'smtpd_tls_cert_file': certificate.chain,
        'smtpd_tls_key_file': certificate.key, 'smtpd_tls_ask_ccert': 'yes',
        'smtpd_tls_CAfile': authority.certificate}).accept_domain(DOMAIN, 'joe').start()
    try:
        apply_partner(tester, authority, [f'127.0.0.1:{postfix.port}'])
        steps = run_test(tester, '--to', f'joe@{DOMAIN}')
        assert [s['step'] for s in steps] == [
            'route', 'connect', 'greeting', 'ehlo', 'starttls', 'handshake', 'chain', 'name',
            'client-certificate', 'revocation', 'mail', 'rcpt', 'summary'], steps
        assert {s['result'] for s in steps if s['step'] != 'revocation'} == {'ok'}, steps
        assert 'TLSv1.3' in step_of(steps, 'handshake')['presented']
        assert 'forward secrecy' in step_of(steps, 'handshake')['presented']
        assert step_of(steps, 'name')['expected'] == HOST
        assert 'days left' in step_of(steps, 'chain')['presented']
        assert step_of(steps, 'client-certificate')['presented'] == 'mx'
        # Nobody wrote anything.
        assert not postfix.maildir('joe')
        # The same for people.
        text = tester.cli('connector', 'test', 'ours/partner', '--to', f'joe@{DOMAIN}').stdout
        assert 'forward secrecy' in text and 'Passed: 1 of 1 next hops' in text, text
        # Whom the server does not know, it refuses; the connector is not to blame, but mail would not go.
        refused = step_of(run_test(tester, '--to', f'nobody@{DOMAIN}', ok=False), 'rcpt')
        assert refused['result'] == 'failed' and refused['presented'].startswith('550'), refused
    finally:
        postfix.stop()


def begin_test(instance):
    """A test whose lines are read as they come."""
    return subprocess.Popen(
        [*instance.prefix, instance.binary, 'connector', 'test', 'ours/partner', '--json', '--socket',
         str(instance.directory / 'run' / 'admin.sock')], stdout=subprocess.PIPE, text=True)


def test_steps_come_as_they_end(tester, authority):
    """A server that takes its time: what is known is told meanwhile; who goes away stops the test."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        apply_partner(tester, authority, [f'127.0.0.1:{listener.getsockname()[1]}'])
        client = begin_test(tester)
        connection, _ = listener.accept()
        assert json.loads(client.stdout.readline())['step'] == 'route'
        step = json.loads(client.stdout.readline())
        assert (step['step'], step['result']) == ('connect', 'ok'), step
        connection.settimeout(20)
        client.send_signal(signal.SIGTERM)
        client.wait(20)
        # Nobody waits any more: the connection is closed although the server has said nothing.
        assert connection.recv(100) == b''
        connection.close()
    assert not any(p['restarts'] for p in tester.processes())


# ---- what can be wrong ----------------------------------------------------------------------------------------------

FAILURES = {
    # name: (behaviour of the peer, level, step that fails, token, what is presented)
    'wrong-name': (lambda a, f, t: OddPeer(a.issue('mx.other.example')), 'name', 'name', 'name-mismatch',
                   'mx.other.example'),
    'expired': (lambda a, f, t: OddPeer(a.issue(HOST, start='20200101000000Z', end='20210101000000Z', file='old')),
                'chain', 'chain', 'expired', 'expired'),
    'unknown-ca': (lambda a, f, t: OddPeer(f.issue(HOST)), 'chain', 'chain', None, HOST),
    'self-signed': (lambda a, f, t: OddPeer(self_signed(t / 'self', HOST)), 'chain', 'chain', 'self-signed', HOST),
    'no-starttls': (lambda a, f, t: OddPeer(), 'encrypt', 'starttls', 'no-starttls', 'not offered'),
    'refused': (lambda a, f, t: OddPeer(a.issue(HOST), starttls='refuse'), 'encrypt', 'starttls', 'starttls-refused',
                '454'),
    'garbage': (lambda a, f, t: OddPeer(a.issue(HOST), starttls='garbage'), 'encrypt', 'handshake',
                'handshake-failed', ''),
    'sender': (lambda a, f, t: OddPeer(a.issue(HOST), replies={'MAIL': '553 5.1.8 who'}), 'name', 'mail', None, '553'),
    'recipient': (lambda a, f, t: OddPeer(a.issue(HOST), replies={'RCPT': '550 5.1.1 no'}), 'name', 'rcpt', None,
                  '550'),
    'greeting': (lambda a, f, t: OddPeer(a.issue(HOST), greeting='554 go away'), 'name', 'greeting', None, '554'),
}


@pytest.mark.parametrize('failure', FAILURES)
def test_failure(tester, authority, foreign_authority, tmp_path, failure):
    make, level, name, token, presented = FAILURES[failure]
    peer = make(authority, foreign_authority, tmp_path)
    try:
        apply_partner(tester, authority, [f'127.0.0.1:{peer.port}'], level)
        steps = run_test(tester, ok=False)
        step = step_of(steps, name, 'failed')
        assert token is None or step['token'] == token, step
        assert presented in step.get('presented', ''), step
        assert step['text'] and step['remedy'], step
        # Nothing that the level forbids was sent, and no content ever.
        if name in ('starttls', 'handshake', 'chain', 'name'):
            assert not any(c.upper().startswith(('MAIL', 'RCPT')) for c in map(str, peer.commands)), peer.commands
        assert peer.messages == []
        text = tester.cli('connector', 'test', 'ours/partner', check=False)
        assert text.returncode == 1 and 'what to do' in text.stdout and 'Failed:' in text.stdout, text.stdout
    finally:
        peer.close()


def test_what_the_level_does_not_ask_is_a_note(tester, authority, foreign_authority):
    peer = OddPeer(foreign_authority.issue('mx.other.example'))
    try:
        apply_partner(tester, authority, [f'127.0.0.1:{peer.port}'], 'encrypt')
        steps = run_test(tester)
        for name in ('chain', 'name'):
            assert 'not required' in step_of(steps, name, 'note')['text'], steps
        assert step_of(steps, 'rcpt')['result'] == 'ok'
    finally:
        peer.close()


def test_report_mode(tester, authority):
    """Mail goes, and what enforcing would say stands beside it."""
    peer = OddPeer(authority.issue('mx.other.example'))
    try:
        apply_partner(tester, authority, [f'127.0.0.1:{peer.port}'], mode='report')
        steps = run_test(tester)
        assert 'in report mode' in step_of(steps, 'name', 'note')['text'], steps
        assert step_of(steps, 'mail', 'note')['token'] == 'name-mismatch', steps
        assert step_of(steps, 'rcpt')['result'] == 'ok'
    finally:
        peer.close()


def test_pins_and_versions(tester, authority):
    certificate = authority.issue(HOST)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.load_cert_chain(certificate.chain, certificate.key)
    peer, old_peer = OddPeer(certificate), OddPeer(context=old)
    try:
        apply_partner(tester, authority, [f'127.0.0.1:{peer.port}'], 'encrypt', pins=['00' * 32])
        step = step_of(run_test(tester, ok=False), 'pin', 'failed')
        assert step['token'] == 'pin-mismatch' and step['expected'] == '00' * 32 and len(step['presented']) == 64, step
        pin = step['presented']
        apply_partner(tester, authority, [f'127.0.0.1:{peer.port}'], 'encrypt', pins=[pin])
        assert step_of(run_test(tester), 'pin')['result'] == 'ok'
        apply_partner(tester, authority, [f'127.0.0.1:{old_peer.port}'], 'encrypt')
        assert 'TLSv1.2' in step_of(run_test(tester), 'handshake')['presented']
        tester.cli('connector', 'set', 'ours/partner', '--minimum-version=1.3')
        step = step_of(run_test(tester, ok=False), 'handshake', 'failed')
        assert step['token'] == 'version-too-old' and '1.3' in step['expected'], step
        tester.cli('connector', 'set', 'ours/partner', '--minimum-version=', '--groups=secp521r1')
        step = step_of(run_test(tester, ok=False), 'handshake', 'failed')
        assert 'groups secp521r1' in step['expected'] and 'groups' in step['remedy'], step
        assert not [c for c in peer.commands + old_peer.commands if 'DATA' in str(c)]
    finally:
        peer.close()
        old_peer.close()


def test_hosts_that_cannot_be_reached(tester, authority):
    peer = OddPeer(authority.issue(HOST))
    try:
        apply_partner(tester, authority, [f'127.0.0.1:{free_port()}', f'127.0.0.1:{peer.port}', 'no.such.example'])
        steps = run_test(tester, ok=False)
        assert step_of(steps, 'connect', 'failed')['text'].startswith('Connection refused'), steps
        assert step_of(steps, 'resolve', 'failed')['host'] == 'no.such.example'
        assert step_of(steps, 'rcpt', 'ok')
        assert steps[-1]['text'] == '1 of 3 next hops would take mail'
    finally:
        peer.close()


def test_unknown_connector_and_one_without_outbound_half(tester, authority):
    apply_partner(tester, authority, ['127.0.0.1:1'])
    unknown = tester.cli('connector', 'test', 'ours/nobody', check=False)
    assert unknown.returncode == 1 and 'no connector ours/nobody' in unknown.stderr
    assert 'no outbound half' in run_test(tester, ok=False, connector='ours/own-server')[-1]['text']
    assert tester.cli('connector', 'test', check=False).returncode == 2
    assert tester.cli('connector', 'test', 'ours/partner', '--ip=192.0.2.1', check=False).returncode == 2


def test_mx_hosts(tmp_path, instances, authority):
    """A connector without smart hosts: the MX of its domain, from a real name server."""
    peer = OddPeer(authority.issue(HOST))
    nsd = Nsd(tmp_path / 'nsd', {f'{DOMAIN}.': '@ MX 10 mx\n@ MX 20 gone\nmx A 127.0.0.1\n'})
    nsd.start()
    try:
        tester = instances(tmp_path / 'tester', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))], node={
            'ports': {'smtp': peer.port}, 'dns': {'servers': [f'127.0.0.1@{nsd.port}']}}).start()
        apply_partner(tester, authority, [])
        steps = run_test(tester, ok=False)
        assert [s for s in steps if 'MX 10 mx.partner.example' in s.get('presented', '')], steps
        assert step_of(steps, 'rcpt', 'ok')['host'] == HOST
        assert step_of(steps, 'resolve', 'failed')['host'] == 'gone.partner.example'
    finally:
        nsd.stop()
        peer.close()


# ---- a message, and the history -------------------------------------------------------------------------------------


def test_a_message_is_sent_and_followed(tester, authority, tmp_path, instances):
    receiver = instances(tmp_path / 'receiver', HOST, [('mx', authority.issue(HOST))]).start()
    receiver.apply({'organisations': [organisation('theirs')],
                    'domains': [local_domain(DOMAIN, 'theirs', receiver)]})
    apply_partner(tester, authority, [f'127.0.0.1:{receiver.port}'])
    steps = run_test(tester, '--to', f'joe@{DOMAIN}', '--send')
    sent = step_of(steps, 'send', 'ok')['presented']
    assert {s['presented'] for s in steps if s['step'] == 'event'} & {'delivered', 'relayed'}, steps
    receiver.wait_mail('joe')
    story = tester.json('trace', sent)
    assert any(e.get('connector') == 'partner' for e in story['events'] if e['kind'] in ('delivered', 'relayed'))


def test_history(tester, authority):
    apply_partner(tester, authority, [f'127.0.0.1:{free_port()}'])
    assert 'not been tested' in tester.cli('connector', 'test', 'ours/partner', '--history').stdout
    run_test(tester, ok=False)
    items = tester.json('connector', 'test', 'ours/partner', '--history')
    assert len(items) == 1 and items[0]['ok'] is False and items[0]['direction'] == 'outbound', items
    assert step_of(items[0]['steps'], 'connect')['result'] == 'failed'
    assert 'Connection refused' in tester.cli('connector', 'test', 'ours/partner', '--history').stdout


# ---- inbound --------------------------------------------------------------------------------------------------------


def test_inbound(tester, authority, foreign_authority):
    certificate, foreign = authority.issue(HOST, file='in'), foreign_authority.issue(HOST, file='inforeign')
    other = authority.issue('mx.other.example', file='inother')
    tester.apply({
        'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', tester)],
        'connectors': [{'name': 'partner', 'organisation': 'ours', 'type': 'partner', 'trust': authority.pem,
                        'inbound': {'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': HOST,
                                    'restrict_to_certificate': True}}]})
    steps = run_test(tester, '--inbound', f'--cert={certificate.chain}')
    for name in ('sender-domain', 'tls', 'certificate', 'chain', 'chosen', 'passes'):
        assert step_of(steps, name)['result'] == 'ok', steps
    assert 'connector ours/partner' in str([s for s in steps if s['step'] == 'candidate'])
    steps = run_test(tester, '--inbound', f'--cert={foreign.chain}', ok=False)
    assert step_of(steps, 'chain')['result'] == 'failed', steps
    assert step_of(steps, 'certificate')['result'] == 'ok', steps
    steps = run_test(tester, '--inbound', f'--cert={other.chain}', ok=False)
    assert step_of(steps, 'certificate')['presented'] == 'mx.other.example'
    steps = run_test(tester, '--inbound', '--clear', ok=False)
    assert step_of(steps, 'tls')['result'] == 'failed' and step_of(steps, 'passes')['remedy']
    # Nobody covers that sender: the connector is not chosen, though mail passes.
    steps = run_test(tester, '--inbound', '--from=a@stranger.example', ok=False)
    assert step_of(steps, 'chosen')['result'] == 'failed'
    assert step_of(steps, 'passes')['result'] == 'ok'
    text = tester.cli('connector', 'test', 'ours/partner', '--inbound', check=False).stdout
    assert 'expected' in text and 'no certificate' in text, text


def test_the_delivering_process_dies(tester, authority):
    """Who asked is told, and the next test goes to the new process."""
    peer = OddPeer(authority.issue(HOST))
    with socket.create_server(('127.0.0.1', 0)) as listener:
        apply_partner(tester, authority, [f'127.0.0.1:{listener.getsockname()[1]}'])
        client = begin_test(tester)
        connection, _ = listener.accept()
        os.kill(tester.pid_of('deliver'), signal.SIGKILL)
        told = [json.loads(line) for line in client.stdout]
        assert client.wait(20) == 1
        assert told[-1]['step'] == 'summary' and 'restarted' in told[-1]['text'], told
        connection.close()
    apply_partner(tester, authority, [f'127.0.0.1:{peer.port}'])
    wait_for(lambda: run_test(tester), 'a test by the new process')
    peer.close()
