"""Logging in to the admin center: the first start, passwords, one-time codes, sessions, tokens, roles, and what is
refused on the way."""
import http.client
import json
import re
import socket
import time

import pytest

from sealpost import free_port
from setups import local_domain, organisation
from waiting import wait_for
from web import Browser, totp

PASSWORD, OTHER = 'correct horse battery', 'staple staple staple'


class Center:
    """An installation with an admin center."""

    def __init__(self, sealpost, port, authority):
        self.sealpost, self.port, self.authority = sealpost, port, authority

    def browser(self):
        return Browser(self.port, self.authority)

    def first_link(self):
        found = wait_for(lambda: re.findall(r'admin\.setup_link.*?url="?([^" ]*)', self.sealpost.log_text()),
                         'the first link in the log', 60)
        return found[-1]

    def administrator(self):
        browser = self.browser()
        assert browser.set_up(self.first_link(), PASSWORD)[0] == 200
        return browser

    def socket(self, method, path, body=None, token=None):
        """The same API by the management socket."""
        connection = http.client.HTTPConnection('sealpost', timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(str(self.sealpost.directory / 'run' / 'admin.sock'))
        headers = {'Authorization': f'Bearer {token}'} if token else {}
        if body is not None:
            headers['Content-Type'] = 'application/json'
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None

    def user(self, name, role, password=PASSWORD, organisations=()):
        status, answer = self.socket('POST', '/v1/users', {
            'name': name, 'role': role, 'organisations': list(organisations), 'password': password})
        assert status == 201, answer

    def as_user(self, name, role, organisations=()):
        self.user(name, role, organisations=organisations)
        browser = self.browser()
        status, answer = browser.log_in(name, PASSWORD)
        assert status == 200, answer
        return browser


@pytest.fixture
def start(tmp_path, instances, authority):
    def start(**settings):
        port = free_port()
        ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                         node={'admin': {'listen': f'127.0.0.1:{port}', **settings}}).start()
        ours.apply({'organisations': [organisation('alpha'), organisation('zeta')],
                    'domains': [local_domain('alpha.example', 'alpha', ours), local_domain('zeta.example', 'zeta', ours)],
                    'rules': [{'name': 'r', 'organisation': o, 'senders': ['x@y.example'], 'action': 'refuse'}
                              for o in ('alpha', 'zeta')]})
        return Center(ours, port, authority)
    return start


@pytest.fixture
def center(start):
    return start()


def test_from_the_first_link_to_the_end(center):
    """A link from the log, a password, a log-in, a change, a log-out; and no secret in the log."""
    link = center.first_link()
    assert link.startswith(f'https://127.0.0.1:{center.port}/#/setup/')
    browser = center.browser()
    assert browser.ask('GET', '/v1/session')[0] == 401
    assert browser.headers['www-authenticate'] == 'Bearer'
    status, answer = browser.ask('POST', '/v1/setup/check', {'token': link.rsplit('/', 1)[1]})
    assert (status, answer['user']) == (200, None)
    assert browser.set_up(link, 'short')[1]['errors'][0]['field'] == 'password'
    status, session = browser.set_up(link, PASSWORD, user='Ann')
    assert status == 200, session
    assert (session['user'], session['role'], session['via']) == ('ann', 'installation-admin', 'session')
    first_cookie = browser.cookie
    assert center.browser().set_up(link, PASSWORD)[1]['code'] == 'no-such-link'
    status, same = browser.ask('GET', '/v1/session')
    assert (status, same) == (200, session)
    # Out, and in again.
    assert browser.ask('DELETE', '/v1/session')[0] == 200
    assert browser.cookie is None
    browser.cookie = first_cookie
    assert browser.ask('GET', '/v1/session')[0] == 401
    browser.cookie = browser.csrf = None
    assert browser.log_in('ANN', PASSWORD)[0] == 200
    # A change.
    status, answer = browser.ask('PATCH', '/v1/organisations/alpha', {'comment': 'by ann'})
    assert status == 200, answer
    assert browser.ask('POST', '/v1/reload')[0] == 200
    assert browser.ask('GET', '/')[0] in (200, 406)
    text = center.sealpost.log_text()
    for secret in (PASSWORD, browser.cookie, first_cookie, browser.csrf):
        assert secret not in text


def test_wrong_passwords_slow_down(center):
    center.administrator()
    stranger = center.browser()
    refused = None
    for _ in range(30):
        status, answer = stranger.log_in('admin', 'not the password')
        if status == 429:
            refused = answer
            break
        assert (status, answer['code']) == (401, 'wrong')
    assert refused is not None and refused['code'] == 'slow-down'
    assert 1 <= int(stranger.headers['retry-after']) <= 900
    # Not even the right one, until the time has passed.
    assert stranger.log_in('admin', PASSWORD)[0] == 429
    wait_for(lambda: stranger.log_in('admin', PASSWORD)[0] == 200, 'the wait to end', 120, 0.5)
    # An unknown user is refused with the same words, and her name is in no log.
    status, unknown = stranger.log_in('a-secret-in-the-wrong-field', 'not the password')
    assert status == 429 or unknown == {**unknown, 'code': 'wrong', 'detail': 'user or password is wrong'}
    text = center.sealpost.log_text()
    assert 'admin.login_failed' in text
    assert 'not the password' not in text and 'a-secret-in-the-wrong-field' not in text


