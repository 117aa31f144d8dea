"""How many requests one may make of the API: each user, each token, each address of which nobody is known."""
import time

import pytest

from sealpost import free_port
from setups import organisation
from test_login import PASSWORD, Center
from test_metrics import fetch, parse, total
from test_tenants import cli_as, needs_root, open_to_all
from waiting import wait_for

ANN = 4711
BURST = 30


@pytest.fixture
def center(tmp_path, instances, authority):
    port, monitor = free_port(), free_port()
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'admin': {'listen': f'127.0.0.1:{port}', 'requests_per_second': 1, 'requests_burst': BURST},
                           'metrics': {'listen': f'127.0.0.1:{monitor}'}}).start()
    ours.apply({'organisations': [organisation('alpha', administrators=[str(ANN)])]})
    center = Center(ours, port, authority)
    center.monitor = monitor
    return center


def token(center, label):
    browser = center.browser()
    browser.token = center.socket('POST', '/v1/tokens', {'label': label, 'role': 'reader'})[1]['token']
    return browser


def exhaust(browser, path='/v1/organisations', expected=200):
    """Ask until it is too much; the refusal, and the requests before it."""
    for asked in range(10 * BURST):
        status, answer = browser.ask('GET', path)
        if status == 429:
            assert answer['code'] == 'too-many-requests', answer
            assert browser.headers['content-type'] == 'application/problem+json'
            assert 1 <= int(browser.headers['retry-after']) <= 2
            return asked
        assert status == expected, answer
    raise AssertionError('there is no limit')


def test_each_has_as_many(center):
    """A token, a user, a stranger: who asks for too much waits, and none of the others does."""
    greedy, modest, user = token(center, 'greedy'), token(center, 'modest'), center.as_user('ann', 'reader')
    assert modest.ask('GET', '/v1/session')[0] == 200
    assert exhaust(greedy) >= BURST
    assert user.ask('GET', '/v1/session')[0] == modest.ask('GET', '/v1/session')[0] == 200
    assert exhaust(user) >= BURST - 1
    stranger = center.browser()
    assert exhaust(stranger, '/v1/nothing-there', 404) > 0
    assert stranger.ask('GET', '/v1/session')[0] == stranger.ask('POST', '/v1/session', {})[0] == 429
    # A token that was right before does not pay for its address; one that never was, and that is no token at all, do.
    assert modest.ask('GET', '/v1/session')[0] == 200
    for wrong in ('sp_aaaaaaaaaaaaaaaa_' + 52 * 'a', 'nonsense'):
        stranger.token = wrong
        assert exhaust(stranger, '/v1/session', 401) <= 5
    # Root is not counted.
    for _ in range(3 * BURST):
        assert center.socket('GET', '/v1/organisations')[0] == 200
    # And it passes.
    assert greedy.ask('GET', '/v1/session')[0] in (200, 429)
    wait_for(lambda: greedy.ask('GET', '/v1/session')[0] == 200, 'the token to be answered again', 20, 1)
    samples = parse(fetch(center.monitor))
    assert total(samples, 'admin_requests_limited_total', reason='actor') >= 2
    assert total(samples, 'admin_requests_limited_total', reason='address') >= 5
    assert total(samples, 'admin_answers_total', door='https', **{'class': '429'}) >= 7
    assert total(samples, 'admin_answers_total', door='https', **{'class': '2xx'}) >= 2 * BURST
    assert total(samples, 'admin_answers_total', door='https', **{'class': '4xx'}) > 0
    assert total(samples, 'admin_answers_total', door='socket', **{'class': '2xx'}) >= 3 * BURST
    assert total(samples, 'admin_request_seconds_count', door='socket') >= 3 * BURST
    assert total(samples, 'admin_request_seconds_sum', door='https') > 0
    assert total(samples, 'https_connections_total') >= total(samples, 'https_handshakes_total', result='ok') >= 2 * BURST


def test_who_fails_to_log_in_is_counted_by_herself(center):
    browser = center.administrator()
    for _ in range(20):
        if browser.ask('POST', '/v1/session', {'user': 'admin', 'password': 'not this one'})[0] == 429:
            break
    assert total(parse(fetch(center.monitor)), 'admin_requests_limited_total', reason='log-in') == 1
    assert browser.log_in('admin', PASSWORD)[0] in (200, 429)


@needs_root
def test_the_command_line_waits(center):
    """Who manages one organisation by the socket is counted; her command line waits as it is told."""
    ours = center.sealpost
    open_to_all(ours)
    objects = {'rules': [{'name': f'r{i}', 'organisation': 'alpha', 'senders': ['x@y.example'], 'action': 'refuse'}
                         for i in range(3)]}
    ours.apply({'organisations': [organisation('alpha', administrators=[str(ANN)])], **objects})
    began, limited = time.monotonic(), 0
    while not limited:
        assert time.monotonic() - began < 120, 'there is no limit'
        done = cli_as(ours, ANN, 'rule', 'list')
        assert done.returncode == 0, done.stderr
        limited = total(parse(fetch(center.monitor)), 'admin_requests_limited_total', reason='actor')
