"""Messages, the queue and the settings of the admin center, in a browser, with mail that went and mail that waits."""
from sealpost import free_port
from setups import local_domain, organisation, outbound_partner, own_server_by_address
from ui import in_browser, setup_link, with_admin_center
from waiting import wait_for


def test_mail_and_settings(tmp_path, instances, authority):
    ours = with_admin_center(instances, tmp_path / 'ours', authority)
    ours.start()
    ours.apply({
        'organisations': [organisation('ours')],
        'domains': [{**local_domain('ours.example', 'ours', ours), 'directory': True}],
        'connectors': [own_server_by_address('ours'), outbound_partner('ours', 'away', 'away.example', [f'127.0.0.1:{free_port()}'])],
        'recipients': [{'address': 'bob@ours.example'}],
    })
    ours.send('eve@ours.example', 'bob@ours.example')
    ours.send('eve@ours.example', 'joe@away.example')
    ours.wait_mail('bob')
    wait_for(lambda: any(r['attempts'] > 0 and r['state'] == 'waiting' for m in ours.json('queue', 'list') for r in m['recipients']),
             'the first attempt to fail', 60)
    in_browser('mail', url=ours.url, link=setup_link(ours))
    assert [d['name'] for d in ours.json('domain', 'list')] == ['ours.example', 'second.example']
    assert [u['name'] for u in ours.json('user', 'list')] == ['anna', 'berta']
    assert ours.json('queue', 'list') == []
