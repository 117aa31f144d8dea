"""The admin center by keyboard alone, in a browser."""
from sealpost import free_port
from setups import forced_pair, local_domain, organisation, own_server_by_address
from ui import in_browser, setup_link, with_admin_center
from waiting import wait_for


def test_by_keyboard_alone(tmp_path, instances, authority):
    ours = with_admin_center(instances, tmp_path / 'ours', authority)
    ours.start()
    ours.apply({
        'organisations': [organisation('ours')],
        'domains': [{**local_domain('ours.example', 'ours', ours), 'directory': True}],
        'connectors': [own_server_by_address('ours'),
                       forced_pair('ours', 'mx.away.example', 'away', 'away.example', f'127.0.0.1:{free_port()}', authority.pem)],
        'recipients': [{'address': 'bob@ours.example'}],
    })
    ours.send('eve@ours.example', 'bob@ours.example')
    ours.send('eve@ours.example', 'joe@away.example')
    wait_for(lambda: any(r['attempts'] > 0 and r['state'] == 'waiting' for m in ours.json('queue', 'list') for r in m['recipients']),
             'the first attempt to fail', 60)
    in_browser('keyboard', url=ours.url, link=setup_link(ours), connector='ours/away')
