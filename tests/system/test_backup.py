"""Backups are made while mail flows, are whole, and bring an installation back; what is damaged is found."""
import json
import os
import pathlib
import shutil
import sqlite3

import pytest

from sealpost import free_port, message
from setups import organisation, outbound_partner, own_server_by_address
from waiting import wait_for

LARGE = 'x' * 70 + '\r\n'


def large():
    return message('eve@ours.example', 'all@partner.example', body=LARGE * 2000)


def backup(ours, directory, *flags, check=True):
    return ours.cli('backup', directory, *flags, '--node', ours.directory / 'node.yaml', check=check)


def restore(ours, directory, *flags, check=True):
    return ours.cli('restore', directory, *flags, '--node', ours.directory / 'node.yaml', check=check)


def configure(ours, port):
    ours.apply({'organisations': [organisation('ours', None)],
                'domains': [{'name': 'ours.example', 'organisation': 'ours',
                             'delivery': f'maildir:{ours.mail}/{{local}}'}],
                'connectors': [own_server_by_address('ours'),
                               outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{port}'])]})


@pytest.fixture
def filled(tmp_path, instances):
    ours = instances(tmp_path / 'ours', 'mx.ours.example').start()
    configure(ours, free_port())
    for n in range(5):
        ours.send('eve@ours.example', f'small{n}@partner.example')
    for n in range(3):
        ours.send('eve@ours.example', f'large{n}@partner.example', text=large())
    wait_for(lambda: len(ours.json('queue', 'list')) == 8, 'eight messages in the queue')
    return ours


def files_of(directory):
    return sorted(str(p.relative_to(directory)) for p in pathlib.Path(directory).rglob('*') if p.is_file())


def test_there_and_back(filled, tmp_path, instances):
    directory = tmp_path / 'backup'
    told = json.loads(backup(filled, directory, '--json').stdout)
    assert told['messages'] == 8 and told['gone'] == 0 and told['traced'] >= 8, told
    names = files_of(directory)
    assert {'queue.db', 'trace.db', 'node.yaml', 'manifest.json'} <= set(names)
    assert len([n for n in names if n.startswith('spool/')]) == 3
    assert oct(directory.stat().st_mode & 0o777) == '0o700'
    assert not list((filled.directory / 'data' / 'backup').iterdir()), 'the copies of the server are gone again'
    assert 'is whole' in restore(filled, directory, '--check').stdout
    assert 'stop it first' in restore(filled, directory, check=False).stderr

    before = filled.json('queue', 'list')
    configuration = filled.cli('export').stdout
    assert filled.stop() == 0
    data = filled.directory / 'data'
    refused = restore(filled, directory, check=False)
    assert refused.returncode != 0 and 'move the directory away first' in refused.stderr
    data.rename(filled.directory / 'before')
    assert 'Mail that waits is held' in restore(filled, directory).stdout
    filled.start()
    after = filled.json('queue', 'list')
    assert [m['id'] for m in after] == [m['id'] for m in before]
    assert all(r['state'] == 'held' for m in after for r in m['recipients']), after
    assert filled.cli('export').stdout == configuration
    assert len(filled.json('trace', '--from', 'eve@ours.example')) == 8
    partner = instances(tmp_path / 'partner', 'mx.partner.example').start()
    partner.apply({'organisations': [organisation('partner', None)],
                   'domains': [{'name': 'partner.example', 'organisation': 'partner',
                                'delivery': f'maildir:{partner.mail}/all'}]})
    configure(filled, partner.port)
    filled.cli('queue', 'release', '--all', '--yes')
    wait_for(lambda: not filled.json('queue', 'list'), 'the queue to be empty')
    mail = partner.wait_mail('all', 8, timeout=60)
    assert len(mail) == 8
    assert sum(LARGE.strip() in m.as_string() for m in mail) == 3


@pytest.mark.parametrize('harm, words', [
    (lambda d: (d / 'trace.db').write_bytes((d / 'trace.db').read_bytes()[:-1] + b'\1'), 'trace.db was changed'),
    (lambda d: next(d.glob('spool/*/*')).unlink(), 'is missing'),
    (lambda d: (d / 'more').write_text('x'), 'does not belong here'),
    (lambda d: (d / 'manifest.json').unlink(), 'not a backup, or one that was not finished'),
    (lambda d: (d / 'manifest.json').write_text('{"form": 99, "files": {}}'), 'made by another version'),
], ids=['changed', 'missing', 'more', 'unfinished', 'other version'])
def test_damage_is_found(filled, tmp_path, harm, words):
    directory = tmp_path / 'backup'
    backup(filled, directory)
    harm(directory)
    refused = restore(filled, directory, '--check', check=False)
    assert refused.returncode != 0 and words in refused.stderr, refused.stderr


def test_a_newer_schema_is_refused(filled, tmp_path):
    """Somebody with an older program: the manifest is right, and the database is not for it."""
    directory = tmp_path / 'backup'
    backup(filled, directory)
    database = sqlite3.connect(directory / 'queue.db')
    database.execute('PRAGMA user_version = 999')
    database.commit()
    database.close()
    manifest = json.loads((directory / 'manifest.json').read_text())
    manifest['files']['queue.db']['sha256'] = __import__('hashlib').sha256((directory / 'queue.db').read_bytes()).hexdigest()
    (directory / 'manifest.json').write_text(json.dumps(manifest))
    refused = restore(filled, directory, '--check', check=False)
    assert 'schema 999' in refused.stderr, refused.stderr


def test_keys_only_if_asked_for(filled, tmp_path):
    filled.cli('cert', 'self-signed', 'shop', '--host=mx.ours.example', '--node', filled.directory / 'node.yaml')
    backup(filled, tmp_path / 'without')
    backup(filled, tmp_path / 'with', '--with-keys')
    without, with_keys = files_of(tmp_path / 'without'), files_of(tmp_path / 'with')
    assert any(n.startswith('certificates/shop/') and n.endswith('.pem') for n in without), without
    assert not [n for n in without if n.endswith('.key')]
    assert [n for n in with_keys if n.endswith('.key')]
    for path in (tmp_path / 'without').rglob('*'):
        assert path.is_dir() or b'PRIVATE KEY' not in path.read_bytes(), path


def test_a_directory_that_is_there(filled, tmp_path):
    (tmp_path / 'backup').mkdir()
    (tmp_path / 'backup' / 'file').write_text('x')
    refused = backup(filled, tmp_path / 'backup', check=False)
    assert refused.returncode != 0 and 'not empty' in refused.stderr


def test_mail_goes_on_meanwhile(tmp_path, instances):
    """Messages come and go while copies are made: every copy is whole, and holds no message without its content."""
    ours = instances(tmp_path / 'ours', 'mx.ours.example').start()
    partner = instances(tmp_path / 'partner', 'mx.partner.example').start()
    partner.apply({'organisations': [organisation('partner', None)],
                   'domains': [{'name': 'partner.example', 'organisation': 'partner',
                                'delivery': f'maildir:{partner.mail}/all'}]})
    configure(ours, partner.port)
    for n in range(6):
        for k in range(10):
            ours.send('eve@ours.example', f'm{n}-{k}@partner.example', text=large())
        told = json.loads(backup(ours, tmp_path / f'backup{n}', '--json').stdout)
        contents = [p for p in files_of(tmp_path / f'backup{n}') if p.startswith('spool/')]
        database = sqlite3.connect(f"file:{tmp_path / f'backup{n}' / 'queue.db'}?mode=ro", uri=True)
        in_files = database.execute('SELECT count(*) FROM message WHERE in_file = 1').fetchone()[0]
        counted = database.execute("SELECT value FROM setting WHERE name = 'messages'").fetchone()[0]
        database.close()
        assert len(contents) == in_files and counted == told['messages'], told
        assert 'is whole' in restore(ours, tmp_path / f'backup{n}', '--check').stdout
    wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')
    assert len(partner.wait_mail('all', 60, timeout=60)) == 60


def test_copies_by_the_api_are_listed(filled):
    """One at a time: the second takes the place of the first, and what is removed is listed no more."""
    def call(method, path, *more):
        return filled.json('api', method, path, *more)

    assert call('GET', '/v1/backups')['items'] == []
    names = []
    for _ in range(2):
        names.append(call('POST', '/v1/backups')['name'])
        done = wait_for(lambda: [b for b in call('GET', '/v1/backups')['items'] if b['state'] == 'done'], 'the copies')
        assert [b['name'] for b in done] == names[-1:]
        assert (pathlib.Path(done[0]['directory']) / 'queue.db').exists()
    call('DELETE', f'/v1/backups/{names[1]}')
    assert call('GET', '/v1/backups')['items'] == []


def test_what_a_crash_leaves_is_swept(filled, tmp_path):
    left = filled.directory / 'data' / 'backup' / '20200101T000000.000Z'
    left.mkdir(parents=True)
    (left / 'queue.db').write_text('x')
    if os.geteuid() == 0:
        owner = (filled.directory / 'data').stat()
        for path in (left.parent, left, left / 'queue.db'):
            os.chown(path, owner.st_uid, owner.st_gid)
    backup(filled, tmp_path / 'backup')
    assert not left.exists()
    shutil.rmtree(tmp_path / 'backup')