def test_requests_of_other_pages_are_refused(center):
    browser = center.administrator()
    change = ('PATCH', '/v1/organisations/alpha', {'comment': 'x'})
    assert browser.ask(*change, plain=True)[1]['code'] == 'csrf'
    assert browser.ask(*change, headers={'X-Sealpost-CSRF': 'x' * 52})[1]['code'] == 'csrf'
    assert browser.ask(*change, headers={'Origin': 'https://evil.example'})[1]['code'] == 'origin'
    assert browser.ask(*change, headers={'Origin': 'null'})[0] == 403
    status, answer = browser.ask(*change, headers={'Content-Type': 'text/plain'})
    assert (status, answer['code']) == (415, 'not-json')
    status, answer = center.browser().ask('POST', '/v1/session', {'user': 'admin', 'password': PASSWORD},
                                          headers={'Origin': 'https://evil.example'})
    assert (status, answer['code']) == (403, 'origin')
    assert browser.ask('GET', '/v1/organisations/alpha')[1]['comment'] is None
    own = f'https://{browser.host}:{browser.port}'
    assert browser.ask(*change, headers={'Origin': own})[0] == 200
    assert browser.ask('GET', '/v1/organisations/alpha')[1]['comment'] == 'x'


def test_one_time_codes(center):
    browser = center.administrator()
    status, key = browser.ask('POST', '/v1/session/totp', {})
    assert status == 200 and key['uri'].startswith('otpauth://totp/') and key['secret'] in key['uri']
    assert browser.ask('PUT', '/v1/session/totp', {'code': '000000x'})[1]['code'] == 'totp-wrong'
    assert browser.ask('GET', '/v1/session')[1]['has_totp'] is False
    step = int(time.time()) // 30
    status, session = browser.ask('PUT', '/v1/session/totp', {'code': totp(key['secret'], step)})
    assert (status, session['has_totp']) == (200, True)
    other = center.browser()
    status, answer = other.log_in('admin', PASSWORD)
    assert (status, answer['code']) == (401, 'totp-needed')
    # The code that switched it on is used up; the next one is good once.
    assert other.log_in('admin', PASSWORD, totp=totp(key['secret'], step))[1]['code'] == 'totp-wrong'
    code = totp(key['secret'], step + 1)
    assert other.log_in('admin', PASSWORD, totp=code)[0] == 200
    assert center.browser().log_in('admin', PASSWORD, totp=code)[1]['code'] == 'totp-wrong'
    assert other.ask('DELETE', '/v1/session/totp', {'password': 'wrong'})[0] == 422
    status, session = other.ask('DELETE', '/v1/session/totp', {'password': PASSWORD})
    assert (status, session['has_totp']) == (200, False)
    assert center.browser().log_in('admin', PASSWORD)[0] == 200
    text = center.sealpost.log_text()
    assert key['secret'] not in text and code not in re.findall(r'\b\d{6}\b', text)


def test_a_new_password_ends_other_sessions(center):
    one, two = center.administrator(), center.browser()
    assert two.log_in('admin', PASSWORD)[0] == 200
    assert one.ask('POST', '/v1/session/password', {'old': 'wrong', 'new': OTHER})[1]['errors'][0]['field'] == 'old'
    assert one.ask('POST', '/v1/session/password', {'old': PASSWORD, 'new': 'short'})[1]['errors'][0]['field'] == 'new'
    assert two.ask('GET', '/v1/session')[0] == 200
    status, answer = one.ask('POST', '/v1/session/password', {'old': PASSWORD, 'new': OTHER})
    assert status == 200, answer
    assert one.ask('GET', '/v1/session')[0] == 200
    assert two.ask('GET', '/v1/session')[0] == 401
    two.cookie = two.csrf = None
    assert two.log_in('admin', PASSWORD)[0] == 401
    assert two.log_in('admin', OTHER)[0] == 200
    # A link that somebody makes for her does the same, and more.
    status, link = center.socket('POST', '/v1/users/admin/link')
    assert status == 200, link
    three = center.browser()
    assert three.set_up(link['url'], PASSWORD)[0] == 200
    assert one.ask('GET', '/v1/session')[0] == 401
    assert two.ask('GET', '/v1/session')[0] == 401
    assert center.socket('POST', '/v1/setup-link')[1]['code'] == 'users-exist'


def test_what_is_new_is_told(center):
    """GET /v1/events: a change of the configuration is heard, and the stream ends with its session."""
    browser = center.administrator()
    connection = http.client.HTTPSConnection('127.0.0.1', center.port, timeout=60, context=browser.context)
    connection.request('GET', '/v1/events', headers={'Cookie': f'__Host-sealpost={browser.cookie}'})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader('Content-Type')) == (200, 'text/event-stream')

    def pulse():
        while True:
            line = answer.readline().decode()
            assert line, 'the stream has ended'
            if line.startswith('data: '):
                return json.loads(line[6:])
    before = pulse()
    assert {'queue', 'recipients', 'trace', 'alarms', 'generation'} <= set(before)
    assert browser.ask('PATCH', '/v1/organisations/alpha', {'comment': 'new'})[0] == 200
    while pulse()['generation'] <= before['generation']:
        pass
    assert browser.ask('DELETE', '/v1/session')[0] == 200
    while answer.readline():
        pass
    connection.close()


def test_a_restart_logs_everybody_out(center):
    browser = center.administrator()
    center.sealpost.stop()
    center.sealpost.start()
    assert browser.ask('GET', '/v1/session')[0] == 401
    browser.cookie = browser.csrf = None
    assert browser.log_in('admin', PASSWORD)[0] == 200
