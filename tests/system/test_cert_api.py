"""Certificates asked for and brought by the API: the key is made on the server and stays there; whatever dies meanwhile."""
import http.client
import os
import re
import signal
import threading
import time

import pytest

from certs import Authority, openssl
from sealpost import alive
from test_keys_at_rest import PASSPHRASE, held, needles, secret
from test_rollover import HOST, key_of, life, new, states
from waiting import wait_for
from world import Answer, Unix, prepared

NAME = '/v1/certificates/mx'


@pytest.fixture
def ours(tmp_path, instances):
    return instances(tmp_path / 'ours', HOST).start()


def ask(instance, method, path, body=None):
    connection = Unix(instance.directory / 'run' / 'admin.sock')
    try:
        connection.request(*prepared(method, path, body))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def fine(answer):
    assert answer.status < 300, answer
    return answer.json()


def refused(answer, status, words, code=None, field=None):
    assert answer.status == status and answer.kind == 'application/problem+json', answer
    problem = answer.json()
    assert words in problem['detail'], problem
    assert code in (None, problem['code']), problem
    if field:
        assert [e['field'] for e in problem['errors']] == [field], problem
    return problem


def signed(authority, request, directory, leaf_only=False, **how):
    """What the authority makes of the request (PEM)."""
    csr, out = directory / f'{time.monotonic_ns()}.csr', directory / f'{time.monotonic_ns()}.pem'
    csr.write_text(request)
    authority._sign(csr, out, 'leaf', **how)
    return out.read_text() + ('' if leaf_only or not authority.parent else authority.certificate.read_text())


def request_directory(instance, name='mx'):
    return instance.directory / 'data' / 'certificates' / name / 'request'


def audited(instance, action):
    return [e for e in ask(instance, 'GET', f'/v1/audit?action={action}').json()['items'] if e['action'] == action]


# ---- the whole way ----------------------------------------------------------------------------------


def test_from_the_request_to_the_next_version(ours, authority, tmp_path):
    made = fine(ask(ours, 'POST', f'{NAME}/request', {'organisation': 'Ours', 'unit': 'Mail', 'country': 'se',
                                                      'names': [HOST, 'smtp.ours.example']}))
    assert made['names'] == [HOST, 'smtp.ours.example'] and made['key'] == 'ECDSA P-256'
    text = openssl_text(made['request'], tmp_path)
    assert 'C = SE, O = Ours, OU = Mail, CN = mx.ours.example' in text and 'DNS:smtp.ours.example' in text
    assert [r['name'] for r in fine(ask(ours, 'GET', '/v1/certificates/requests'))['items']] == ['mx']
    assert fine(ask(ours, 'GET', '/v1/certificates/requests'))['items'][0] == {
        **made, 'created': fine(ask(ours, 'GET', '/v1/certificates/requests'))['items'][0]['created']}
    refused(ask(ours, 'POST', f'{NAME}/request', {}), 409, 'requested already', 'exists')
    chain = signed(authority, made['request'], tmp_path)
    come = fine(ask(ours, 'POST', f'{NAME}/chain', {'chain': chain, 'trust': authority.certificate.read_text()}))
    assert come['version'] == '1' and states(ours) == {'1': 'current'} and come['life'] == life(ours)
    assert come['warnings'] == [] and not request_directory(ours).exists()
    assert fine(ask(ours, 'GET', '/v1/certificates/requests'))['items'] == []
    assert key_of(ours, '1').stat().st_mode & 0o777 == 0o600
    # The second one, with another kind of key, is next; and with the first beside it.
    made = fine(ask(ours, 'POST', f'{NAME}/request', {'key': 'rsa-2048'}))
    assert made['names'] == [HOST] and made['key'] == 'RSA 2048'
    chain = signed(authority, made['request'], tmp_path)
    come = fine(ask(ours, 'POST', f'{NAME}/chain', {'chain': chain, 'trust': authority.certificate.read_text(), 'beside': True}))
    assert states(ours) == {'1': 'current', '2': 'next'}
    assert key_of(ours, '2', 'rsa').exists() and key_of(ours, '2').read_text() == key_of(ours, '1').read_text()
    with ours.smtp() as client:
        assert client.sock.getpeercert(binary_form=True)
    assert [e['object'] for e in audited(ours, 'certificate.request')] == ['mx'] * 4  # one was refused
    assert [e['result'] for e in audited(ours, 'certificate.chain')] == ['ok', 'ok']
    assert 'failed' in [e['result'] for e in audited(ours, 'certificate.request')]


