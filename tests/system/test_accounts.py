"""Users, tokens, and the audit log: from the command line to the disk, and what is found when somebody was at it."""
import hashlib
import json
import os
import pty
import select
import sqlite3
import subprocess
import time

import pytest

from setups import local_domain, organisation, own_server_by_address
from test_management import Api

pytestmark = pytest.mark.sanitized

PASSWORD = 'correct horse battery'


@pytest.fixture
def ours(tmp_path, instances, authority):
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))]).start()
    ours.apply({'organisations': [organisation('ours'), organisation('other')],
                'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [own_server_by_address('ours')]})
    return ours


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / 'password'
    path.write_text(PASSWORD + '\n')
    path.chmod(0o600)
    return path


@pytest.fixture
def api(ours):
    api = Api(ours.directory / 'run' / 'admin.sock')
    yield api
    api.close()


def queue_db(instance):
    db = sqlite3.connect(instance.directory / 'data' / 'queue.db')
    db.execute('PRAGMA locking_mode = EXCLUSIVE')
    return db


# ---- users -------------------------------------------------------------------------------------------


def test_users_by_the_command_line(ours, password_file):
    assert 'no users yet' in ours.cli('user', 'list').stdout
    ours.cli('user', 'add', 'Alice', '--role', 'installation-admin', '--password-file', password_file)
    done = ours.cli('user', 'add', 'bob', '--role=organisation-admin', '--organisations=ours, other', '--no-password')
    assert 'sealpost user link bob' in done.stdout
    alice, bob = ours.json('user', 'list')
    assert alice['name'] == 'alice' and alice['has_password'] and not alice['disabled']
    assert bob['organisations'] == ['ours', 'other'] and not bob['has_password']
    table = ours.cli('user', 'list').stdout
    assert 'installation-admin' in table and 'ours, other' in table

    ours.cli('user', 'set', 'bob', '--role', 'reader', '--organisations', 'ours')
    ours.cli('user', 'disable', 'bob')
    ours.cli('user', 'password', 'bob', '--password-file', '-', input='another long one\n')
    bob = ours.json('user', 'list')[1]
    assert (bob['role'], bob['organisations'], bob['disabled'], bob['has_password']) == ('reader', ['ours'], True, True)
    ours.cli('user', 'enable', 'bob')
    ours.cli('user', 'password', 'bob', '--remove')
    bob = ours.json('user', 'list')[1]
    assert not bob['disabled'] and not bob['has_password']
    ours.cli('user', 'remove', 'bob', '--yes')
    ours.stop()
    ours.start()
    assert [u['name'] for u in ours.json('user', 'list')] == ['alice']  # it is on disk


@pytest.mark.parametrize('arguments, password, says', [
    (['add', 'x', '--role', 'reader'], 'short', 'at least 10'),
    (['add', 'administrator', '--role', 'reader'], 'Administrator', "user's name"),
    (['add', 'x', '--role', 'king'], PASSWORD, 'role: expected one of'),
    (['add', 'a b', '--role', 'reader'], PASSWORD, 'name: expected'),
    (['add', 'x', '--role', 'reader', '--organisations', 'nobody'], PASSWORD, 'no organisation "nobody"'),
    (['add', 'x', '--role', 'organisation-admin'], PASSWORD, 'organisations: expected at least one'),
    (['add', 'x', '--role', 'installation-admin', '--organisations', 'ours'], PASSWORD, 'organisations: expected none'),
    (['password', 'nobody'], PASSWORD, 'no user nobody'),
])
def test_what_is_no_user(ours, arguments, password, says):
    done = ours.cli('user', *arguments, '--password-file', '-', input=password + '\n', check=False)
    assert done.returncode != 0
    assert says in done.stderr
    assert ours.json('user', 'list') == []


def test_a_password_from_the_terminal_is_not_shown(ours):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [ours.binary, 'user', 'add', 'carol', '--role', 'auditor', '--socket',
         str(ours.directory / 'run' / 'admin.sock')],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)))  # it becomes the controlling one
    os.close(terminal)
    seen = b''
    answered = 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([controller], [], [], 1)[0]:
            try:
                more = os.read(controller, 4096)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            seen += more
        if answered < seen.count(b'Password of carol: ') + seen.count(b'Again: '):
            answered += 1
            os.write(controller, PASSWORD.encode() + b'\n')
    assert process.wait(60) == 0, seen
    os.close(controller)
    assert answered == 2 and b'Added: carol' in seen
    assert PASSWORD.encode() not in seen
    assert ours.json('user', 'list')[0]['has_password']


