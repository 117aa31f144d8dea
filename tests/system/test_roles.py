"""Who may what in the admin center, over HTTPS: users, sessions and tokens of every role, and what becomes of them when
somebody takes them away."""
import threading
import time

import pytest

from clock import Clock, available
from setups import local_domain, organisation, outbound_partner
from sealpost import free_port
from test_login import PASSWORD, Center
from waiting import wait_for

CHANGE = ('PATCH', '/v1/organisations/alpha', {'comment': 'changed'})


@pytest.fixture
def start(tmp_path, instances, authority):
    def start(**how):
        port = free_port()
        ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                         node={'admin': {'listen': f'127.0.0.1:{port}'}}, **how).start()
        ours.apply({'organisations': [organisation('alpha'), organisation('zeta')],
                    'domains': [local_domain(f'{o}.example', o, ours) for o in ('alpha', 'zeta')],
                    'connectors': [outbound_partner(o, 'partner', f'partner-of-{o}.example') for o in ('alpha', 'zeta')]})
        return Center(ours, port, authority)
    return start


@pytest.fixture
def center(start):
    return start()


def code(answer):
    status, problem = answer
    return status, problem['code']


def token(center, role, organisations=(), **more):
    """A browser that has nothing but a token, and the token's id."""
    status, made = center.socket('POST', '/v1/tokens', {
        'label': f'{role} of {len(organisations)}', 'role': role, 'organisations': list(organisations), **more})
    assert status == 201, made
    browser = center.browser()
    browser.token = made['token']
    return browser, made['id']


def names(browser, kind):
    status, answer = browser.ask('GET', f'/v1/{kind}')
    assert status == 200, answer
    return {item.get('organisation') or item['name'] for item in answer['items']}


def check_hidden(browser, method, path, body=None):
    """Zeta's is refused, by the same words as what is not there at all."""
    hidden, absent = (browser.ask(method, path.replace('zeta', whose), body) for whose in ('zeta', 'nobody'))
    assert code(hidden) in ((403, 'not-allowed'), (404, 'not-found')), (method, path)
    assert repr(hidden).replace('zeta', 'nobody') == repr(absent), (method, path)


def check_change_is_refused(center, browser):
    before = center.socket('GET', '/v1/organisations/alpha')[1]
    for request in (CHANGE, ('DELETE', '/v1/connectors/alpha/partner'), ('POST', '/v1/connectors', {}),
                    ('POST', '/v1/reload'), ('POST', '/v1/users', {'name': 'mallory', 'role': 'installation-admin'}),
                    ('POST', '/v1/tokens', {'label': 'mine', 'role': 'installation-admin'})):
        assert code(browser.ask(*request)) == (403, 'not-allowed'), request
    assert center.socket('GET', '/v1/organisations/alpha')[1] == before
    assert center.socket('GET', '/v1/connectors/alpha/partner')[0] == 200
    assert center.socket('GET', '/v1/users/mallory')[0] == 404
    assert all(t['label'] != 'mine' for t in center.socket('GET', '/v1/tokens')[1]['items'])


# ---- a user's state ----------------------------------------------------------------------------------


def test_a_disabled_user_is_out_at_once(center):
    administrator = center.administrator()
    bob = center.as_user('bob', 'reader')
    assert bob.ask('GET', '/v1/organisations')[0] == 200
    status, answer = administrator.ask('PATCH', '/v1/users/bob', {'disabled': True})
    assert (status, answer['disabled']) == (200, True)
    assert code(bob.ask('GET', '/v1/organisations')) == (401, 'login-needed')
    again = center.browser()
    assert code(again.log_in('bob', PASSWORD)) == (401, 'wrong')
    assert again.cookie is None
    # Enabled again: the old session does not come back, the password is good.
    assert administrator.ask('PATCH', '/v1/users/bob', {'disabled': False})[0] == 200
    assert bob.ask('GET', '/v1/organisations')[0] == 401
    assert again.log_in('bob', PASSWORD)[0] == 200


