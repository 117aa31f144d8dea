"""What partners present, kept and watched: changes and ends of certificates are alarms, which are told by mail."""
import datetime
import json
import ssl

import pytest

from certs import Authority
from hook import Hook
from oddpeer import OddPeer
from sealpost import message
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'
CONNECTOR = 'ours/partner'


def start(instances, directory, certificate, **node):
    return instances(directory, 'mx.ours.example', [('mx', certificate)],
                     node={'queue': QUICK_QUEUE, 'alerts': {'mail': 'watch@ours.example'}, **node}).start()


@pytest.fixture
def ours(tmp_path, instances, authority):
    return start(instances, tmp_path / 'ours', authority.issue('mx.ours.example'))


@pytest.fixture
def peer(authority):
    peer = OddPeer(authority.issue(HOST, file='observed-1'))
    yield peer
    peer.close()


def show(peer, certificate):
    """From now on it presents this one."""
    peer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    peer.context.load_cert_chain(certificate.chain, certificate.key)
    peer.drop()


def config(ours, authority, **connector):
    return {
        'organisations': [organisation('ours', alerts='security@ours.example')],
        'domains': [local_domain('ours.example', 'ours', ours)],
        'connectors': [own_server_by_address('ours'), connector]}


def outbound(ours, authority, peer):
    return config(ours, authority, **outbound_partner(
        'ours', 'partner', DOMAIN, [f'127.0.0.1:{peer.port}'], 'encrypt', trust=authority.pem))


def deliver(ours, peer, subject):
    before = len(peer.messages)
    ours.send('eve@ours.example', f'joe@{DOMAIN}', message('eve@ours.example', f'joe@{DOMAIN}', subject))
    wait_for(lambda: len(peer.messages) > before, f'{subject} to be delivered')


def chains(ours, count, *flags):
    return wait_for(lambda: len(found := ours.json('chain', 'list', *flags)) == count and found, f'{count} chains')


def alarms(ours, kind, count, over=False):
    def look():
        found = [a for a in ours.json('alarms', 'list', '--all')['items'] if a['kind'] == kind and bool(a['over']) == over]
        return len(found) == count and (found or True)
    return wait_for(look, f'{count} alarms of kind {kind}')


def test_a_partner_changes_its_certificate(ours, peer, authority, foreign_authority):
    ours.apply(outbound(ours, authority, peer))
    deliver(ours, peer, 'one')
    first = chains(ours, 1)[0]
    assert first['partner'] == f'connector {CONNECTOR}' and first['direction'] == 'outbound'
    assert first['verdict'] == 'trusted' and first['accepted'] and first['certificates'][0]['names'] == [HOST]
    assert 'Test Root' in first['root']
    alarms(ours, 'partner-certificate-changed', 0)

    # Mail flows on; somebody is told what has changed.
    show(peer, foreign_authority.issue(HOST, file='observed-2'))
    deliver(ours, peer, 'two')
    new = chains(ours, 2)[0]
    assert not new['accepted'] and new['verdict'] != 'trusted'
    alarm = alarms(ours, 'partner-certificate-changed', 1)[0]
    assert alarm['organisation'] == 'ours' and 'issuer was' in alarm['text'] and 'another key' in alarm['text']
    assert 'Foreign Root' in alarm['text']
    for mailbox in 'watch', 'security':
        mail = ours.wait_mail(mailbox, 1, 60)[0]
        assert mail['Subject'] == 'Alarm on mx.ours.example: partner-certificate-changed'
        assert mail['Auto-Submitted'] == 'auto-generated' and mail['Return-Path'] in (None, '<>')
        assert 'Foreign Root' in mail.get_payload().replace('\n', ' ')
    assert 'event=alarm ' in ours.log_text()

    # Over as soon as it is accepted; and the same chain is no news any more.
    text = ours.cli('chain', 'list', '--new').stdout
    assert str(new['id']) in text and 'Foreign' not in text.splitlines()[0]
    ours.cli('chain', 'accept', new['id'])
    alarms(ours, 'partner-certificate-changed', 1, over=True)
    assert 'nobody has accepted' in ours.cli('chain', 'list', '--new').stdout
    assert ours.json('chain', 'list')[0]['accepted_by']
    shown = ours.cli('chain', 'show', new['id'], '--pem').stdout
    assert 'BEGIN CERTIFICATE' in shown and HOST in shown
    ours.stop()
    ours.start()
    peer.drop()
    deliver(ours, peer, 'three')
    assert len(ours.json('chain', 'list')) == 2
    alarms(ours, 'partner-certificate-changed', 0)
    done = ours.cli('chain', 'show', 4711, check=False)
    assert done.returncode == 1 and 'no such chain' in done.stderr


