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