def test_another_role_counts_at_once(center):
    administrator = center.administrator()
    bob = center.as_user('bob', 'organisation-admin', ['alpha'])
    assert bob.ask('PATCH', '/v1/connectors/alpha/partner', {'comment': 'by bob'})[0] == 200
    assert administrator.ask('PATCH', '/v1/users/bob', {'role': 'reader'})[0] == 200
    assert bob.ask('GET', '/v1/session')[0] == 401
    bob.cookie = bob.csrf = None
    assert bob.log_in('bob', PASSWORD)[1]['role'] == 'reader'
    check_change_is_refused(center, bob)
    assert administrator.ask('DELETE', '/v1/users/bob')[0] == 200
    assert bob.ask('GET', '/v1/session')[0] == 401
    assert center.browser().log_in('bob', PASSWORD)[0] == 401


def test_who_is_disabled_while_she_logs_in_is_not_in(center):
    """Her password waits behind others; what was known of her before is worth nothing when its turn comes."""
    center.user('bob', 'installation-admin')
    center.user('ann', 'installation-admin')
    others = [threading.Thread(target=center.socket, args=('POST', '/v1/users', {
        'name': f'other{i}', 'role': 'reader', 'password': PASSWORD})) for i in range(12)]
    bob = center.browser()
    login = threading.Thread(target=bob.log_in, args=('bob', PASSWORD))
    for thread in others:
        thread.start()
    made = lambda: sum(u['name'].startswith('other') for u in center.socket('GET', '/v1/users')[1]['items'])
    wait_for(lambda: made() >= 1, 'the first of them', 60)
    login.start()
    wait_for(lambda: made() >= 6, 'some more, while she waits', 60)
    assert center.socket('PATCH', '/v1/users/bob', {'disabled': True})[0] == 200
    for thread in [*others, login]:
        thread.join(120)
        assert not thread.is_alive()
    assert bob.ask('GET', '/v1/organisations')[0] == 401


# ---- roles -------------------------------------------------------------------------------------------


def test_a_reader_reads(center):
    bob = center.as_user('bob', 'reader')
    assert names(bob, 'organisations') == {'alpha', 'zeta'}
    assert names(bob, 'connectors') == {'alpha', 'zeta'}
    status, answer = bob.ask('POST', '/v1/explain', {'from': 'a@alpha.example', 'to': 'b@partner-of-alpha.example'})
    assert status == 200, answer
    check_change_is_refused(center, bob)
    assert code(bob.ask('GET', '/v1/audit')) == (403, 'not-allowed')
    assert code(bob.ask('GET', '/v1/users')) == (403, 'not-allowed')
    only = center.as_user('carol', 'reader', ['alpha'])
    assert names(only, 'organisations') == names(only, 'connectors') == {'alpha'}
    check_hidden(only, 'GET', '/v1/connectors/zeta/partner')
    check_change_is_refused(center, only)


def test_an_organisations_administrator(center):
    """Her own connector and her own entries, and nothing of others."""
    administrator = center.administrator()
    assert administrator.ask('PATCH', '/v1/connectors/zeta/partner', {'comment': 'by another'})[0] == 200
    bob = center.as_user('bob', 'organisation-admin', ['alpha'])
    status, answer = bob.ask('PATCH', '/v1/connectors/alpha/partner', {'comment': 'by bob'})
    assert status == 200, answer
    assert center.socket('GET', '/v1/connectors/alpha/partner')[1]['comment'] == 'by bob'
    # Others' are not there for her.
    for request in (('GET', '/v1/connectors/zeta/partner'), ('PATCH', '/v1/connectors/zeta/partner', {'comment': 'x'}),
                    ('DELETE', '/v1/connectors/zeta/partner'), ('GET', '/v1/organisations/zeta')):
        check_hidden(bob, *request)
    assert center.socket('GET', '/v1/connectors/zeta/partner')[1]['comment'] == 'by another'
    assert names(bob, 'connectors') == names(bob, 'organisations') == {'alpha'}
    for request in (('POST', '/v1/reload'), ('GET', '/v1/users'), ('GET', '/v1/tokens'),
                    ('POST', '/v1/users', {'name': 'mallory', 'role': 'installation-admin'})):
        assert code(bob.ask(*request)) == (403, 'not-allowed'), request
    # Her entries of the audit log.
    status, log = bob.ask('GET', '/v1/audit')
    assert status == 200, log
    assert {entry['organisation'] for entry in log['items']} == {'alpha'}
    mine = next(entry for entry in log['items'] if entry['action'] == 'connector.change')
    assert (mine['actor'], mine['via'], mine['address']) == ('bob', 'session', '127.0.0.1')
    assert mine['before']['comment'] is None and mine['after']['comment'] == 'by bob'
    theirs = administrator.ask('GET', '/v1/audit?object=zeta/partner')[1]['items'][0]
    assert theirs['after']['comment'] == 'by another'
    assert administrator.ask('GET', f'/v1/audit/{theirs["id"]}')[0] == 200
    assert bob.ask('GET', f'/v1/audit/{theirs["id"]}')[0] == 404
    assert bob.ask('GET', '/v1/audit?object=zeta/partner')[1]['items'] == []