def test_pinning_is_one_command(ours, peer, authority):
    ours.apply(outbound(ours, authority, peer))
    deliver(ours, peer, 'one')
    chain = chains(ours, 1, '--connector', CONNECTOR)[0]
    ours.cli('chain', 'pin', chain['id'])
    pin = chain['certificates'][0]['spki_sha256']
    assert ours.json('connector', 'show', CONNECTOR)['outbound']['pins'] == [pin]
    peer.drop()
    deliver(ours, peer, 'two')

    # Another key waits, and is seen all the same: that is how one knows why.
    show(peer, authority.issue(HOST, file='observed-3'))
    ours.send('eve@ours.example', f'joe@{DOMAIN}')
    other = chains(ours, 2)[0]
    assert other['certificates'][0]['spki_sha256'] != pin
    alarms(ours, 'partner-certificate-changed', 1)
    wait_for(lambda: any(r['attempts'] for m in ours.json('queue', 'list') for r in m['recipients']), 'an attempt')
    before = len(peer.messages)
    ours.cli('chain', 'pin', other['id'])
    alarms(ours, 'partner-certificate-changed', 1, over=True)
    assert len(ours.json('connector', 'show', CONNECTOR)['outbound']['pins']) == 2
    ours.cli('queue', 'retry', '--domain', DOMAIN, '--yes', check=False)  # its next attempt may have come by itself
    wait_for(lambda: len(peer.messages) > before, 'what waited to be delivered')
    ours.cli('chain', 'pin', other['id'], '--only')
    assert ours.json('connector', 'show', CONNECTOR)['outbound']['pins'] == [
        other['certificates'][0]['spki_sha256']]


def test_who_comes_in(ours, authority):
    ours.apply(config(ours, authority, name='partner', organisation='ours', type='partner', trust=authority.pem,
                      inbound={'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': HOST,
                               'restrict_to_certificate': True}))
    for file in 'in-1', 'in-2', 'in-3':
        ours.send(f'joe@{DOMAIN}', 'eve@ours.example', certificate=authority.issue(HOST, file=file))
    found = chains(ours, 3)
    assert {c['direction'] for c in found} == {'inbound'} and {c['partner'] for c in found} == {f'connector {CONNECTOR}'}
    assert all(c['hosts'] == ['client.example'] and c['address'] == '127.0.0.1' for c in found)
    assert len(alarms(ours, 'partner-certificate-changed', 2)) == 2

    # A stranger's is kept, and alarms nobody.
    with ours.smtp(certificate=authority.issue('mx.stranger.example')) as client:
        client.sendmail('x@stranger.example', ['eve@ours.example'], 'Subject: x\r\n\r\nx')
    assert chains(ours, 4)[0]['partner'] == 'address 127.0.0.1'
    alarms(ours, 'partner-certificate-changed', 2)


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime('%Y%m%d%H%M%SZ')


