"""Events of the trace are posted to a webhook: signed, in order, once each unless something broke."""
import datetime
import os
import signal
import smtplib

import pytest

from hook import Hook
from sealpost import alive
from setups import local_domain, organisation, own_server_by_address
from waiting import wait_for

SECRET = 'a secret of the webhook, 0123456789'


@pytest.fixture
def hook():
    hook = Hook(SECRET)
    yield hook
    hook.close()


@pytest.fixture
def ours(tmp_path, instances, authority, hook):
    secret = tmp_path / 'secret'
    secret.write_text(SECRET + '\n')
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))], node={
        'alerts': {'webhook': hook.url, 'webhook_secret': str(secret), 'events': ['refused', 'delivered']},
        'fetch': {'allow': ['127.0.0.1']}}).start()
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [own_server_by_address('ours')]})
    return ours


def events(hook):
    return [event for post in list(hook.posts) for event in post['events']]


def told(hook, recipients):
    """These were told, in this order; an event that came again counts once."""
    def look():
        seen = {event['id']: event['recipient'] for event in events(hook)}
        return [seen[i] for i in sorted(seen)] == recipients and (list(seen) or True)
    return wait_for(look, f'{recipients} to be told', 60)


def deliver(ours, *names):
    for name in names:
        before = len(ours.maildir(name))
        ours.send('eve@ours.example', f'{name}@ours.example')
        ours.wait_mail(name, before + 1, 60)
    return [f'{name}@ours.example' for name in names]


def test_events_come_once_each_in_order(ours, hook):
    wanted = deliver(ours, 'ann', 'bob', 'ann')
    told(hook, wanted)
    wanted += deliver(ours, 'cat')
    ids = told(hook, wanted)
    posts = list(hook.posts)
    assert [event['id'] for event in events(hook)] == ids == sorted(ids) and not hook.faults
    assert {(post['type'], post['host'], post['skipped']) for post in posts} == {('events', 'mx.ours.example', 0)}
    assert posts[-1]['delivery'] == f'events-{ids[-1]}' and posts[-1]['content_type'] == 'application/json'
    event = posts[-1]['events'][-1]
    assert event['kind'] == 'delivered' and event['sender'] == 'eve@ours.example' and event['organisation'] == 'ours'
    assert event['message'] in [m['id'] for m in ours.json('trace', '--to', 'cat@ours.example')]
    assert 'A test' not in str(posts)  # the subject
    assert 'event=webhook.events-told' in ours.log_text()


def test_a_receiver_that_fails_is_asked_again(ours, hook):
    hook.answers = [503, 500]
    wanted = deliver(ours, 'ann')
    told(hook, wanted)
    wait_for(lambda: 'event=webhook.events-told' in ours.log_text(), 'the third attempt', 60)
    assert [[event['recipient'] for event in post['events']] for post in hook.posts] == [wanted] * 3
    assert len({post['delivery'] for post in hook.posts}) == 1
    assert ours.log_text().count('event=webhook.events-failed') == 2
    told(hook, wanted + deliver(ours, 'bob'))


def test_nothing_is_lost_with_the_process(ours, hook):
    first = deliver(ours, 'ann')
    known = told(hook, first)
    wait_for(lambda: 'event=webhook.events-told' in ours.log_text(), 'it to be taken', 60)
    wait_for(lambda: hook.answers or hook.answers.extend([503] * 100), 'the receiver to fail')
    wanted = first + deliver(ours, 'bob')
    told(hook, wanted)  # and not taken
    before = ours.pid_of('spool')
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: not alive(before) and ours.pid_of('spool') != before, 'another process', 60)
    hook.answers.clear()
    del hook.posts[:]
    wanted += wait_for(lambda: deliver_again(ours, 'cat'), 'mail to go on', 60)
    wait_for(lambda: [e['recipient'] for e in events(hook)][-1:] == wanted[-1:], 'the last one', 60)
    again = {event['id']: event['recipient'] for event in events(hook)}
    assert [again[i] for i in sorted(again)] == wanted[1:] and min(again) > max(known)


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime('%Y%m%d%H%M%SZ')


def test_the_end_of_an_alarm_comes_as_its_beginning(tmp_path, instances, authority):
    """Posted and mailed, at least once and in order, also where the process is killed before it was taken."""
    hook = Hook(SECRET)
    secret = tmp_path / 'secret'
    secret.write_text(SECRET + '\n')
    soon = authority.issue('mx.ours.example', end=in_days(5), file='alarm-soon')
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', soon)], node={
        'alerts': {'webhook': hook.url, 'webhook_secret': str(secret), 'mail': 'watch@ours.example'},
        'fetch': {'allow': ['127.0.0.1']}}).start()
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)]})
    try:
        begun = wait_for(lambda: list(hook.posts), 'the alarm', 60)[0]
        assert (begun['type'], begun['kind'], begun['over']) == ('alarm', 'certificate-expires', None)
        wait_for(lambda: 'event=webhook.told' in ours.log_text(), 'it to be taken', 60)
        assert ours.wait_mail('watch', 1, 60)[0]['Subject'] == 'Alarm on mx.ours.example: certificate-expires'
        hook.answers = [503] * 100
        later = authority.issue('mx.ours.example', file='alarm-later')
        for new, old in (later.chain, soon.chain), (later.key, soon.key):
            old.write_bytes(new.read_bytes())
        ours.cli('reload')
        refused = wait_for(lambda: hook.posts[1:], 'the end to be posted', 60)[0]
        before = ours.pid_of('spool')
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: not alive(before) and ours.pid_of('spool') != before, 'another process', 60)
        hook.answers.clear()
        wait_for(lambda: ours.log_text().count('event=webhook.told') == 2, 'the end to be taken', 60)
        over = hook.posts[-1]
        assert (over['type'], over['id'], over['kind']) == ('alarm-over', begun['id'], 'certificate-expires')
        assert over['over'] and over['number'] == refused['number'] > begun['number']
        assert over['delivery'] == str(over['number']) and not hook.faults
        assert {post['type'] for post in hook.posts[1:]} == {'alarm-over'}
        assert 'event=alarm.over' in ours.log_text()
        # A new process has sent no letter yet, and so the next one goes at once.
        letters = ours.wait_mail('watch', 2, 60)
        assert 'Alarm over on mx.ours.example: certificate-expires' in [letter['Subject'] for letter in letters]
    finally:
        hook.close()


def deliver_again(ours, name):
    """None as long as the processes find each other anew."""
    try:
        return deliver(ours, name)
    except (smtplib.SMTPException, OSError):
        return None


def test_a_kind_that_is_none_is_refused(ours):
    ours.node['alerts']['events'] = ['deliverd']
    ours.write_node()
    done = ours.cli('reload', check=False)
    assert done.returncode == 1 and 'alerts.events' in done.stderr and 'would-refuse' in done.stderr, done.stderr