def test_an_auditor(center):
    administrator = center.administrator()
    assert administrator.ask(*CHANGE)[0] == 200
    bob = center.as_user('bob', 'auditor')
    status, log = bob.ask('GET', '/v1/audit')
    assert status == 200, log
    assert {'organisation.change', 'user.add', 'session.open'} <= {entry['action'] for entry in log['items']}
    assert bob.ask('GET', f'/v1/audit/{log["items"][0]["id"]}')[0] == 200
    status, verdict = bob.ask('GET', '/v1/audit/verify')
    assert (status, verdict['ok']) == (200, True)
    assert names(bob, 'connectors') == {'alpha', 'zeta'}
    check_change_is_refused(center, bob)
    only = center.as_user('carol', 'auditor', ['alpha'])
    assert {entry['organisation'] for entry in only.ask('GET', '/v1/audit')[1]['items']} == {'alpha'}


# ---- tokens ------------------------------------------------------------------------------------------


def test_a_token_is_limited_to_its_role_and_organisations(center):
    reader, _ = token(center, 'reader', ['alpha'])
    assert reader.ask('GET', '/v1/session')[1] == {
        **reader.ask('GET', '/v1/session')[1], 'role': 'reader', 'organisations': ['alpha'], 'via': 'token'}
    assert names(reader, 'connectors') == {'alpha'}
    check_hidden(reader, 'GET', '/v1/connectors/zeta/partner')
    check_change_is_refused(center, reader)
    admin, _ = token(center, 'organisation-admin', ['alpha'])
    assert admin.ask('PATCH', '/v1/connectors/alpha/partner', {'comment': 'by a program'})[0] == 200
    check_hidden(admin, 'PATCH', '/v1/connectors/zeta/partner', {'comment': 'x'})
    entry = center.socket('GET', '/v1/audit?action=connector.change')[1]['items'][0]
    assert (entry['actor'], entry['via']) == ('token organisation-admin of 1', 'token')
    # A token is not a log-in: it has no password to change.
    assert code(admin.ask('POST', '/v1/session/password', {'old': PASSWORD, 'new': PASSWORD})) == (409, 'no-session')


def test_a_removed_token_is_refused(center):
    reader, identity = token(center, 'reader')
    assert reader.ask('GET', '/v1/organisations')[0] == 200
    assert center.socket('DELETE', f'/v1/tokens/{identity}')[0] == 200
    assert code(reader.ask('GET', '/v1/organisations')) == (401, 'login-needed')


@pytest.mark.skipif(not available(), reason='no compiler for the clock')
def test_an_expired_token_is_refused(start, tmp_path):
    clock = Clock(tmp_path / 'clock')
    center = start(prefix=clock.prefix)
    end = int(time.time()) + 3600
    reader, _ = token(center, 'reader', expires=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(end)))
    assert reader.ask('GET', '/v1/organisations')[0] == 200
    clock.set(end + 1)
    assert code(reader.ask('GET', '/v1/organisations')) == (401, 'login-needed')
    clock.set(end - 1800)
    assert reader.ask('GET', '/v1/organisations')[0] == 200


def test_a_token_in_the_address_is_nothing(center):
    """Addresses stand in logs and histories."""
    reader, _ = token(center, 'reader')
    secret, reader.token = reader.token, None
    for name in ('token', 'access_token', 'authorization', 'Authorization', 'bearer'):
        assert code(reader.ask('GET', f'/v1/organisations?{name}={secret}')) == (401, 'login-needed'), name
    reader.token = secret
    assert reader.ask('GET', '/v1/organisations')[0] == 200
    assert secret not in center.sealpost.log_text()