def test_what_ends_soon_is_told_in_time(tmp_path, instances):
    """Ours of the node file, and a partner's; when the files are replaced the alarm is over."""
    root = Authority(tmp_path / 'root', 'Short Root')
    soon = root.issue('mx.ours.example', end=in_days(5), file='soon')
    peer = OddPeer(root.issue(HOST, end=in_days(20)))
    ours = start(instances, tmp_path / 'ours', soon)
    try:
        ours.apply(outbound(ours, root, peer))
        alarm = alarms(ours, 'certificate-expires', 1)[0]
        assert alarm['subject'] == 'certificate mx' and 'in 4d' in alarm['text']
        deliver(ours, peer, 'one')
        chains(ours, 1)
        # Looked at every hour, and with new settings.
        ours.cli('reload')
        alarm = alarms(ours, 'partner-certificate-expires', 1)[0]
        assert CONNECTOR in alarm['subject'] and 'in 19d' in alarm['text'] and alarm['organisation'] == 'ours'
        later = root.issue('mx.ours.example', file='later')
        for new, old in (later.chain, soon.chain), (later.key, soon.key):
            old.write_bytes(new.read_bytes())
        ours.cli('reload')
        alarms(ours, 'certificate-expires', 1, over=True)
        alarms(ours, 'certificate-expires', 0)
        text = ours.wait_mail('watch', 1, 60)[0].get_payload()
        assert 'certificate mx' in text
    finally:
        peer.close()


def test_a_webhook_is_told_of_every_alarm_signed(tmp_path, instances, peer, authority, foreign_authority):
    """Not taken at first, then taken; the receiver verifies each request by itself."""
    secret = tmp_path / 'secret'
    secret.write_text('a secret of the webhook, 0123456789\n')
    hook = Hook(secret.read_text().strip())
    ours = start(instances, tmp_path / 'ours', authority.issue('mx.ours.example'),
                 alerts={'webhook': hook.url, 'webhook_secret': str(secret)}, fetch={'allow': ['127.0.0.1']})
    try:
        ours.apply(outbound(ours, authority, peer))
        done = ours.json('alerts', 'test')
        assert done['webhook']['ok'] and done['webhook']['signed'] and done['webhook']['status'] == 204, done
        assert [p['kind'] for p in hook.posts] == ['test'] and hook.posts[0]['host'] == 'mx.ours.example'

        hook.answers = [503, 500]
        deliver(ours, peer, 'one')
        show(peer, foreign_authority.issue(HOST, file='hooked-2'))
        deliver(ours, peer, 'two')
        posts = wait_for(lambda: len(hook.posts) >= 4 and hook.posts[1:4], 'the same alarm three times', 60)
        assert {p['kind'] for p in posts} == {'partner-certificate-changed'} and len({p['delivery'] for p in posts}) == 1
        assert posts[0]['id'] == alarms(ours, 'partner-certificate-changed', 1)[0]['id']
        assert posts[0]['organisation'] == 'ours' and 'Foreign Root' in posts[0]['text']
        assert posts[0]['content_type'] == 'application/json' and posts[0]['type'] == 'alarm'
        wait_for(lambda: 'event=webhook.told' in ours.log_text(), 'the log to say so')

        # What was told is not told again after a restart; what was not is.
        ours.stop()
        ours.start()
        peer.drop()
        show(peer, authority.issue(HOST, file='hooked-3'))
        deliver(ours, peer, 'three')
        wait_for(lambda: len(hook.posts) == 5, 'the next alarm')
        assert hook.posts[4]['id'] > posts[0]['id'] and not hook.faults

        # Another key than the receiver's, and it takes nothing.
        secret.write_text('another secret, 0123456789abcdef\n')
        ours.cli('reload')
        done = ours.cli('alerts', 'test', '--json', check=False)
        assert done.returncode == 1 and json.loads(done.stdout)['webhook']['status'] == 401, done.stdout
        assert len(hook.faults) == 1
    finally:
        hook.close()


def test_a_secret_that_is_none_is_refused(tmp_path, instances, authority):
    secret = tmp_path / 'secret'
    secret.write_text('a secret of the webhook, 0123456789\n')
    ours = start(instances, tmp_path / 'ours', authority.issue('mx.ours.example'),
                 alerts={'webhook': 'http://127.0.0.1:9/', 'webhook_secret': str(secret)})
    secret.write_text('short\n')
    done = ours.cli('reload', check=False)
    assert done.returncode == 1 and 'webhook_secret' in done.stderr and 'openssl rand' in done.stderr
    # Without permission nothing goes to this machine.
    done = ours.cli('alerts', 'test', '--json', check=False)
    assert done.returncode == 1 and not json.loads(done.stdout)['webhook']['ok']
