"""The admin center in a browser, for those who do not manage the installation: every screen, every button."""
import os

import pytest

from ui import PASSWORD, in_browser
from world import ALPHA, MARK, ZETA, World

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='the installation with two organisations is made by root')
SECRET = f'{MARK}-comment'


@pytest.fixture(scope='module')
def world(tmp_path_factory, authority, foreign_authority):
    world = World(tmp_path_factory.mktemp('roles'), authority, foreign_authority)
    try:
        world.start()
        for who in ALPHA, ZETA:
            comment = SECRET if who is ZETA else 'ours'
            for kind, name in ('connectors', who.connector), ('rules', who.rule):
                assert world.ask('PATCH', f'/v1/{kind}/{who.organisation}/{name}', {'comment': comment}).status == 200
        yield world
    finally:
        world.close()


@pytest.mark.parametrize('user, role, is_limited', [
    ('reader', 'reader', False),
    ('reader-of-alpha', 'reader', True),
    ('auditor', 'auditor', False),
    ('auditor-of-alpha', 'auditor', True),
    ('admin-of-alpha', 'organisation-admin', True),
])
def test_walks_through_all_screens(world, user, role, is_limited):
    organisations = [ALPHA.organisation] if is_limited else []
    added = world.ask('POST', '/v1/users', {'name': user, 'role': role, 'organisations': organisations, 'password': PASSWORD})
    assert added.status == 201, added
    before = world.ask('GET', '/v1/config').json()
    in_browser('roles', timeout=1800, url=f'https://mx.house.example:{world.port}', user=user, role=role, isLimited=is_limited, mark=MARK,
               isQuick=is_limited and role != 'organisation-admin',
               organisation=ALPHA.organisation, connector=ALPHA.connector, rule=ALPHA.rule, certificate=ALPHA.certificate,
               traced=ALPHA.traced, secret=SECRET,
               others=[f'connectors/{ZETA.organisation}/{ZETA.connector}', f'rules/{ZETA.organisation}/{ZETA.rule}',
                       f'messages/{ZETA.traced}'])
    assert world.ask('GET', '/v1/config').json() == before
