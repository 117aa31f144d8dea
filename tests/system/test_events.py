"""GET /v1/events: who listens hears what is new for her, and nothing of others; and no longer than she may."""
import http.client
import json
import smtplib
import threading
import time

import pytest

from setups import local_domain, organisation
from sealpost import free_port, message
from test_login import OTHER, PASSWORD, Center
from waiting import wait_for

SOON = 10  # the server looks once a second; the rest is for a machine with much to do


class Stream:
    """Lines of a stream of events, as they come."""

    def __init__(self, browser):
        self.connection = http.client.HTTPSConnection('127.0.0.1', browser.port, timeout=120, context=browser.context)
        headers = {'Authorization': f'Bearer {browser.token}'} if browser.token else \
            {'Cookie': f'__Host-sealpost={browser.cookie}'}
        self.connection.request('GET', '/v1/events', headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        self.pulses, self.lines, self.is_over = [], 0, False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while line := self.answer.readline().decode():
                self.lines += 1
                if line.startswith('data: '):
                    self.pulses.append(json.loads(line[6:]))
        except OSError:
            pass
        self.is_over = True

    def last(self):
        return self.pulses[-1] if self.pulses else {}


@pytest.fixture
def center(tmp_path, instances, authority):
    port = free_port()
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'admin': {'listen': f'127.0.0.1:{port}'}}).start()
    ours.apply({'organisations': [organisation('alpha'), organisation('zeta')],
                'domains': [local_domain(f'{o}.example', o, ours) for o in ('alpha', 'zeta')],
                'rules': [{'name': 'r', 'organisation': o, 'senders': ['spam@x.example'], 'action': 'refuse'}
                          for o in ('alpha', 'zeta')]})
    return Center(ours, port, authority)


def token(center, role='reader', organisations=(), **more):
    status, made = center.socket('POST', '/v1/tokens', {
        'label': f'{role} of {len(organisations)}', 'role': role, 'organisations': list(organisations), **more})
    assert status == 201, made
    browser = center.browser()
    browser.token = made['token']
    return browser, made['id']


def patch(user, **what):
    return ('PATCH', f'/v1/users/{user}', what)


def test_a_stream_ends_with_what_it_was_opened_by(center):
    """Each way of taking somebody's rights away ends her stream within seconds, and nobody else's."""
    other, _ = token(center)
    stays = [Stream(center.as_user('stays', 'organisation-admin', ['alpha'])), Stream(other)]
    for user, taken in {'gone': ('DELETE', '/v1/users/gone', None), 'blocked': patch('blocked', disabled=True),
                        'lower': patch('lower', role='auditor'), 'moved': patch('moved', organisations=['zeta']),
                        'secret': patch('secret', password=OTHER)}.items():
        stream = Stream(center.as_user(user, 'reader', ['alpha']))
        wait_for(lambda: stream.lines, 'the stream to begin')
        assert center.socket(*taken)[0] == 200, user
        wait_for(lambda: stream.is_over, f'the end of the stream of {user}', SOON)
    browser, name = token(center, organisations=['alpha'])
    stream = Stream(browser)
    wait_for(lambda: stream.lines, 'the stream to begin')
    assert center.socket('DELETE', f'/v1/tokens/{name}')[0] == 200
    wait_for(lambda: stream.is_over, 'the end of the stream of a token that was revoked', SOON)
    assert browser.ask('GET', '/v1/session')[0] == 401
    browser = center.as_user('out', 'reader')
    stream = Stream(browser)
    assert browser.ask('DELETE', '/v1/session')[0] == 200
    wait_for(lambda: stream.is_over, 'the end of the stream of who logged out', SOON)
    assert not any(s.is_over for s in stays)


def test_a_stream_ends_as_its_token_does(center):
    expires = time.time() + 6
    browser, _ = token(center, expires=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(expires)))
    stream = Stream(browser)
    wait_for(lambda: stream.pulses, 'the first pulse')
    assert not stream.is_over
    wait_for(lambda: stream.is_over, 'the end of the stream', 6 + SOON)
    assert time.time() >= int(expires)


def test_nothing_of_others_is_heard(center):
    """A reader, a token and an administrator of alpha listen while things of zeta change: not one event comes."""
    everything = Stream(center.as_user('all', 'reader'))
    hers = [Stream(center.as_user('ann', 'reader', ['alpha'])), Stream(token(center, organisations=['alpha'])[0]),
            Stream(center.as_user('adam', 'organisation-admin', ['alpha']))]
    wait_for(lambda: everything.pulses and all(s.pulses for s in hers), 'the first pulses')
    first = [s.last() for s in hers]

    def heard(what, key):
        """WHAT is done for zeta, and who sees all hears of it."""
        before = everything.last()[key]
        what()
        wait_for(lambda: everything.last()[key] != before, f'a pulse: {key}')

    def spam(to):
        with center.sealpost.smtp() as client, pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail('spam@x.example', [to], message('spam@x.example', to))

    def mail(to):
        assert center.sealpost.send('a@x.example', [to]) == {}
        center.sealpost.wait_mail(to.split('@')[0])

    heard(lambda: center.socket('PATCH', '/v1/organisations/zeta', {'comment': 'new'}), 'generation')
    heard(lambda: center.socket('PATCH', '/v1/rules/zeta/r', {'senders': ['spam@x.example', 'b@x.example']}), 'generation')
    heard(lambda: center.socket('POST', '/v1/recipients', {'address': 'z@zeta.example'}), 'generation')
    heard(lambda: spam('z@zeta.example'), 'trace')
    heard(lambda: mail('z@zeta.example'), 'trace')
    assert [len(s.pulses) for s in hers] == [1, 1, 1], [s.pulses for s in hers]
    # What is theirs they hear, each kind by its own number.
    assert center.socket('PATCH', '/v1/rules/alpha/r', {'senders': ['spam@x.example', 'b@x.example']})[0] == 200
    for stream, before in zip(hers, first):
        wait_for(lambda: len(stream.pulses) == 2, 'a pulse of the configuration')
        assert {k for k in before if stream.last()[k] != before[k]} == {'generation'}
    mail('a@alpha.example')
    for stream, before in zip(hers, first):
        wait_for(lambda: stream.last()['trace'] != before['trace'] and stream.last()['queue'] != before['queue'],
                 'a pulse of mail')
        assert stream.last()['alarms'] == before['alarms']
    spammed = [s.last()['trace'] for s in hers]
    spam('a@alpha.example')
    for stream, before in zip(hers, spammed):
        wait_for(lambda: stream.last()['trace'] != before, 'a pulse of a refusal')