def openssl_text(request, directory):
    path = directory / 'looked-at.csr'
    path.write_text(request)
    return openssl('req', '-in', path, '-noout', '-text', '-verify')


def test_self_signed_for_trials(ours):
    come = fine(ask(ours, 'POST', '/v1/certificates/trial/self-signed', {'names': ['trial.example'], 'days': 30}))
    assert come['version'] == '1' and states(ours, 'trial') == {'1': 'current'}
    shown = next(c for c in fine(ask(ours, 'GET', '/v1/certificates'))['items'] if c['name'] == 'trial')
    assert shown['chain'][0]['names'] == ['trial.example'] and shown['days_left'] in (29, 30)
    refused(ask(ours, 'POST', '/v1/certificates/trial/self-signed', {'days': 0}), 422, 'days', field='days')
    fine(ask(ours, 'POST', '/v1/certificates/trial/self-signed', {'key': 'ecdsa-p384'}))
    refused(ask(ours, 'POST', '/v1/certificates/trial/self-signed', {}), 409, 'is next already', 'exists')
    fine(ask(ours, 'POST', '/v1/certificates/trial/self-signed', {'replace': True, 'advance': True}))
    assert states(ours, 'trial') == {'1': 'deprecated', '2': 'retired', '3': 'current'}


def test_a_name_that_nobody_uses_is_said(tmp_path, instances, authority):
    server = instances(tmp_path / 'ours', HOST, certificates=[('house', authority.issue(HOST))])
    server.node['listeners'][0]['certificates'] = ['house']
    server.start()
    come = fine(ask(server, 'POST', '/v1/certificates/spare/self-signed', {}))
    assert any('no listener, organisation or connector uses' in w for w in come['warnings'])
    refused(ask(server, 'POST', '/v1/certificates/house/self-signed', {}), 422, 'the node file has a certificate', 'conflict')


def test_an_open_request_is_dropped(ours):
    fine(ask(ours, 'POST', f'{NAME}/request', {}))
    key = request_directory(ours) / 'key.pem'
    assert key.exists()
    fine(ask(ours, 'DELETE', f'{NAME}/request'))
    assert not request_directory(ours).parent.exists()
    refused(ask(ours, 'DELETE', f'{NAME}/request'), 404, 'nothing was requested')
    first = fine(ask(ours, 'POST', f'{NAME}/request', {}))
    second = fine(ask(ours, 'POST', f'{NAME}/request', {'replace': True}))
    assert first['request'] != second['request']
    assert fine(ask(ours, 'GET', '/v1/certificates/requests'))['items'][0]['request'] == second['request']


# ---- what is refused --------------------------------------------------------------------------------


