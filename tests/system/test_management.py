"""The management API and the command line: who may, what is refused and how, what survives."""
import http.client
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from urllib.parse import quote

import pytest

from contract import Contract, cursor_at
from setups import local_domain, organisation, own_server_by_address
from waiting import wait_for

pytestmark = pytest.mark.sanitized


class Api(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__('sealpost', timeout=timeout)
        self.path = str(path)
        self.contract = None

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None, **headers):
        """status, JSON, ETag"""
        text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        self.request(method, path, text, {k.replace('_', '-'): v for k, v in headers.items()})
        answer = self.getresponse()
        content = answer.read()
        self.hold_to_document(method, path, answer, content)
        return answer.status, json.loads(content) if content else None, answer.getheader('ETag')

    def hold_to_document(self, method, path, answer, content):
        """What succeeds is what the document of the API says."""
        if answer.status >= 300 or path == '/v1/openapi.json':
            return
        if self.contract is None:
            self.contract = Contract(Api(self.path).ask('GET', '/v1/openapi.json')[1])
        self.contract.check(method, path, answer.status, answer.getheader('Content-Type'), content.decode())


@pytest.fixture
def ours(tmp_path, instances, authority):
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))]).start()
    ours.apply({'organisations': [organisation('ours')],
                'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [own_server_by_address('ours')]})
    return ours


@pytest.fixture
def api(ours):
    api = Api(ours.directory / 'run' / 'admin.sock')
    yield api
    api.close()


# ---- the API ---------------------------------------------------------------------------------------


@pytest.mark.parametrize('method, path, body, status, said', [
    ('GET', '/v1/nothing', None, 404, '/v1'),
    ('GET', '/assets/nothing.js', None, 404, 'no such file'),
    ('DELETE', '/v1/status', None, 405, 'method'),
    ('PUT', '/v1/config', '{"organisations": [', 400, 'line 1'),
    ('PUT', '/v1/config', '[]', 400, 'object'),
    ('PUT', '/v1/config', '{"a": 1, "a": 2}', 400, 'duplicate'),
    ('PUT', '/v1/config', {'organisations': [{'name': 'x', 'colour': 'red'}]}, 422, 'organisations[0].colour'),
    ('POST', '/v1/connectors', {'name': 'c', 'organisation': 'ours', 'outbound': {'cost': 1000}}, 422, 'outbound.cost'),
    ('POST', '/v1/connectors', {'name': 'own-server', 'organisation': 'ours'}, 409, 'already'),
    ('PATCH', '/v1/connectors/ours/own-server', {'name': 'other'}, 422, 'name'),
    ('PATCH', '/v1/connectors/ours/missing', {'comment': 'x'}, 404, 'ours/missing'),
    ('DELETE', '/v1/organisations/ours', None, 422, 'ours'),
    ('POST', '/v1/queue/explode', {'filter': {'all': True}}, 404, 'explode'),
    ('POST', '/v1/queue/delete', {'filter': {}}, 400, 'filter'),
    ('GET', '/v1/queue?limit=0', None, 400, 'limit'),
    ('GET', '/v1/trace?since=yesterday', None, 400, 'since'),
    ('GET', '/v1/trace?colour=red', None, 400, 'colour'),
    ('POST', '/v1/explain', {'from': 'a@b.example', 'to': 'c@ours.example', 'colour': 1}, 422, 'colour'),
    ('GET', '/v1/trace/nonsense', None, 422, 'id'),
    ('POST', '/v1/explain', {'from': 'a@b.example'}, 422, 'to'),
    ('POST', '/v1/explain', {'from': 'a@b.example', 'to': 'c@ours.example', 'ip': 'nowhere'}, 422, 'ip'),
    ('POST', '/v1/explain', {'from': 'a@b.example', 'to': 'c@ours.example', 'cert_pem': 'x'}, 422, 'cert_pem'),
])
def test_refusals_say_what_is_wrong(ours, api, method, path, body, status, said):
    got, problem, _ = api.ask(method, path, body)
    assert (got, problem['status']) == (status, status), problem
    assert said in problem['detail']
    assert problem['code'] and problem['title']
    if '.' in said:
        assert [e['field'] for e in problem['errors']] == [said]
    assert api.ask('GET', '/v1/status')[0] == 200  # the connection goes on


def test_an_older_generation_is_not_overwritten(api):
    status, config, etag = api.ask('GET', '/v1/config')
    assert status == 200
    config['organisations'][0]['comment'] = 'one'
    status, answer, newer = api.ask('PUT', '/v1/config', config, If_Match=etag)
    assert status == 200 and newer != etag
    assert [c['key'] for c in answer['changes']] == ['ours']
    config['organisations'][0]['comment'] = 'two'
    assert api.ask('PUT', '/v1/config', config, If_Match=etag)[0] == 412
    assert api.ask('PATCH', '/v1/organisations/ours', {'comment': 'three'}, If_Match=etag)[0] == 412
    assert api.ask('GET', '/v1/organisations/ours')[1]['comment'] == 'one'
    assert api.ask('PATCH', '/v1/organisations/ours', {'comment': None}, If_Match=newer)[0] == 200
    assert api.ask('GET', '/v1/organisations/ours')[1]['comment'] is None


def test_an_object_is_not_overwritten_unseen(api):
    """The ETag of one object is of its content: what happens to others does not matter."""
    path = '/v1/connectors/ours/own-server'
    status, seen, etag = api.ask('GET', path)
    assert status == 200
    assert api.ask('PATCH', '/v1/organisations/ours', {'comment': 'another'})[0] == 200
    assert api.ask('GET', path)[2] == etag
    assert api.ask('PATCH', path, {'comment': 'one'}, If_Match=etag)[0] == 200
    status, problem, _ = api.ask('PATCH', path, {'comment': 'two'}, If_Match=etag)
    assert (status, problem['code']) == (412, 'changed')
    assert api.ask('DELETE', path, If_Match=etag)[0] == 412
    status, seen, etag = api.ask('GET', path)
    assert seen['comment'] == 'one'
    assert api.ask('DELETE', path, If_Match=etag)[0] == 200
    assert api.ask('PUT', path, {'inbound': {'addresses': ['127.0.0.1']}}, If_Match=etag)[0] == 412


def test_a_rehearsal_changes_nothing(api):
    before = api.ask('GET', '/v1/config')
    assert api.ask('DELETE', '/v1/connectors/ours/own-server?dry_run=1')[1]['changes']
    assert api.ask('PUT', '/v1/config?dry_run=1', {})[1]['changes']
    assert api.ask('GET', '/v1/config') == before


def test_a_rehearsal_tells_what_lint_would(api):
    half = {'sender_domains': ['p.example'], 'certificate_name': 'mx.p.example', 'restrict_to_certificate': True}
    change = {'kind': 'connector', 'op': 'add', 'key': 'ours/p', 'object': {
        'name': 'p', 'organisation': 'ours', 'inbound': half}}
    status, answer, _ = api.ask('POST', '/v1/changes?dry_run=1', {'changes': [change]})
    assert status == 200 and [c['type'] for c in answer['changes']] == ['added'], answer
    found = {f['token']: f for f in answer['findings'] if f['subject'] == 'connector ours/p'}
    assert found['one-direction']['is_new'] and found['one-direction']['remedy'], answer
    # What was doubtful before and is about something else is not told.
    before = {(f['token'], f['subject']) for f in api.ask('GET', '/v1/lint')[1]['items']}
    assert before and not before & {(f['token'], f['subject']) for f in answer['findings']}
    change['object']['outbound'] = {'recipient_domains': ['p.example'], 'tls': 'name', 'tls_domain': 'mx.p.example'}
    _, answer, _ = api.ask('POST', '/v1/changes?dry_run=1', {'changes': [change]})
    assert 'one-direction' not in [f['token'] for f in answer['findings']], answer
    # Also of what is there, and then it is nothing new; in earnest nothing is told.
    assert 'findings' not in api.ask('POST', '/v1/connectors', {**change['object'], 'outbound': None})[1]
    _, answer, _ = api.ask('PATCH', '/v1/connectors/ours/p?dry_run=1', {'comment': 'x'})
    assert [f['is_new'] for f in answer['findings'] if f['token'] == 'one-direction'] == [False], answer


def test_too_large_a_body_is_refused(api, ours):
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        status, _, _ = api.ask('PUT', '/v1/config', b' ' * (5 * 1024 * 1024))
        assert status >= 400
        raise ConnectionError
    assert ours.cli('status').returncode == 0


@pytest.mark.parametrize('sent', [b'\0' * 100, b'GET /v1/status HTTP/9.9\r\n\r\n', b'GET ' + b'a' * 100000 + b'\r\n',
                                  b'POST /v1/explain HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
                                  b'PUT /v1/config HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"cut'])
def test_what_is_no_request_harms_nobody(ours, sent):
    pid = ours.pid_of('admin')
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(ours.directory / 'run' / 'admin.sock'))
        s.sendall(sent)
    assert ours.pid_of('admin') == pid


def test_a_client_that_leaves_before_the_answer(ours):
    pid = ours.pid_of('admin')
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(ours.directory / 'run' / 'admin.sock'))
            s.sendall(b'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/config HTTP/1.1\r\nHost: x\r\n\r\n')
    assert ours.pid_of('admin') == pid


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')
def test_strangers_are_turned_away(ours, tmp_path_factory):
    for folder in [ours.directory, *ours.directory.parents[:-2]]:
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    program = '''
import json, os, socket, sys
os.setgroups([]); os.setgid(4711); os.setuid(4711)
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b'GET /v1/config HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
print(b''.join(iter(lambda: s.recv(65536), b'')).decode())
'''
    path = str(ours.directory / 'run' / 'admin.sock')
    done = subprocess.run([sys.executable, '-c', program, path], capture_output=True, text=True, timeout=30)
    assert ' 403 ' in done.stdout.split('\r\n')[0], done
    assert 'administrators' in done.stdout and 'organisations' not in done.stdout