def test_users_by_the_api(api):
    status, user, etag = api.ask('POST', '/v1/users', {'name': 'dora', 'role': 'auditor', 'password': PASSWORD},
                                 Content_Type='application/json')
    assert status == 201 and user['has_password'] and 'password' not in user and etag
    assert api.ask('POST', '/v1/users', {'name': 'dora', 'role': 'auditor'}, Content_Type='application/json')[0] == 409
    status, same, again = api.ask('GET', '/v1/users/dora')
    assert (status, same, again) == (200, user, etag)
    status, problem, _ = api.ask('PATCH', '/v1/users/dora', {'password': 'short'}, Content_Type='application/json')
    assert status == 422 and problem['errors'][0]['field'] == 'password'
    status, changed, newer = api.ask('PATCH', '/v1/users/dora', {'disabled': True}, If_Match=etag,
                                     Content_Type='application/json')
    assert status == 200 and changed['disabled'] and newer != etag
    status, problem, _ = api.ask('PATCH', '/v1/users/dora', {'disabled': False}, If_Match=etag,
                                 Content_Type='application/json')
    assert status == 412 and problem['code'] == 'changed'
    assert api.ask('DELETE', '/v1/users/dora', If_Match=etag)[0] == 412
    assert api.ask('DELETE', '/v1/users/dora', If_Match=newer)[0] == 200
    assert api.ask('GET', '/v1/users/dora')[0] == 404
    for name in ('a1', 'a2', 'a3'):
        api.ask('POST', '/v1/users', {'name': name, 'role': 'reader'}, Content_Type='application/json')
    page = api.ask('GET', '/v1/users?limit=2')[1]
    assert [u['name'] for u in page['items']] == ['a1', 'a2']
    # What the page ended with may be gone: it is a place in the alphabet.
    assert api.ask('DELETE', '/v1/users/a2')[0] == 200
    page = api.ask('GET', f'/v1/users?cursor={page["next"]}')[1]
    assert [u['name'] for u in page['items']] == ['a3'] and page['next'] is None


def test_passwords_are_kept_as_hashes(ours, password_file):
    ours.cli('user', 'add', 'alice', '--role', 'auditor', '--password-file', password_file)
    token = ours.json('token', 'add', 'x', '--role', 'reader')['token']
    ours.stop()
    db = queue_db(ours)
    user = json.loads(db.execute("SELECT json FROM user WHERE name = 'alice'").fetchone()[0])
    db.close()
    _, log2_n, r, p, salt, kept = user['password'].split('$')
    import base64
    assert base64.b64decode(kept) == hashlib.scrypt(
        PASSWORD.encode(), salt=base64.b64decode(salt), n=2 ** int(log2_n), r=int(r), p=int(p), dklen=32,
        maxmem=64 * 1024 * 1024)
    for path in (ours.directory / 'data').rglob('*'):
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content
            assert token.split('_')[2].encode() not in content
    assert PASSWORD not in ours.log_text() and token not in ours.log_text()


# ---- tokens ------------------------------------------------------------------------------------------


def test_tokens(ours):
    made = ours.json('token', 'add', 'monitoring', '--role', 'reader', '--organisations', 'ours', '--expires', '90d')
    prefix, identity, secret = made['token'].split('_')
    assert prefix == 'sp' and identity == made['id'] and len(secret) == 52
    text = ours.cli('token', 'add', 'backup', '--role', 'auditor').stdout.strip()
    assert text.startswith('sp_')
    listed = {t['label']: t for t in ours.json('token', 'list')}
    assert listed['monitoring']['organisations'] == ['ours'] and listed['monitoring']['created_by']
    assert listed['backup']['expires'] is None
    assert 'token' not in listed['monitoring'] and 'hash' not in listed['monitoring']
    assert secret not in ours.cli('token', 'list').stdout
    ours.cli('token', 'remove', made['id'])
    assert [t['label'] for t in ours.json('token', 'list')] == ['backup']
    assert ours.cli('token', 'remove', made['id'], check=False).returncode != 0
    done = ours.cli('token', 'add', 'old', '--role', 'reader', '--expires', '2020-01-01', check=False)
    assert done.returncode != 0 and 'expires' in done.stderr
    actions = [e['action'] for e in ours.json('audit', 'list', '--action', 'token')]
    assert actions == ['token.remove', 'token.add', 'token.add']


# ---- the audit log -----------------------------------------------------------------------------------