def test_what_partners_would_refuse_is_refused(ours, authority, tmp_path):
    below = Authority(tmp_path / 'below', 'Below', parent=authority)
    root = authority.certificate.read_text()
    refused(ask(ours, 'POST', f'{NAME}/chain', {'chain': root}), 404, 'nothing was requested')
    request = fine(ask(ours, 'POST', f'{NAME}/request', {}))['request']
    other = new(authority, 1)
    rows = [
        ({'chain': other.chain.read_text(), 'trust': root}, 'does not belong', 'chain'),
        ({'chain': signed(authority, request, tmp_path, start='20200101000000Z', end='20210101000000Z'), 'trust': root},
         'expired at 2021', 'chain'),
        ({'chain': signed(below, request, tmp_path, leaf_only=True), 'trust': root}, 'does not reach a root', 'chain'),
        ({'chain': signed(authority, request, tmp_path, digest='sha1'), 'trust': root}, 'SHA-1', 'chain'),
        ({'chain': 'nonsense'}, 'expected certificates in PEM form', 'chain'),
        ({'chain': signed(authority, request, tmp_path), 'trust': 'nonsense'}, 'expected certificates', 'trust'),
        ({'chain': signed(authority, request, tmp_path, start='20400101000000Z', end='20410101000000Z'), 'trust': root},
         'not valid yet', None),
    ]
    for body, words, field in rows:
        refused(ask(ours, 'POST', f'{NAME}/chain', body), 422, words, field=field)
        assert request_directory(ours).exists() and not (request_directory(ours).parent / 'life.json').exists()
    refused(ask(ours, 'POST', f'{NAME}/chain', {'chain': root, 'key': 'x'}), 422, 'key', field='key')
    assert audited(ours, 'certificate.chain')[0]['result'] == 'failed'
    # Force passes over what is weak or expired, and says so; order and what is too much are put right.
    deep = signed(below, request, tmp_path)
    blocks = re.findall('-----BEGIN.*?-----END CERTIFICATE-----\n', deep, re.S)
    come = fine(ask(ours, 'POST', f'{NAME}/chain', {'chain': ''.join(reversed(blocks)) + other.leaf.read_text(), 'trust': root}))
    assert any('put first' in w for w in come['warnings'])
    stored = (request_directory(ours).parent / '1' / 'ecdsa.pem').read_text()
    assert stored.split() == ''.join(blocks).split()
    request = fine(ask(ours, 'POST', f'{NAME}/request', {}))['request']
    old = signed(authority, request, tmp_path, start='20200101000000Z', end='20210101000000Z')
    come = fine(ask(ours, 'POST', f'{NAME}/chain', {'chain': old, 'trust': root, 'force': True}))
    assert any('expired' in w and 'all the same' in w for w in come['warnings'])


def test_malformed_orders_are_refused(ours):
    for body, field in [({'names': ['not a name']}, 'names[0]'), ({'country': '12'}, 'country'), ({'key': 'dsa'}, 'key'),
                        ({'organisation': 'x' * 65}, 'organisation')]:
        problem = ask(ours, 'POST', f'{NAME}/request', body)
        assert problem.status in (400, 422) and [e['field'] for e in problem.json()['errors']] == [field], problem
    for name in ('self', '.hidden', 'a%2Fb', 'x' * 65):
        assert ask(ours, 'POST', f'/v1/certificates/{name}/request', {}).status in (400, 404, 422)
    assert not list((ours.directory / 'data' / 'certificates').glob('*/request'))


@pytest.mark.parametrize('kind', ['plain', 'sealed'])
def test_a_private_key_is_refused_and_stands_nowhere(ours, authority, tmp_path, kind):
    certificate = new(authority, 1)
    key = certificate.key
    if kind == 'sealed':
        key = tmp_path / 'sealed.pem'
        openssl('pkcs8', '-topk8', '-in', certificate.key, '-v2', 'aes-256-cbc', '-passout', 'pass:x', '-out', key)
    line = key.read_text().splitlines()[1]
    for path, body, field in [
            (f'{NAME}/chain', {'chain': certificate.chain.read_text() + key.read_text()}, 'chain'),
            (f'{NAME}/chain', {'chain': certificate.chain.read_text(), 'trust': key.read_text()}, 'trust'),
            ('/v1/checks/endpoints', {'chains': [{'name': 'a', 'pem': key.read_text()}]}, 'chains[0].pem')]:
        refused(ask(ours, 'POST', path, body), 422, 'private key', 'private-key', field)
    assert audited(ours, 'certificate.chain') == []
    for path in [*ours.directory.rglob('*.db*'), *ours.directory.rglob('*.log')]:
        assert line.encode() not in path.read_bytes(), path
    assert line not in ours.log_text()