def test_questions_outlive_the_spool(ours, api):
    os.kill(ours.pid_of('spool'), signal.SIGKILL)
    status, answer, _ = api.ask('GET', '/v1/config')
    assert status in (200, 503), answer
    wait_for(lambda: api.ask('GET', '/v1/config')[0] == 200, 'the spool to answer again', 30)


# ---- the command line --------------------------------------------------------------------------------


def test_exit_status(ours, tmp_path):
    def status(*arguments):
        return subprocess.run([ours.binary, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert status('status', '--socket', tmp_path / 'nobody').returncode == 3
    assert 'sealpost serve' in status('status', '--socket', tmp_path / 'nobody').stderr
    assert status('frobnicate').returncode == 2
    assert status('status', '--frobnicate').returncode == 2
    assert status('queue').returncode == 2
    assert status('help').returncode == 0
    assert ours.cli('org', 'show', 'nobody', check=False).returncode == 1
    assert ours.cli('queue', 'delete', check=False).returncode == 2


def test_what_is_exported_can_be_applied(ours, tmp_path):
    ours.cli('org', 'set', 'ours', '--comment', 'yes: "no" # ümlaut\n- second line', '--expiry=36h')
    ours.cli('domain', 'set', 'ours.example', '--subdomains')
    text = ours.cli('export').stdout
    again = ours.cli('apply', '-', input=text).stdout
    assert 'Nothing changes' in again
    assert ours.cli('export').stdout == text


def test_errors_in_a_file_name_file_line_and_property(ours, tmp_path):
    path = tmp_path / 'bad.yaml'
    path.write_text('organisations:\n  - name: ours\nconnectors:\n  - name: c\n    organisation: ours\n'
                    '    outbound:\n      recipient_domains: [x.example]\n      tls: maximal\n')
    done = ours.cli('apply', path, check=False)
    assert done.returncode == 1
    assert f'{path}: line 8: connectors[0].outbound.tls: ' in done.stderr
    path.write_text('organisations: [\n')
    assert 'line 2' in ours.cli('apply', path, check=False).stderr
    assert 'ours.example' in ours.cli('domain', 'list').stdout  # nothing was changed


def test_removals_are_shown(ours):
    done = ours.cli('connector', 'remove', 'ours/own-server', '--dry-run')
    assert done.stdout.startswith('- connector ours/own-server')
    assert ours.json('connector', 'list')


def test_explain_names_every_candidate(ours):
    text = ours.cli('explain', '--from=anna@ours.example', '--to=bob@partner.example', '--ip=127.0.0.1').stdout
    assert 'connector ours/own-server' in text and 'MX hosts of partner.example' in text
    text = ours.cli('explain', '--from=a@partner.example', '--to=b@elsewhere.example', '--ip=192.0.2.1').stdout
    assert '550 5.7.64' in text


def test_imported_certificates_are_served(ours, authority, foreign_authority):
    certificate, other = authority.issue('second.ours.example'), foreign_authority.issue('third.ours.example')
    node = ('--data', ours.directory / 'data', '--trust', authority.certificate)
    assert 'does not belong' in ours.cli('cert', 'import', 'second', certificate.chain, other.key, *node,
                                         check=False).stderr
    ours.cli('cert', 'import', 'second', certificate.chain, certificate.key, *node)
    shown = {c['name']: c for c in ours.json('cert', 'list')}
    assert shown['second']['chain'][0]['names'] == ['second.ours.example']
    assert 'listener mx' in shown['second']['used_by'] and shown['mx']
    assert (ours.directory / 'data' / 'certificates' / 'second' / '1' / 'ecdsa.key').stat().st_mode & 0o777 == 0o600
    ours.cli('cert', 'self-signed', 'third', '--host=third.ours.example', *node[:2])
    assert {c['name'] for c in ours.json('cert', 'list')} == {'mx', 'second', 'third'}


# ---- lint, listings, many recipients ------------------------------------------------------------------


def test_lint_of_server_and_file(ours, tmp_path):
    """What is doubtful is told by apply, by lint and by the API; only an error fails."""
    text = ours.cli('export').stdout
    applied = ours.cli('connector', 'add', 'ours/p', '--outbound.recipient-domains=p.example')
    assert '+ connector ours/p' in applied.stdout
    found = ours.json('lint')
    assert {(f['severity'], f['token'], f['subject']) for f in found} >= {
        ('warning', 'front-door-open', 'organisation ours'), ('warning', 'one-direction', 'connector ours/p'),
        ('warning', 'any-recipient', 'domain ours.example')}, found
    assert all(f['text'] and f['remedy'] for f in found)
    said = ours.cli('lint').stdout
    assert 'warning: connector ours/p: ' in said and '[one-direction]' in said
    said = ours.apply(text.replace('own-server', 'own')).stdout
    assert 'front-door-open' in said and 'one-direction' not in said
    path = tmp_path / 'doubtful.yaml'
    path.write_text('organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a}]\n')
    done = ours.cli('lint', path, check=False)
    assert done.returncode == 1 and 'error: domain a.example: ' in done.stdout, done
    path.write_text('organisations: [{name: a}]\n')
    assert ours.cli('lint', path).returncode == 0


def test_listings_flag_one_direction_and_report_mode(ours, api):
    ours.cli('connector', 'add', 'ours/p', '--outbound.recipient-domains=p.example', '--outbound.mode=report')
    ours.cli('connector', 'add', 'ours/q', '--inbound.sender-domains=q.example')
    rows = {line.split()[0]: line for line in ours.cli('connector', 'list').stdout.splitlines()}
    assert 'report outbound' in rows['ours/p'] and 'only!' not in rows['ours/p']
    assert 'inbound only!' in rows['ours/q']
    assert {c['name']: c['one_direction'] for c in ours.json('connector', 'list')} == {
        'own-server': None, 'p': None, 'q': 'inbound'}
    ours.cli('connector', 'set', 'ours/p', '--outbound.mode=enforce')
    assert ours.json('connector', 'show', 'ours/p')['one_direction'] == 'outbound'
    # What is shown can be sent back, and what is printed applied.
    _, shown, _ = api.ask('GET', '/v1/connectors/ours/p')
    assert api.ask('PUT', '/v1/connectors/ours/p', shown)[1]['changes'] == []
    assert '# TLS is forced outbound only' in ours.cli('connector', 'show', 'ours/p').stdout
    ours.cli('connector', 'set', 'ours/p', '--inbound.sender-domains=p.example')
    assert 'both ways' in ours.cli('connector', 'list').stdout


def test_listings_tell_what_counts(ours):
    ours.cli('rule', 'add', 'ours/r', '--senders=a@ours.example', '--header=X-Class', '--header-contains=secret',
             '--larger-than=20M', '--action=refuse')
    listed = ours.cli('rule', 'list').stdout
    assert 'senders a@ours.example; header X-Class with secret; larger than 20M' in listed
    assert 'RECIPIENTS' in ours.cli('domain', 'list').stdout


def test_a_name_alone_will_do_where_only_one_has_it(ours):
    ours.cli('connector', 'add', 'ours/p', '--outbound.recipient-domains=p.example')
    assert ours.json('connector', 'show', 'p')['organisation'] == 'ours'
    assert ours.json('connector', 'readiness', 'p')['connector'] == 'p'
    done = ours.cli('connector', 'readiness', 'q', check=False)
    assert done.returncode == 1 and 'there is no connector q' in done.stderr
    ours.cli('org', 'add', 'theirs')
    ours.cli('connector', 'add', 'theirs/p', '--outbound.recipient-domains=p.example')
    done = ours.cli('connector', 'remove', 'p', '--yes', check=False)
    assert done.returncode == 2 and 'ours/p, theirs/p' in done.stderr


def test_outcomes_as_json(ours):
    rows = {row['token']: row for row in ours.json('help', 'outcomes')}
    assert rows['name-mismatch'] == ours.json('help', 'name-mismatch')
    assert rows['direct-send']['inbound'] == '550 5.7.68' and rows['direct-send']['outbound'] is None


def test_trace_tells_a_kind_that_is_none(ours):
    done = ours.cli('trace', '--outcome=bogus', check=False)
    assert done.returncode == 1 and 'expected one of received, refused' in done.stderr
    assert ours.json('trace', '--outcome=would-refuse') == []


def test_pages_of_a_listing(ours, api):
    for i in range(5):
        ours.cli('recipient', 'add', f'u{i}@ours.example')
    _, page, _ = api.ask('GET', '/v1/recipients?limit=2')
    assert [r['address'] for r in page['items']] == ['u0@ours.example', 'u1@ours.example']
    _, page, _ = api.ask('GET', f'/v1/recipients?limit=3&cursor={quote(page["next"])}')
    assert [r['address'] for r in page['items']] == [f'u{i}@ours.example' for i in (2, 3, 4)] and page['next'] is None
    gone = cursor_at('/v1/recipients', '- gone@ours.example')
    status, problem, _ = api.ask('GET', f'/v1/recipients?cursor={quote(gone)}')
    assert status == 409 and 'begin again' in problem['detail']
    assert api.ask('GET', '/v1/recipients?domain=other.example')[1]['items'] == []
    assert len(ours.json('recipient', 'list', '--limit=4')) == 4


def test_recipients_from_a_file(ours, tmp_path):
    path = tmp_path / 'staff.txt'
    path.write_text('# staff\nanna@ours.example\nBob@Ours.example, on-premises, moves in May, or later\n\n')
    assert 'would be: added 2' in ours.cli('recipient', 'load', path, '--dry-run').stdout
    assert ours.json('recipient', 'list') == []
    assert 'added 2, changed 0, removed 0, unchanged 0' in ours.cli('recipient', 'load', path).stdout
    shown = ours.json('recipient', 'show', 'bob@ours.example')
    assert shown == {'address': 'bob@ours.example', 'place': 'on-premises', 'comment': 'moves in May, or later'}
    path.write_text('bob\ncarl,here\n')
    done = ours.cli('recipient', 'load', path, '--domain=ours.example', '--replace', '--yes')
    assert 'added 1, changed 1, removed 1, unchanged 0' in done.stdout
    assert [r['address'] for r in ours.json('recipient', 'list')] == ['bob@ours.example', 'carl@ours.example']
    path.write_text('dora@ours.example\nno address\nx@elsewhere.example\ny@ours.example, upstairs\ndora@ours.example\n')
    done = ours.cli('recipient', 'load', path, check=False)
    assert done.returncode == 1 and 'nothing was changed' in done.stderr
    for line, why in {2: 'expected', 3: 'no accepted domain', 4: 'place', 5: 'stands in line 1'}.items():
        assert any(f'line {line}: ' in said and why in said for said in done.stderr.splitlines()), (line, done.stderr)
    assert len(ours.json('recipient', 'list')) == 2


def test_a_hundred_thousand_recipients(ours, tmp_path):
    """They are loaded in pieces, asked for in pages, and hinder no other change."""
    path = tmp_path / 'many.txt'
    path.write_text(''.join(f'user{i}@ours.example\n' for i in range(100_000)))
    done = ours.cli('recipient', 'load', path)
    assert 'added 100000, changed 0, removed 0, unchanged 0' in done.stdout, done
    assert 'of 100000 changes are in force' in done.stderr
    ours.cli('domain', 'set', 'ours.example', '--directory')
    assert 'changed 0, removed 0, unchanged 100000' in ours.cli('recipient', 'load', path, '--dry-run').stdout
    wait_for(lambda: not ours.send('a@x.example', 'user99999@ours.example'), 'the last one to be known')
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        ours.send('a@x.example', 'user100000@ours.example')
    ours.wait_mail('user99999')
