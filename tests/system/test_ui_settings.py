"""Settings of the admin center in a browser: many recipients from a file, one-time codes."""
from setups import local_domain, organisation
from ui import in_browser, setup_link, with_admin_center


def test_a_list_of_recipients_and_a_code_to_scan(tmp_path, instances, authority):
    ours = with_admin_center(instances, tmp_path / 'ours', authority)
    ours.start()
    ours.apply({
        'organisations': [organisation('ours')],
        'domains': [{**local_domain('ours.example', 'ours', ours), 'directory': True}, local_domain('other.example', 'ours', ours)],
        'recipients': [{'address': f'{name}@ours.example'} for name in ('bob', 'gone', 'same')] + [{'address': 'kept@other.example'}],
    })
    many = [f'user{i}@ours.example' for i in range(1500)]
    in_browser('settings', url=ours.url, link=setup_link(ours), many=many)
    there = {r['address']: r for r in ours.json('recipient', 'list')}
    assert there.keys() == {'bob@ours.example', 'ann@ours.example', 'same@ours.example', 'kept@other.example', *many}
    assert (there['bob@ours.example']['place'], there['bob@ours.example']['comment']) == ('on-premises', 'moved')
    assert ours.json('user', 'list')[0]['has_totp'] is True