def test_a_change_is_logged_with_before_and_after(ours):
    ours.cli('connector', 'add', 'ours/partner', '--type', 'partner', '--outbound.recipient-domains', 'partner.example',
             '--outbound.tls', 'encrypt', '--comment', 'x' * 900)
    ours.cli('connector', 'set', 'ours/partner', '--outbound.tls', 'chain')
    ours.cli('connector', 'remove', 'ours/partner', '--yes')
    removed, changed, added = ours.json('audit', 'list', '--object', 'ours/partner')
    assert [e['action'] for e in (added, changed, removed)] == ['connector.add', 'connector.change', 'connector.remove']
    assert added['before'] is None and added['after']['outbound']['tls'] == 'encrypt'
    assert changed['before']['outbound']['tls'] == 'encrypt' and changed['after']['outbound']['tls'] == 'chain'
    assert removed['after'] is None and removed['before']['outbound']['tls'] == 'chain'
    assert added['after']['comment'] == {'bytes': 900, 'sha256': hashlib.sha256(b'x' * 900).hexdigest()}
    for entry in (added, changed, removed):
        assert entry['organisation'] == 'ours' and entry['via'] == 'socket' and entry['result'] == 'ok'
        assert entry['actor'] and entry['hash']
    shown = ours.cli('audit', 'show', changed['id']).stdout
    assert '- outbound.tls: encrypt' in shown and '+ outbound.tls: chain' in shown and 'recipient_domains' not in shown
    table = ours.cli('audit', 'list', '--action', 'connector.change').stdout
    assert 'ours/partner' in table and 'connector.add' not in table
    assert ours.json('audit', 'list', '--actor', 'nobody-at-all') == []
    assert ours.cli('audit', 'show', '99999', check=False).returncode != 0


def test_a_dry_run_and_a_refused_change_are_not_logged(ours):
    before = ours.json('audit', 'verify')['entries']
    ours.cli('connector', 'add', 'ours/p', '--type', 'partner', '--outbound.recipient-domains', 'p.example',
             '--dry-run')
    ours.cli('connector', 'add', 'ours/p', '--type', 'partner', '--outbound.recipient-domains', 'not a domain',
             check=False)
    assert ours.json('audit', 'verify')['entries'] == before


def test_secrets_are_not_in_the_log(ours, password_file):
    ours.cli('user', 'add', 'alice', '--role', 'auditor', '--password-file', password_file)
    ours.cli('user', 'password', 'alice', '--password-file', '-', input='quite another one\n')
    changed, added = ours.json('audit', 'list', '--action', 'user')
    assert changed['after']['password'] == 'changed'
    assert 'scrypt' not in json.dumps([changed, added])


def test_an_export_proves_itself(ours, tmp_path):
    ours.cli('connector', 'add', 'ours/p', '--type', 'partner', '--outbound.recipient-domains', 'p.example')
    verdict = ours.json('audit', 'verify')
    lines = ours.cli('audit', 'list', '--export').stdout.splitlines()
    assert verdict['ok'] and verdict['entries'] == len(lines) >= 4
    assert 'all as they were written' in ours.cli('audit', 'verify').stdout
    # By the description alone: SHA-256 over the hash before, a line feed, the entry without its hash.
    last = '0' * 64
    for line in lines:
        entry = json.loads(line)
        said = entry.pop('hash')
        bare = json.dumps(entry, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
        last = hashlib.sha256(f'{last}\n{bare}'.encode()).hexdigest()
        assert last == said
    assert last == verdict['head']
    path = tmp_path / 'audit.ndjson'
    path.write_text('\n'.join(lines) + '\n')
    found = json.loads(ours.cli('audit', 'verify', path, '--json').stdout)
    assert found['ok'] and found['head'] == verdict['head']
    path.write_text('\n'.join(lines).replace('ours/p', 'ours/q') + '\n')
    done = ours.cli('audit', 'verify', path, check=False)
    assert done.returncode != 0 and f'broken at entry {len(lines)}' in done.stderr


@pytest.mark.parametrize('sql, says', [
    ("UPDATE audit SET actor = 'somebody else' WHERE id = 2", 'broken at entry 2'),
    ('DELETE FROM audit WHERE id = 2', 'broken at entry 2: entry 2 is missing'),
    ('DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)', 'are missing'),
])
def test_what_somebody_changes_in_the_file_is_found(ours, sql, says):
    assert ours.json('audit', 'verify')['entries'] >= 4
    ours.stop()
    db = queue_db(ours)
    with pytest.raises(sqlite3.IntegrityError, match='only added to'):
        db.execute(sql)
    db.execute('DROP TRIGGER audit_stays')
    db.execute('DROP TRIGGER audit_is_kept')
    db.execute(sql)
    db.commit()
    db.close()
    ours.start()
    done = ours.cli('audit', 'verify', check=False)
    assert done.returncode != 0
    assert says in done.stderr
    assert ours.cli('audit', 'verify', '--json', check=False).stdout.count('"ok": false') == 1