def test_what_the_processes_refuse_is_taken_back(ours, authority, tmp_path):
    request = fine(ask(ours, 'POST', f'{NAME}/request', {}))['request']
    node = ours.directory / 'node.yaml'
    text = node.read_text()
    node.write_text(text + 'nonsense: true\n')
    chain = {'chain': signed(authority, request, tmp_path), 'trust': authority.certificate.read_text()}
    refused(ask(ours, 'POST', f'{NAME}/chain', chain), 422, 'nonsense')
    assert not (request_directory(ours).parent / 'life.json').exists() and request_directory(ours).exists()
    assert not (request_directory(ours).parent / '1').exists()
    node.write_text(text)
    fine(ask(ours, 'POST', f'{NAME}/chain', chain))
    before = life(ours)
    node.write_text(text + 'nonsense: true\n')
    refused(ask(ours, 'POST', f'{NAME}/self-signed', {}), 422, 'nonsense')
    assert life(ours) == before and states(ours) == {'1': 'current'}


# ---- one at a time, and killed ----------------------------------------------------------------------


def certifying(instance, seen):
    """The process that carries out an order, if it has not been seen."""
    found = [int(p) for p in re.findall(r'event=process.started child=certify pid=(\d+)', instance.log_text())]
    return found[-1] if len(found) > seen else None


class Caught:
    """An order whose process is stopped before it is done."""

    def __init__(self, instance):
        for _ in range(20):
            seen = len(re.findall('child=certify pid', instance.log_text()))
            self.answer = None
            self.thread = threading.Thread(target=self.run, args=(instance,), daemon=True)
            self.thread.start()
            self.pid = wait_for(lambda: certifying(instance, seen), 'the process to start', interval=0.001)
            try:
                os.kill(self.pid, signal.SIGSTOP)
            except ProcessLookupError:
                self.thread.join(60)
                continue
            state = open(f'/proc/{self.pid}/stat').read().rsplit(')', 1)[1].split()[0]
            if state != 'Z':
                return
            self.thread.join(60)
        raise AssertionError('every key was made too fast')

    def run(self, instance):
        try:
            self.answer = ask(instance, 'POST', f'{NAME}/request', {'key': 'rsa-4096', 'replace': True})
        except OSError as e:
            self.answer = e


@pytest.mark.skipif(os.geteuid() != 0, reason='the process is not to be traced')
def test_nothing_waits_for_a_key_that_is_being_made(ours):
    caught = Caught(ours)
    assert fine(ask(ours, 'GET', '/v1/status'))['state'] == 'working'
    with ours.smtp() as client:
        assert client.noop()[0] == 250
    refused(ask(ours, 'POST', '/v1/certificates/other/self-signed', {}), 503, 'under way', 'busy')
    fine(ask(ours, 'POST', '/v1/reload'))  # is no order, and has an end of its own
    os.kill(caught.pid, signal.SIGCONT)
    caught.thread.join(60)
    assert fine(caught.answer)['key'] == 'RSA 4096'
    fine(ask(ours, 'POST', '/v1/certificates/other/self-signed', {}))


@pytest.mark.skipif(os.geteuid() != 0, reason='the process is not to be traced')
def test_its_process_is_killed(ours):
    caught = Caught(ours)
    os.kill(caught.pid, signal.SIGKILL)
    caught.thread.join(60)
    refused(caught.answer, 503, 'was killed')
    wait_for(lambda: 'event=process.ended child=certify' in ours.log_text(), 'its end to be told')
    fine(ask(ours, 'POST', f'{NAME}/request', {'replace': True}))
    assert not list(request_directory(ours).parent.glob('request.*'))


@pytest.mark.skipif(os.geteuid() != 0, reason='the process is not to be traced')
def test_the_supervisor_is_killed_meanwhile(ours):
    caught = Caught(ours)
    open_before = fine(ask(ours, 'GET', '/v1/certificates/requests'))['items']
    ours.kill()
    try:  # it may have been stopped before it could say that it ends with the other
        os.kill(caught.pid, signal.SIGCONT)
    except ProcessLookupError:
        pass
    wait_for(lambda: not alive(caught.pid), 'its process to end with it')
    ours.start()
    assert fine(ask(ours, 'GET', '/v1/certificates/requests'))['items'] == open_before
    fine(ask(ours, 'POST', f'{NAME}/request', {'replace': True}))


