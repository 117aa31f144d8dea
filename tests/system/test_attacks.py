"""What somebody hostile tries at the admin center: with a link of who is gone, with bytes that are no text,
and by taking what others need."""
import http.client
import os
import signal

from test_login import OTHER, PASSWORD, Center
from sealpost import free_port
from setups import organisation
from waiting import wait_for

import pytest


@pytest.fixture
def center(tmp_path, instances, authority):
    port = free_port()
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'admin': {'listen': f'127.0.0.1:{port}'}}).start()
    ours.apply({'organisations': [organisation('alpha')]})
    return Center(ours, port, authority)


def listen(center, headers):
    """A stream of events that has begun, or an answer that refuses it."""
    connection = http.client.HTTPSConnection('127.0.0.1', center.port, timeout=60, context=center.browser().context)
    connection.request('GET', '/v1/events', headers=headers)
    return connection, connection.getresponse()


def test_a_link_ends_with_its_user(center):
    """Who comes later by the same name is somebody else."""
    center.user('bob', 'reader')
    link = center.socket('POST', '/v1/users/bob/link')[1]['url']
    assert center.socket('DELETE', '/v1/users/bob')[0] == 200
    center.user('bob', 'installation-admin')
    status, answer = center.browser().set_up(link, OTHER)
    assert (status, answer['code']) == (422, 'no-such-link')
    assert center.browser().log_in('bob', PASSWORD)[0] == 200


def test_nobody_takes_all_streams(center):
    token = center.socket('POST', '/v1/tokens', {'label': 'greedy', 'role': 'reader'})[1]['token']
    greedy = {'Authorization': f'Bearer {token}'}
    streams = [listen(center, greedy) for _ in range(17)]
    assert [answer.status for _, answer in streams] == 16 * [200] + [503]
    browser = center.administrator()
    other, answer = listen(center, {'Cookie': f'__Host-sealpost={browser.cookie}'})
    assert answer.status == 200
    for connection, _ in [*streams, (other, answer)]:
        connection.close()


def test_a_stream_ends_as_the_spool_does(center):
    """Both at once, while it is asked whether something is new: the process that serves others goes on."""
    browser = center.administrator()
    admin, spool = center.sealpost.pid_of('admin'), center.sealpost.pid_of('spool')
    streams = [listen(center, {'Cookie': f'__Host-sealpost={browser.cookie}'}) for _ in range(4)]
    assert all(answer.status == 200 for _, answer in streams)
    os.kill(spool, signal.SIGSTOP)
    assert browser.ask('DELETE', '/v1/session')[0] == 200
    os.kill(spool, signal.SIGKILL)
    for connection, answer in streams:
        while answer.readline():
            pass
        connection.close()
    wait_for(lambda: browser.log_in('admin', PASSWORD)[0] == 200, 'a log-in', 60)
    assert center.sealpost.pid_of('admin') == admin


def test_what_is_no_text_is_answered_with_one(center):
    """An answer that is cut to fit says something still, and a header of odd bytes is no header that is not there."""
    browser = center.administrator()
    for path in ('/v1/users?limit=', '/v1/trace?since=', '/v1/trace?limit=', '/v1/audit?until='):
        for odd in ('%C3%A4' * 700, 'x' + '%C3%A4' * 700, '%ff%fe'):
            status, answer = browser.ask('GET', path + odd)
            assert status in (400, 422) and answer['detail'], (path, odd[:6], answer)
    assert browser.ask('GET', '/v1/connectors/alpha/' + '%F0%9F%98%80' * 400)[1]['code'] == 'not-found'
    center.user('bob', 'reader')
    status, _ = browser.ask('DELETE', '/v1/users/bob', headers={'If-Match': b'"\xff\xfe"'})
    assert status == 412
    assert center.socket('GET', '/v1/users/bob')[0] == 200