def test_stopping_does_not_wait_for_it(ours):
    caught = Caught(ours)
    began = time.monotonic()
    ours.stop()
    assert time.monotonic() - began < 30 and not alive(caught.pid)


def test_killed_at_any_moment(ours, authority, tmp_path):
    """After each kill there is the request from before or the one after, the life from before or the one after: whole."""
    root = authority.certificate.read_text()
    stop, looking = threading.Event(), threading.Lock()

    def go_on():
        while not stop.is_set():
            try:
                with looking:
                    made = ask(ours, 'POST', f'{NAME}/request', {'replace': True})
                if made.status == 201:
                    chain = signed(authority, made.json()['request'], tmp_path)
                    with looking:
                        ask(ours, 'POST', f'{NAME}/chain', {'chain': chain, 'trust': root, 'replace': True})
                else:
                    stop.wait(0.05)
            except (OSError, ValueError, http.client.HTTPException):
                stop.wait(0.05)

    worker = threading.Thread(target=go_on, daemon=True)
    worker.start()
    try:
        for turn in range(6):
            count = len(re.findall('event=certificate.step ', ours.log_text()))
            wait_for(lambda: len(re.findall('event=certificate.step ', ours.log_text())) > count, 'a version', 60)
            stop.wait((turn * 37 % 100) / 1000)
            ours.kill()
            with looking:
                ours.start()
                whole(ours, tmp_path)
    finally:
        stop.set()
        worker.join(60)


def whole(server, directory):
    for request in fine(ask(server, 'GET', '/v1/certificates/requests'))['items']:
        path = directory / 'open.csr'
        path.write_text(request['request'])
        key = openssl('pkey', '-in', request_directory(server) / 'key.pem', '-pubout')
        assert openssl('req', '-in', path, '-noout', '-pubkey') == key
    for version in life(server)['versions']:
        kept = request_directory(server).parent / version['id']
        assert (kept / 'ecdsa.pem').exists()
        if version['state'] == 'retired':
            wait_for(lambda key=kept / 'ecdsa.key': not key.exists(), 'the key of a retired version to be destroyed')
        else:
            assert (kept / 'ecdsa.key').exists()


# ---- keys -------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason='reads the memory of processes that cannot be traced')
def test_no_other_process_has_a_key_that_was_made(tmp_path, instances, authority):
    passphrase = secret(tmp_path / 'passphrase', PASSPHRASE)
    server = instances(tmp_path / 'ours', HOST, node={'keys': {'passphrase': str(passphrase)}}).start()
    made = fine(ask(server, 'POST', f'{NAME}/request', {'key': 'rsa-2048'}))
    sealed = request_directory(server) / 'key.pem'
    assert sealed.read_text().startswith('-----BEGIN ENCRYPTED PRIVATE KEY-----')
    fine(ask(server, 'POST', f'{NAME}/chain', {'chain': signed(authority, made['request'], tmp_path),
                                               'trust': authority.certificate.read_text()}))
    fine(ask(server, 'POST', '/v1/certificates/trial/self-signed', {'names': ['trial.example']}))
    wanted = {'passphrase': PASSPHRASE.encode()}
    for name, path in (('mx', key_of(server, '1', 'rsa')), ('trial', key_of(server, '1', name='trial'))):
        opened = tmp_path / f'{name}.opened'
        openssl('pkey', '-in', path, '-passin', f'pass:{PASSPHRASE}', '-out', opened)
        wanted.update({f'{name}: {field}': needle for field, needle in needles(opened).items()})
    children = {f"{p['role']}/{p['index']}": p['pid'] for p in server.processes()}
    there = held(children.pop('keys/0'), wanted)
    assert any(n.startswith('mx') for n in there) and any(n.startswith('trial') for n in there), there
    for who, pid in {**children, 'supervise': server.process.pid}.items():
        assert not held(pid, wanted), who
    text = server.log_text()
    assert 'PRIVATE KEY' not in text and PASSPHRASE not in text
    for path in server.directory.rglob('*.db*'):
        assert b'PRIVATE KEY' not in path.read_bytes(), path
